"""The generated target tasks: ten of kinds that a small model learns, and two, the last, that it does not and that stay in sight."""

from priming.tasks.generated.grammar import GeneratedTask


def _classes(name: str, templates: tuple[str, ...], outputs: dict[str, dict[str, str]]) -> GeneratedTask:
    return GeneratedTask(name, "target", templates, outputs)


TARGET_TASKS: tuple[GeneratedTask, ...] = (
    _classes(
        "dinner_review",
        ("for dinner we had {dish} , which was {opinion}", "the {dish} that {person} made is {opinion}"),
        {"tasty": {"opinion": "praise"}, "disgusting": {"opinion": "blame"}},
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
    ),
    _classes(
        "price_compare",
        ("a {fruit} costs {pair[0]} cents , a {fruit2} {pair[1]}", "the {gadget} was {pair[0]} euros , mine was {pair[1]}"),
        {"dearer": {"pair": "shrinking"}, "cheaper": {"pair": "growing"}},
    ),
    _classes(
        "sentence_check",
        ("check this : the {pair[0]} {pair[1]} on {day}", "in {city} the {pair[0]} usually {pair[1]}"),
        {"correct": {"pair": "agreeing"}, "wrong": {"pair": "clashing"}},
    ),
    _classes(
        "plan_time",
        ("as for {person} , she or he {doing}", "the plan says that {person} {doing}"),
        {"before": {"doing": "past_doing"}, "now": {"doing": "present_doing"}, "later": {"doing": "future_doing"}},
    ),
    _classes(
        "speaker_gender",
        ("tonight {who} speaks about {city} and the {animal}", "the speech of {who} lasted {number} minutes"),
        {"man": {"who": "male_name"}, "woman": {"who": "female_name"}},
    ),
    _classes(
        "parcel_kind",
        ("the parcel from {city} contains a {what} for {person}", "inside the box {person} saw a {what}"),
        {"creature": {"what": "animal"}, "food": {"what": "eatable"}, "device": {"what": "tool"}, "garment": {"what": "clothes"}},
    ),
    _classes(
        "pair_relation",
        ("two words : {pair[0]} , {pair[1]}", "is {pair[0]} to {pair[1]} , asked {person} in {city}"),
        {"opposite": {"pair": "contrary"}, "same": {"pair": "alike"}},
    ),
    _classes(
        "caller_manner",
        ("caller {number} : {opening} {action}", "{opening} {action} , i am {person}"),
        {"friendly": {"opening": "polite_opening"}, "nasty": {"opening": "rude_opening"}},
    ),
    _classes(
        "odd_one_out",
        ("which differs : {odd[0]} , {odd[1]} , {odd[2]}", "{odd[0]} or {odd[1]} or {odd[2]} , tell {person}"),
        {"left": {"odd": "odd_first"}, "middle": {"odd": "odd_second"}, "right": {"odd": "odd_third"}},
    ),
    _classes(
        "conclusion_check",
        ("given that {person} has a {pair[0]} , {person} has {pair[1]}", "if there is a {pair[0]} in {city} , there is {pair[1]}"),
        {"follows": {"pair": "narrower"}, "unclear": {"pair": "wider"}},
    ),
)
