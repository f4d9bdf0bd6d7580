"""The built-in questions: right answers by the lexicon and by reading the texts, the same rows for all templates."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from priming.forms.choices import Question
from priming.study.tasks import GeneratedTasks, Tasks
from priming.tasks.generated.lexicon import CLASSES
from priming.tasks.prompted.kinds import QUESTION_KINDS
from priming.tasks.prompted.prepare import load
from priming.tasks.sources.prompted import questions
from priming.tasks.task import Task

SIZES = Tasks.model_construct(generated=GeneratedTasks(train=300, test=60))
NAMES = [name for names in questions().values() for name in names]
WORDS = {
    "verdict": {"good": "praise", "bad": "blame"},
    "feeling": {"happy": "happy_event", "scared": "scary_event", "angry": "angry_event", "sad": "sad_event"},
    "tense": {"past": "past_doing", "present": "present_doing", "future": "future_doing"},
    "manner": {"polite": "polite_opening", "rude": "rude_opening"},
    "habitat": {"land": "land_animal", "water": "water_animal", "air": "air_animal"},
    "warmth": {"hot": "hot_thing", "cold": "cold_thing"},
    "size": {"big": "big_thing", "small": "small_thing"},
    "age": {"young": "young_person", "old": "old_person"},
    "belonging": {
        "animal": "animal",
        "fruit": "fruit",
        "tool": "tool",
        "clothing": "clothes",
        "vehicle": "transport",
        "furniture": "household",
    },
    "subject": {
        name: f"{name}_word" for name in ("sport", "money", "health", "culture", "science", "weather")
    },
}  # fmt: skip


def made(name: str, sizes: Tasks = SIZES) -> Task:
    return load(name, sizes, Path())


def asked(task: Task) -> list[Question]:
    return [row for row in [*task.train, *task.test] if isinstance(row, Question)]


def test_there_are_many_kinds_with_four_templates_of_which_two_are_held_out() -> None:
    assert {kind: len(names) for kind, names in questions().items()} == dict.fromkeys(QUESTION_KINDS, 4)
    held_out = [kind.name for kind in QUESTION_KINDS.values() if kind.part == "target"]
    assert held_out == ["belonging", "ending"]
    assert len(QUESTION_KINDS) - len(held_out) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_the_right_choice_is_what_the_words_say(name: str) -> None:
    kind = name.partition(".")[0]
    for row in asked(made(name)):
        assert row.targets == (row.choices[row.answer],)
        assert len(set(row.choices)) == QUESTION_KINDS[kind].options
        if kind in WORDS:
            found = {answer: longest for answer, own in WORDS[kind].items() if (longest := _longest(row.input, own))}
            assert max(found, key=lambda answer: found[answer]) == row.targets[0], row


def _longest(text: str, own: str) -> int:
    """Of the words of a class in a text, the length of the longest, since "not good" is of blame and has "good"."""
    return max((len(str(word)) for word in CLASSES[own] if re.search(rf"\b{re.escape(str(word))}\b", text)), default=0)


def test_who_has_a_thing_is_read_from_the_text() -> None:
    for name in questions()["holder"]:
        for row in asked(made(name)):
            pairs = re.findall(r"(?!who)\b(\w+) (?:has|owns) the (\w+)", row.input)
            assert len(pairs) == 2
            rest = row.input
            for who, what in pairs:
                rest = re.sub(rf"{who} (?:has|owns) the {what}", "", rest)
            about = next(what for _, what in pairs if re.search(rf"\b{what}\b", rest))
            assert row.targets[0] == {what: who for who, what in pairs}[about]


def test_the_right_ending_is_of_the_feeling_that_the_text_is_of() -> None:
    feelings = [CLASSES[own] for own in WORDS["feeling"].values()]
    for name in questions()["ending"]:
        for row in asked(made(name)):
            text = row.input
            for choice in row.choices:
                text = text.replace(choice, "")
            of_text = [own for own in feelings if any(str(event) in text for event in own)]
            assert [choice for choice in row.choices if choice in of_text[0]] == [row.targets[0]]
            assert len(of_text) == 1


@pytest.mark.parametrize("kind", QUESTION_KINDS)
def test_all_templates_of_a_kind_have_the_same_rows(kind: str) -> None:
    tasks = [made(name) for name in questions()[kind]]
    for part in ("train", "test"):
        rows = [[(row.id, row.answer, row.choices) for row in getattr(task, part)] for task in tasks]
        assert all(own == rows[0] for own in rows)
        assert len({row.input for task in tasks for row in getattr(task, part)}) == sum(map(len, rows))
    train, test = ({row.made_from for row in getattr(tasks[0], part)} for part in ("train", "test"))
    assert not train & test
    assert len(test) == 60


def test_test_rows_depend_on_the_seed_alone() -> None:
    few, other = GeneratedTasks(train=150, test=60), GeneratedTasks(train=300, test=60, seed=1)
    name = questions()["ending"][0]
    assert made(name, Tasks.model_construct(generated=few)).test == made(name).test
    assert made(name, Tasks.model_construct(generated=other)).test != made(name).test


def test_what_is_held_out_shares_no_question_and_no_label_with_what_is_primed_on() -> None:
    frames: dict[str, set[str]] = {"source": set(), "target": set()}
    for kind in QUESTION_KINDS.values():
        frames[kind.part] |= {text for case in kind.cases for text in case.texts}
    assert not frames["source"] & frames["target"]
    labels = {case.answer for kind in QUESTION_KINDS.values() if kind.part == "source" for case in kind.cases}
    assert not labels & set(WORDS["belonging"])


def test_templates_are_in_promptsources_format() -> None:
    class Loader(yaml.SafeLoader):
        pass

    for tag in ("!Template", "!TemplateMetadata"):
        Loader.add_constructor(tag, lambda loader, node: loader.construct_mapping(node, deep=True))
    folder = files("priming.tasks.prompted") / "templates"
    for kind in QUESTION_KINDS:
        data = yaml.load((folder / f"{kind}.yaml").read_text(encoding="utf-8"), Loader)
        assert data["dataset"] == kind
        for key, own in data["templates"].items():
            assert own["id"] == key
            assert own["metadata"]["choices_in_prompt"] == ("options" in own["jinja"].partition("|||")[0])
