"""The pretraining texts of generated PLMs."""

from collections import Counter

import pytest

from priming.errors import DataError
from priming.tasks.generated import GENERATED, GeneratedTask, pretraining_texts
from priming.tasks.generated.grammar import frame
from priming.tasks.generated.statements import OPENINGS, STATEMENTS

HELD_OUT = [task for task in GENERATED.values() if task.part != "source"]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return pretraining_texts(12000, 0)


def test_texts_are_different_and_short(texts: list[str]) -> None:
    assert len(texts) == len(set(texts)) == 12000
    assert max(len(text.split()) for text in texts) <= 16


def test_texts_are_fixed_by_the_seed(texts: list[str]) -> None:
    assert pretraining_texts(12000, 0) == texts
    assert pretraining_texts(12000, 1) != texts


def test_every_label_is_used_in_sentences(texts: list[str]) -> None:
    counts = Counter(word for text in texts for word in set(text.split()))
    labels = {word for task in GENERATED.values() for label in task.labels or () for word in label.split()}
    assert {word: counts[word] for word in labels if counts[word] < 25} == {}


def test_nearly_every_word_of_a_task_is_used(texts: list[str]) -> None:
    used = {word for text in texts for word in text.split()}
    needed = {word for task in GENERATED.values() for word in task.words()}
    assert len(needed - used) < 0.05 * len(needed)


@pytest.mark.parametrize("task", HELD_OUT, ids=lambda task: task.name)
def test_no_text_holds_an_input_of_a_held_out_task(task: GeneratedTask, texts: list[str]) -> None:
    rows = task.task(300, 100, 0)
    whole = "\n".join(texts)
    assert not [row.input for row in (*rows.train, *rows.test) if row.input in whole]


def test_no_statement_has_the_template_of_a_task() -> None:
    frames = {frame(f"{opening} {statement}") for opening in OPENINGS for statement in STATEMENTS}
    assert not frames & {template for task in GENERATED.values() for template in task.frames()}


def test_asking_for_more_than_there_is_says_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("priming.tasks.generated.pretraining.STATEMENTS", ("{colour}",))
    monkeypatch.setattr("priming.tasks.generated.pretraining.OPENINGS", ("",))
    with pytest.raises(DataError, match="no 11 different pretraining texts; ask for 10 or fewer"):
        pretraining_texts(11, 0)
