"""Groups of target tasks: a study's own, related source tasks of generated ones, categories of CrossFit's."""

from typing import Any

import pytest
from pydantic import ValidationError

from priming.study.tasks import Tasks
from priming.tasks.generated import GENERATED, GeneratedTask
from priming.tasks.generated.lexicon import CLASSES
from priming.tasks.groups import groups

HELD_OUT = [task for task in GENERATED.values() if task.part != "source"]
MINE = {"files": {"train": "a.csv", "test": "b.csv"}, "input": "{text}", "output": "label"}


def of(**tasks: Any) -> dict[str, list[str]]:
    return groups(Tasks.model_validate({"source": ["film_verdict", "story_tense"], **tasks}))


def deciding_words(task: GeneratedTask) -> dict[str, set[str]]:
    """The words by which the labels of a task are told apart."""
    slot = next(
        slot
        for slot in next(iter(task.outputs.values()))
        if len({classes[slot] for classes in task.outputs.values()}) > 1
    )
    return {label: set(map(str, CLASSES[classes[slot]])) for label, classes in task.outputs.items()}


def answers(source: GeneratedTask, task: GeneratedTask) -> bool:
    """Whether each label of a task has one of the source's to itself that draws on half of its words at least."""
    theirs, taken = deciding_words(source), []
    for words in deciding_words(task).values():
        label = max(theirs, key=lambda name: len(theirs[name] & words))
        if 2 * len(theirs[label] & words) < len(words):
            return False
        taken.append(label)
    return len(set(taken)) == len(taken)


@pytest.mark.parametrize("task", HELD_OUT, ids=lambda task: task.name)
def test_relatives_are_the_source_tasks_that_decide_by_the_same_words(task: GeneratedTask) -> None:
    sources = [source for source in GENERATED.values() if source.part == "source" and source.labels]
    assert set(task.relatives) == {source.name for source in sources if answers(source, task)}


def test_each_group_of_targets_has_tasks_enough() -> None:
    every = groups(
        Tasks(
            source=[name for name, task in GENERATED.items() if task.part == "source"],
            target=[t.name for t in HELD_OUT if t.part == "target"],
        )
    )
    sizes = {name: len(members) for name, members in every.items()}
    assert sizes["with a related source task"] == sizes["without a related source task"] == 8
    assert sum(task.hard for task in GENERATED.values()) <= 2


def test_a_relative_counts_where_the_study_primes_on_it() -> None:
    target = ["dinner_review", "speaker_gender", "plan_time", "thing_warmth"]
    assert of(target=target) == {
        "with a related source task": ["dinner_review", "plan_time"],
        "without a related source task": ["speaker_gender", "thing_warmth"],
    }
    assert of(source=["name_gender"], target=target)["with a related source task"] == ["speaker_gender"]


def test_crossfits_tasks_have_their_categories() -> None:
    found = of(target=["glue-mrpc", "squad-no_context", "emo", "gigaword"])
    assert found == {
        "classification": ["glue-mrpc", "emo"],
        "question answering": ["squad-no_context"],
        "conditional generation": ["gigaword"],
    }


def test_own_tasks_alone_are_one_group() -> None:
    define = {"mine": MINE, "dinner_review": MINE}
    assert of(define=define, target=["mine", "dinner_review"]) == {"all target tasks": ["mine", "dinner_review"]}
    assert of(define=define, target=["mine", "plan_time"]) == {
        "tasks of the study's own": ["mine"],
        "with a related source task": ["plan_time"],
    }


def test_a_study_names_its_groups() -> None:
    target = ["dinner_review", "plan_time", "thing_warmth"]
    assert of(target=target, groups={"time": ["plan_time"]}) == {
        "time": ["plan_time"],
        "other": ["dinner_review", "thing_warmth"],
    }
    assert of(target=target, groups={"a": ["plan_time"], "other": ["dinner_review"]})["other"] == [
        "dinner_review",
        "thing_warmth",
    ]
    assert of(target=target, groups={"a": target}) == {"a": target}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            {"a": ["plan_tim"]},
            "'plan_tim' is no target task; did you mean 'plan_time'.; allowed: those of tasks.target",
        ),
        ({"a": ["plan_time"], "b": ["plan_time"]}, "plan_time is named twice; a task is in one group"),
        ({"a": ["plan_time", "plan_time"]}, "plan_time is named twice"),
    ],
)
def test_groups_hold_targets_once(named: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        of(target=["plan_time"], groups=named)
