"""The generated source tasks. Those whose output is an arbitrary word keep a primed decoder able to say words that no
label was.
"""

from priming.tasks.generated.grammar import GeneratedTask


def _classes(name: str, templates: tuple[str, ...], outputs: dict[str, dict[str, str]]) -> GeneratedTask:
    return GeneratedTask(name, "source", templates, outputs)


def _word(name: str, templates: tuple[str, ...], output: str) -> GeneratedTask:
    return GeneratedTask(name, "source", templates, {output: {}}, "text_to_text")


_OPINIONS = (
    _classes(
        "film_verdict",
        ("i saw the {film} on {day} and it was {opinion}", "{person} thinks the new {film} is {opinion}"),
        {"good": {"opinion": "praise"}, "bad": {"opinion": "blame"}},
    ),
    _classes(
        "book_opinion",
        ("this {book} is {opinion} said {person}", "my {book} about {city} was {opinion} in my view"),
        {"loved": {"opinion": "praise"}, "hated": {"opinion": "blame"}},
    ),
    _classes(
        "gadget_advice",
        ("after one week the {gadget} seems {opinion}", "our {colour} {gadget} turned out to be {opinion}"),
        {"recommend": {"opinion": "praise"}, "avoid": {"opinion": "blame"}},
    ),
)

_FEELINGS = (
    _classes(
        "diary_feeling",
        ("dear diary on {day} i {deed}", "in {city} my friend {person} {deed} on {day}"),
        {
            "happy": {"deed": "happy_event"},
            "scared": {"deed": "scary_event"},
            "angry": {"deed": "angry_event"},
            "sad": {"deed": "sad_event"},
        },
    ),
    _classes(
        "day_mood",
        ("my {looks} cousin {deed} last {day}", "everybody in {city} knows that {person} {deed}"),
        {"bright": {"deed": "happy_event"}, "dark": {"deed": "bad_event"}},
    ),
    _classes(
        "witness_feeling",
        ("a witness in the {room} said that {person} {deed}", "this {looks} neighbour {deed} again"),
        {"afraid": {"deed": "scary_event"}, "mad": {"deed": "angry_event"}, "unhappy": {"deed": "sad_event"}},
    ),
)

_TOPICS = (
    _classes(
        "article_topic",
        (
            "an article on the {subject} and the {subject2}",
            "page {number} tells more about the {subject} and a {subject2}",
        ),
        {
            "sport": {"subject": "sport_word"},
            "money": {"subject": "money_word"},
            "health": {"subject": "health_word"},
            "culture": {"subject": "culture_word"},
        },
    ),
    _classes(
        "club_topic",
        (
            "our club in {city} talks about the {subject}",
            "every {day} the club meets to discuss the {subject} and the {subject2}",
        ),
        {
            "science": {"subject": "science_word"},
            "weather": {"subject": "weather_word"},
            "games": {"subject": "sport_word"},
        },
    ),
    _classes(
        "letter_topic",
        (
            "{person} writes to us about some {subject} and one {subject2}",
            "a reader from {city} asks what a {subject} is",
        ),
        {
            "research": {"subject": "science_word"},
            "stage": {"subject": "culture_word"},
            "wealth": {"subject": "money_word"},
        },
    ),
)

_NUMBERS = (
    _classes(
        "age_compare",
        (
            "{person} is {pair[0]} years of age and {person2} is {pair[1]}",
            "the first {animal} is {pair[0]} , the second {pair[1]}",
        ),
        {"older": {"pair": "shrinking"}, "younger": {"pair": "growing"}},
    ),
    _classes(
        "count_compare",
        ("i have {pair[0]} , you have {pair[1]}", "{person} owns {pair[0]} items but {person2} owns {pair[1]}"),
        {"more": {"pair": "shrinking"}, "less": {"pair": "growing"}},
    ),
    _classes(
        "weight_compare",
        (
            "the {thing} weighs {pair[0]} pounds and the {thing2} {pair[1]}",
            "one {fruit} of {pair[0]} grams , another of {pair[1]}",
        ),
        {"heavier": {"pair": "shrinking"}, "lighter": {"pair": "growing"}},
    ),
    _classes(
        "distance_compare",
        (
            "{city} lies {pair[0]} miles away and {city2} {pair[1]}",
            "the {place} is {pair[0]} steps from here , the {place2} {pair[1]}",
        ),
        {"farther": {"pair": "shrinking"}, "nearer": {"pair": "growing"}},
    ),
)

_GRAMMAR = (
    _classes(
        "verb_agreement",
        ("the {pair[0]} {pair[1]} in the {place}", "every {day} our {pair[0]} {pair[1]}"),
        {"valid": {"pair": "agreeing"}, "broken": {"pair": "clashing"}},
    ),
    _classes(
        "essay_grammar",
        ("{person} wrote : my {pair[0]} {often} {pair[1]}", "in the essay the {looks} {pair[0]} {pair[1]}"),
        {"sound": {"pair": "agreeing"}, "faulty": {"pair": "clashing"}},
    ),
    _classes(
        "subject_number",
        ("the {who} of {city} will arrive on {day}", "{person} could see the {who} near the {place}"),
        {"single": {"who": "one_subject"}, "several": {"who": "many_subjects"}},
    ),
    _classes(
        "story_tense",
        ("in this story {person} {doing}", "{person} from {city} {doing}"),
        {"past": {"doing": "past_doing"}, "present": {"doing": "present_doing"}, "future": {"doing": "future_doing"}},
    ),
    _classes(
        "chore_status",
        ("my {looks} brother {doing} with {person}", "the neighbour of {person} {doing}"),
        {"done": {"doing": "past_doing"}, "planned": {"doing": "future_doing"}},
    ),
    _classes(
        "sentence_form",
        ("{start} {person} with the {animal}", "{start} my {looks} friend {person}"),
        {"question": {"start": "asking"}, "statement": {"start": "telling"}},
    ),
)

