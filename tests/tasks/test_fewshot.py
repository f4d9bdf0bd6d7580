"""Few-shot samples."""

import random
from collections import Counter

import pytest

from priming.errors import DataError
from priming.tasks.fewshot import Sample, draw_sample
from priming.tasks.task import Example, Task

LABELS = ("bad", "good", "so so")


def classification(sizes: tuple[int, ...] = (100, 100, 100), test: list[Example] | None = None, name: str = "toy") -> Task:
    train = [Example(f"{label} {i}", (label,)) for label, size in zip(LABELS, sizes, strict=False) for i in range(size)]
    labels = LABELS[: len(sizes)]
    return Task(name, "classification", labels, train, [Example("unseen", ("bad",))] if test is None else test, "files")


def draw(task: Task, number: int = 13, shots: int = 16, test_limit: int | None = None) -> Sample:
    return draw_sample(task, number, shots=shots, shots_in_all=2 * shots, test_limit=test_limit)


def inputs(examples: list[Example]) -> set[str]:
    return {example.input for example in examples}


def test_every_class_gives_its_shots_twice_and_disjoint() -> None:
    sample = draw(classification())
    for part in (sample.train, sample.dev):
        assert Counter(example.targets[0] for example in part) == dict.fromkeys(LABELS, 16)
    assert len(inputs(sample.train) | inputs(sample.dev)) == 96
    assert sample.short == {}


def test_text_to_text_draws_in_all() -> None:
    train = [Example(f"q {i}", (f"a {i % 3}",)) for i in range(100)]
    sample = draw(Task("toy", "text_to_text", None, train, [Example("unseen", ("a",))], "files"))
    assert (len(sample.train), len(sample.dev)) == (32, 32)
    assert not inputs(sample.train) & inputs(sample.dev)


def test_a_sample_depends_on_its_number_and_the_task_alone() -> None:
    first = draw(classification())
    random.seed(5)
    assert draw(classification()) == first
    assert draw(classification(), number=14).train != first.train
    assert draw(classification(name="other")).train != first.train


def test_a_class_does_not_depend_on_the_order_of_draws_of_the_test_set() -> None:
    rows = [Example(f"test {i}", ("bad",)) for i in range(50)]
    assert draw(classification(test=rows)).train == draw(classification(test=rows), test_limit=10).train


@pytest.mark.parametrize(("rows", "train", "dev"), [(32, 16, 16), (31, 16, 15), (20, 16, 4), (16, 16, 0), (3, 3, 0)])
def test_what_a_class_lacks_is_counted_and_not_padded(rows: int, train: int, dev: int) -> None:
    sample = draw(classification((100, rows)))
    assert [sum(e.targets == ("good",) for e in part) for part in (sample.train, sample.dev)] == [train, dev]
    assert sample.short == ({} if rows == 32 else {"good": {"train": train, "dev": dev}})


def test_a_class_without_rows_is_an_error() -> None:
    with pytest.raises(DataError, match=r"task toy: no row to draw of class 'good'"):
        draw(classification((40, 0)))


def test_a_sample_without_development_or_test_rows_is_an_error() -> None:
    with pytest.raises(DataError, match=r"task toy, sample 13: no development example is left .*ask for fewer shots"):
        draw(classification((16, 16)))
    with pytest.raises(DataError, match=r"task toy, sample 13: no test example is left"):
        draw(classification((32, 32), test=[Example("bad 3", ("bad",))]))


def test_repeated_rows_never_stand_in_both_training_and_development() -> None:
    task = classification((40, 40))
    task.train.extend([*task.train, *task.train])
    sample = draw(task)
    assert len(sample.train) == len(sample.dev) == 32
    assert len(inputs(sample.train) | inputs(sample.dev)) == 64


def test_test_rows_that_occur_in_the_sample_are_dropped_and_counted() -> None:
    task = classification((40, 40))
    sample = draw(Task("toy", "classification", task.labels, task.train, [*task.train, Example("unseen", ("bad",))], "files"))
    assert sample.dropped_from_test == 64
    assert inputs(sample.test) == {e.input for e in task.train} - inputs(sample.train) - inputs(sample.dev) | {"unseen"}
    assert sample.test == [e for e in (*task.train, Example("unseen", ("bad",))) if e in sample.test]


def test_the_test_limit_takes_the_same_rows_for_every_sample_before_rows_are_dropped() -> None:
    task = classification((40, 40))
    rows = [*task.train[:20], *(Example(f"test {i}", ("bad",)) for i in range(200))]
    task = Task("toy", "classification", task.labels, task.train, rows, "files")
    samples = [draw(task, number=k, test_limit=100) for k in (13, 21)]
    assert all(len(sample.test) + sample.dropped_from_test == 100 for sample in samples)
    kept = [{text for text in inputs(sample.test) if text.startswith("test")} for sample in samples]
    assert kept[0] == kept[1]
    assert draw(task, test_limit=220).test == draw(task).test
