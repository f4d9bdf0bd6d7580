"""The kinds of questions: nine to prime on, two held out.

Each is a data set: its rows have a text, the options to choose from, and the number of the right one. What words mean
is in the sentences for pretraining (`priming.tasks.generated.statements`); which question is asked of them is in the
templates alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from priming.tasks.task import Part


@dataclass(frozen=True)
class Case:
    """Rows with one right answer, or whose right answer is itself a template.

    `texts` are templates of the text, of which a row has one; `others` those of wrong options. `classes` names the word
    classes of slots as in `priming.tasks.generated.grammar`. `about` is what the question is about, as a template.
    """

    texts: tuple[str, ...]
    answer: str
    others: tuple[str, ...]
    classes: Mapping[str, str] = field(default_factory=dict)
    about: str = ""


@dataclass(frozen=True)
class QuestionKind:
    """A kind of question: cases that are equally frequent; `options` are offered in each row."""

    name: str
    part: Part
    options: int
    cases: tuple[Case, ...]


def _labels(texts: tuple[str, ...], slot: str, answers: Mapping[str, str], about: str = "") -> tuple[Case, ...]:
    """A case for each answer, of which the word class fills the slot; the other answers are wrong."""
    return tuple(
        Case(texts, answer, tuple(other for other in answers if other != answer), {slot: own}, about)
        for answer, own in answers.items()
    )


def _of_both(text: str) -> tuple[tuple[str, str, str], ...]:
    """Who has what in a text on two people, who else there is, and what they have."""
    first, second = (
        ("{thing}", "{animal}") if text.index("{thing}") < text.index("{animal}") else ("{animal}", "{thing}")
    )
    return ("person", "person2", first), ("person2", "person", second)


def _endings(feelings: tuple[str, ...]) -> tuple[Case, ...]:
    texts = (
        "on {day} {person} {before}",
        "in {city} my friend {person} {before}",
        "{before2} and {before} , so {person}",
    )
    return tuple(
        Case(texts, "{after}", tuple(f"{{{other}}}" for other in feelings if other != own),
             {"before": own, "after": own})
        for own in feelings
    )  # fmt: skip


_COMPANIES = (
    "animal", "fruit", "tool", "clothes", "transport", "household", "music_maker", "tree", "flower", "colour", "day",
    "city", "sport_word", "money_word", "health_word", "culture_word", "science_word", "weather_word", "weapon", "toy",
    "gem", "metal", "room", "dish",
)  # fmt: skip


def _companions() -> tuple[Case, ...]:
    """What goes with a word is of its class; the answers are hundreds of words."""
    texts = ("{person} thinks of {one}", "the word {one} is on the list", "on {day9} they talked about {one}")
    return tuple(
        Case(texts, "{one2}", tuple(f"{{{other}}}" for other in _COMPANIES if other != own), {"one": own}, "{one}")
        for own in _COMPANIES
    )


def _deeds() -> tuple[Case, ...]:
    """What is of the same sort as a deed, of two sorts that are opposite."""
    opposite = {"upward_event": "downward_event", "giving_event": "taking_event"}
    both = opposite | {other: own for own, other in opposite.items()}
    texts = ("{person} {one}", "in {city} the {looks} cousin {one}", "they said that {person} {one}")
    return tuple(Case(texts, "{one2}", (f"{{{other}}}",), {"one": own}) for own, other in both.items())


_SOURCE = (
    QuestionKind(
        "verdict", "source", 2,
        _labels(
            ("i saw the {film} on {day} and it was {opinion}", "this {book} about {city} was {opinion}",
             "{person} thinks that the {gadget} is {opinion}", "the {dish} in {city} was {opinion}"),
            "opinion", {"good": "praise", "bad": "blame"},
        ),
    ),
    QuestionKind(
        "feeling", "source", 3,
        _labels(
            ("on {day} {person} {deed}", "in {city} {person} {deed}", "my {looks} cousin {deed}"),
            "deed", {"happy": "happy_event", "scared": "scary_event", "angry": "angry_event", "sad": "sad_event"},
        ),
    ),
    QuestionKind(
        "subject", "source", 3,
        _labels(
            ("an article on the {what} and the {what2}", "our club talks about the {what}",
             "{person} wrote to us about some {what} and one {what2}"),
            "what",
            {"sport": "sport_word", "money": "money_word", "health": "health_word", "culture": "culture_word",
             "science": "science_word", "weather": "weather_word"},
        ),
    ),
    QuestionKind(
        "tense", "source", 3,
        _labels(
            ("{person} {doing}", "in this story {person} {doing}", "my {looks} brother {doing}"),
            "doing", {"past": "past_doing", "present": "present_doing", "future": "future_doing"},
        ),
    ),
    QuestionKind(
        "manner", "source", 2,
        _labels(
            ("{opening} {action}", "{person} said : {opening} {action}", "a note from {city} reads {opening} {action}"),
            "opening", {"polite": "polite_opening", "rude": "rude_opening"},
        ),
    ),
    QuestionKind(
        "habitat", "source", 3,
        _labels(
            ("last {day} {person} saw the {what}", "the {what} and the {what2} were in the photo",
             "{person} has a book about the {what}"),
            "what", {"land": "land_animal", "water": "water_animal", "air": "air_animal"}, "{what}",
        ),
    ),
    QuestionKind("companion", "source", 3, _companions()),
    QuestionKind("deed", "source", 2, _deeds()),
    QuestionKind(
        "holder", "source", 2,
        tuple(
            Case((text,), f"{{{asked}}}", (f"{{{other}}}",), {}, about)
            for text in ("{person} has the {thing} and {person2} has the {animal}",
                         "{person} owns the {animal} and {person2} owns the {thing}")
            for asked, other, about in _of_both(text)
        ),
    ),
)  # fmt: skip

_HELD_OUT = (
    QuestionKind(
        "belonging", "target", 3,
        _labels(
            ("the {colour} {thing_named} of {person} was in {city}",
             "word list of {person} : {thing_named} and {thing_named2}",
             "last {day} we found the {thing_named}"),
            "thing_named",
            {"animal": "animal", "fruit": "fruit", "tool": "tool", "clothing": "clothes", "vehicle": "transport",
             "furniture": "household"},
            "{thing_named}",
        ),
    ),
    QuestionKind("ending", "target", 2, _endings(("happy_event", "scary_event", "angry_event", "sad_event"))),
)  # fmt: skip

QUESTION_KINDS = {kind.name: kind for kind in (*_SOURCE, *_HELD_OUT)}
"""By name, which is that of the data set too."""