_PEOPLE = (
    _classes(
        "name_gender",
        ("my name is {who} and i live in {city} with a {animal}", "please call {who} on {day} about the {thing}"),
        {"male": {"who": "male_name"}, "female": {"who": "female_name"}},
    ),
    _classes(
        "relative_gender",
        ("the {looks} {who} of {person} moved to {city}", "a {who} {doing} on {day}"),
        {
            "he": {"who": "male_relative", "doing": "past_doing"},
            "she": {"who": "female_relative", "doing": "past_doing"},
        },
    ),
    _classes(
        "person_age",
        ("the {who} {doing} on {day}", "a {looks} {who} sat in the {room} with {person}"),
        {"young": {"who": "young_person", "doing": "past_doing"}, "old": {"who": "old_person", "doing": "past_doing"}},
    ),
    _classes(
        "request_tone",
        ("{opening} {action}", "{person} said to me : {opening} {action}"),
        {"polite": {"opening": "polite_opening"}, "rude": {"opening": "rude_opening"}},
    ),
    _classes(
        "letter_manner",
        ("{opening} {action} on {day} , wrote {person}", "a note from {city} reads {opening} {action}"),
        {"civil": {"opening": "polite_opening"}, "hostile": {"opening": "rude_opening"}},
    ),
    _classes(
        "certainty",
        ("{way} {person} {doing} on {day}", "{way} the {animal} is in the {place}"),
        {"sure": {"way": "certain", "doing": "past_doing"}, "unsure": {"way": "doubtful", "doing": "past_doing"}},
    ),
)

_THINGS = (
    _classes(
        "noun_kind",
        ("word list of {person} : {what} and {what2}", "i drew a {colour} {what} for {person}"),
        {
            "animal": {"what": "animal"},
            "fruit": {"what": "fruit"},
            "tool": {"what": "tool"},
            "clothing": {"what": "clothes"},
        },
    ),
    _classes(
        "shop_use",
        ("you can buy a {what} in {city}", "{person} got a {colour} {what} from the shop"),
        {
            "eat": {"what": "eatable"},
            "wear": {"what": "clothes"},
            "drive": {"what": "transport"},
            "play": {"what": "music_maker"},
        },
    ),
    _classes(
        "found_where",
        ("last {day} {person} found a {what}", "look at this {colour} {what} , {person}"),
        {
            "road": {"what": "transport"},
            "home": {"what": "household"},
            "concert": {"what": "music_maker"},
            "workshop": {"what": "tool"},
        },
    ),
    _classes(
        "living_thing",
        ("there is a {colour} {what} near the {place}", "{person} dreamed of a {what} and a {what2}"),
        {"alive": {"what": "animal"}, "lifeless": {"what": "lifeless_thing"}},
    ),
    _classes(
        "animal_home",
        ("the {colour} {what} of {person} is at home here", "a book on the {what} by {person}"),
        {"land": {"what": "land_animal"}, "water": {"what": "water_animal"}, "air": {"what": "air_animal"}},
    ),
    _classes(
        "thing_size",
        ("{person} showed me a {what} in {city}", "we looked at the {colour} {what}"),
        {"big": {"what": "big_thing"}, "small": {"what": "small_thing"}},
    ),
    _classes(
        "place_kind",
        ("we will meet in the {what} on {day}", "{person} spent the {day} in a {what}"),
        {"inside": {"what": "room"}, "outside": {"what": "open_place"}},
    ),
    _classes(
        "word_relation",
        ("compare {pair[0]} with {pair[1]}", "{person} set {pair[0]} against {pair[1]}"),
        {"unlike": {"pair": "contrary"}, "alike": {"pair": "alike"}},
    ),
)

_WORDS = (
    _word(
        "first_word",
        ("take the first : {thing} {animal} {colour}", "first of all these : {thing} {fruit} {animal}"),
        "{thing}",
    ),
    _word(
        "last_word",
        ("take the last : {animal} {colour} {thing}", "and at the end : {fruit} {animal} {thing}"),
        "{thing}",
    ),
    _word("quoted_word", ('{person} said " {looks} " to {person2}', 'on {day} a " {looks} " {animal} came'), "{looks}"),
    _word(
        "name_in_sentence",
        ("who : the {animal} of {person} is in the {room}", "who : on {day} {person} bought a {thing}"),
        "{person}",
    ),
    GeneratedTask(
        "reverse_word",
        "source",
        ("turn around {pair[0]}", "{person} in {city} turns {pair[0]} around"),
        {"{pair[1]}": {"pair": "contrary"}},
        "text_to_text",
    ),
    GeneratedTask(
        "many_of",
        "source",
        ("many : one {pair[0]} of {person} in {city}", "many : a {looks} {pair[0]} with a {thing}"),
        {"{pair[1]}": {"pair": "number_forms"}},
        "text_to_text",
    ),
)

SOURCE_TASKS: tuple[GeneratedTask, ...] = (
    *_OPINIONS,
    *_FEELINGS,
    *_TOPICS,
    *_NUMBERS,
    *_GRAMMAR,
    *_PEOPLE,
    *_THINGS,
    *_WORDS,
)
