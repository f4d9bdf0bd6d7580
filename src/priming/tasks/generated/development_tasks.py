"""The generated development tasks, for choosing settings and primed checkpoints: four with a related source task, four
without.
"""

from priming.tasks.generated.grammar import GeneratedTask


def _classes(
    name: str, templates: tuple[str, ...], outputs: dict[str, dict[str, str]], relatives: tuple[str, ...] = ()
) -> GeneratedTask:
    return GeneratedTask(name, "development", templates, outputs, relatives=relatives)


DEVELOPMENT_TASKS: tuple[GeneratedTask, ...] = (
    _classes(
        "hotel_review",
        ("the {lodging} of the hotel in {city} : {opinion}", "we stayed until {day} , the {lodging} was {opinion}"),
        {"charming": {"opinion": "praise"}, "dreadful": {"opinion": "blame"}},
        relatives=("film_verdict", "book_opinion", "gadget_advice"),
    ),
    _classes(
        "report_time",
        ("report of {day} : the {looks} {male_relative} {doing}", "we note that {person} {doing} in {city}"),
        {"finished": {"doing": "past_doing"}, "ongoing": {"doing": "present_doing"}},
        relatives=("story_tense",),
    ),
    _classes(
        "cargo_kind",
        ("the cargo for {city} holds one {what}", "delivered on {day} : {what} , {colour}"),
        {"vehicle": {"what": "transport"}, "furniture": {"what": "household"}, "instrument": {"what": "music_maker"}},
        relatives=("found_where",),
    ),
    _classes(
        "level_change",
        ("since {day} it went from {pair[0]} to {pair[1]}", "the level in {city} was {pair[0]} , then {pair[1]}"),
        {"rising": {"pair": "growing"}, "falling": {"pair": "shrinking"}},
        relatives=("age_compare", "count_compare", "weight_compare", "distance_compare"),
    ),
    _classes(
        "attic_find",
        (
            "up in the attic {person} came across a {colour} {what}",
            "for sale since {day} in {city} : {what} , hardly used",
        ),
        {"weapon": {"what": "weapon"}, "plaything": {"what": "toy"}},
    ),
    _classes(
        "mineral_kind",
        ("the museum in {city} shows {what} and {what2}", "a ring made of {what} for {person} from {city}"),
        {"jewel": {"what": "gem"}, "alloy": {"what": "metal"}},
    ),
    _classes(
        "guest_origin",
        ("{who} will stay with us until {day}", "table {number} : {who} and {who2}"),
        {"italian": {"who": "italian_name"}, "japanese": {"who": "japanese_name"}},
    ),
    _classes(
        "deed_kind",
        ("the police found out that {person} {deed}", "by {day} our {looks} {male_relative} {deed}"),
        {"giver": {"deed": "giving_event"}, "taker": {"deed": "taking_event"}},
    ),
)
