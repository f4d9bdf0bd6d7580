"""The generated target tasks: eight with a source task that asks for the same thing, eight without, and one that a
small model does not learn.
"""

from priming.tasks.generated.grammar import GeneratedTask


def _classes(
    name: str,
    templates: tuple[str, ...],
    outputs: dict[str, dict[str, str]],
    relatives: tuple[str, ...] = (),
    hard: bool = False,
) -> GeneratedTask:
    return GeneratedTask(name, "target", templates, outputs, relatives=relatives, hard=hard)


TARGET_TASKS: tuple[GeneratedTask, ...] = (
    _classes(
        "dinner_review",
        ("for dinner we had {dish} , which was {opinion}", "the {dish} that {person} made is {opinion}"),
        {"tasty": {"opinion": "praise"}, "disgusting": {"opinion": "blame"}},
        relatives=("film_verdict", "book_opinion", "gadget_advice"),
    ),
    _classes(
        "message_emotion",
        ("hi {person} , guess what : i {deed}", "new message : {person} {deed} on {day}"),
        {
            "joy": {"deed": "happy_event"},
            "fear": {"deed": "scary_event"},
            "anger": {"deed": "angry_event"},
            "sorrow": {"deed": "sad_event"},
        },
        relatives=("diary_feeling",),
    ),
    _classes(
        "headline_topic",
        ("headline : {subject} shocks {city}", "breaking news on {day} : {subject} and {subject2}"),
        {
            "athletics": {"subject": "sport_word"},
            "finance": {"subject": "money_word"},
            "medicine": {"subject": "health_word"},
            "art": {"subject": "culture_word"},
        },
        relatives=("article_topic",),
    ),
    _classes(
        "price_compare",
        (
            "a {fruit} costs {pair[0]} cents , a {fruit2} {pair[1]}",
            "the {gadget} was {pair[0]} euros , mine was {pair[1]}",
        ),
        {"dearer": {"pair": "shrinking"}, "cheaper": {"pair": "growing"}},
        relatives=("age_compare", "count_compare", "weight_compare", "distance_compare"),
    ),
    _classes(
        "plan_time",
        ("as for {person} , she or he {doing}", "the plan says that {person} {doing}"),
        {"before": {"doing": "past_doing"}, "now": {"doing": "present_doing"}, "later": {"doing": "future_doing"}},
        relatives=("story_tense",),
    ),
    _classes(
        "speaker_gender",
        ("tonight {who} speaks about {city} and the {animal}", "the speech of {who} lasted {number} minutes"),
        {"man": {"who": "male_name"}, "woman": {"who": "female_name"}},
        relatives=("name_gender",),
    ),
    _classes(
        "parcel_kind",
        ("the parcel from {city} contains a {what} for {person}", "inside the box {person} saw a {what}"),
        {
            "creature": {"what": "animal"},
            "food": {"what": "eatable"},
            "device": {"what": "tool"},
            "garment": {"what": "clothes"},
        },
        relatives=("noun_kind",),
    ),
    _classes(
        "caller_manner",
        ("caller {number} : {opening} {action}", "{opening} {action} , i am {person}"),
        {"friendly": {"opening": "polite_opening"}, "nasty": {"opening": "rude_opening"}},
        relatives=("request_tone", "letter_manner"),
    ),
    _classes(
        "thing_warmth",
        ("{person} dreamt of a {what} last {day}", "near the {place} there was some kind of {what}"),
        {"scorching": {"what": "hot_thing"}, "freezing": {"what": "cold_thing"}},
    ),
    _classes(
        "plant_kind",
        ("last {day} {person} planted a {what} behind the house", "botany lesson of {day} : the {what} , the {what2}"),
        {"timber": {"what": "tree"}, "blossom": {"what": "flower"}},
    ),
    _classes(
        "body_part",
        ("{person} has hurt one {what} again", "the {looks} {young_person} points at the {what}"),
        {"face": {"what": "head_part"}, "limb": {"what": "limb_part"}},
    ),
    _classes(
        "worker_field",
        ("the {looks} {who} from {city} has retired on {day}", "{person} from {city} wants to become a {who}"),
        {"naval": {"who": "seafarer"}, "rural": {"who": "farmhand"}, "legal": {"who": "jurist"}},
    ),
    _classes(
        "snack_taste",
        ("{person} put {what} on the {colour} tray", "a jar of {what} and a jar of {what2} for {person}"),
        {"sugary": {"what": "sugary_thing"}, "salty": {"what": "salty_thing"}},
    ),
    _classes(
        "name_origin",
        ("{who} has a flat in {city} and a {colour} door", "the photo of {day} shows {who} beside {who2}"),
        {"french": {"who": "french_name"}, "russian": {"who": "russian_name"}},
    ),
    _classes(
        "move_direction",
        ("the camera shows how {person} {deed}", "on {day} at noon the {looks} acrobat {deed}"),
        {"upward": {"deed": "upward_event"}, "downward": {"deed": "downward_event"}},
    ),
    _classes(
        "task_outcome",
        ("the {looks} apprentice {way} {plain_doing}", "at last {person} {way} {plain_doing} , says {person2}"),
        {"achieved": {"way": "achieving"}, "undone": {"way": "failing"}},
    ),
    _classes(
        "odd_one_out",
        ("which differs : {odd[0]} , {odd[1]} , {odd[2]}", "{odd[0]} or {odd[1]} or {odd[2]} , tell {person}"),
        {"left": {"odd": "odd_first"}, "middle": {"odd": "odd_second"}, "right": {"odd": "odd_third"}},
        hard=True,
    ),
)
