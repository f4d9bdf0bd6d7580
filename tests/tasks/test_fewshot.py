"""Few-shot samples."""

import hashlib
import random
from collections import Counter
from dataclasses import replace

import numpy
import pytest

from priming.errors import DataError
from priming.forms.choices import question
from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.protocol.dev_sets import DEV_SETS
from priming.protocol.draws.table import DRAWS
from priming.protocol.duplicates import DUPLICATES
from priming.study.tasks import Tasks
from priming.tasks.fewshot import Protocol, Sample, draw_sample
from priming.tasks.task import Task

LABELS = ("bad", "good", "so so")


def classification(
    sizes: tuple[int, ...] = (100, 100, 100), test: list[Example] | None = None, name: str = "toy"
) -> Task:
    train = [Example(f"{label} {i}", (label,)) for label, size in zip(LABELS, sizes, strict=False) for i in range(size)]
    labels = LABELS[: len(sizes)]
    return Task(name, "classification", labels, train, [Example("unseen", ("bad",))] if test is None else test, "files")


def draw(task: Task, number: int = 13, shots: int = 16, test_limit: int | None = None) -> Sample:
    size = shots if task.kind == "classification" else 2 * shots
    return draw_sample(task, number, Protocol(DRAWS[KINDS[task.kind].draw], size, test_limit=test_limit))


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
    sample = draw(
        Task("toy", "classification", task.labels, task.train, [*task.train, Example("unseen", ("bad",))], "files")
    )
    assert sample.seen_in_test == 64
    assert inputs(sample.test) == {e.input for e in task.train} - inputs(sample.train) - inputs(sample.dev) | {"unseen"}
    assert sample.test == [e for e in (*task.train, Example("unseen", ("bad",))) if e in sample.test]


def test_the_test_limit_takes_the_same_rows_for_every_sample_before_rows_are_dropped() -> None:
    task = classification((40, 40))
    rows = [*task.train[:20], *(Example(f"test {i}", ("bad",)) for i in range(200))]
    task = Task("toy", "classification", task.labels, task.train, rows, "files")
    samples = [draw(task, number=k, test_limit=100) for k in (13, 21)]
    assert all(len(sample.test) + sample.seen_in_test == 100 for sample in samples)
    kept = [{text for text in inputs(sample.test) if text.startswith("test")} for sample in samples]
    assert kept[0] == kept[1]
    assert draw(task, test_limit=220).test == draw(task).test


def with_dev(dev: list[Example] | None) -> Task:
    """The toy task with a development split."""
    task = classification((40, 40))
    test = [Example("unseen", ("bad",)), task.train[0]]
    return Task("toy", "classification", task.labels, task.train, test, "files", dev=dev)


def test_a_draw_that_the_study_names_goes_before_that_of_the_kind() -> None:
    protocol = Protocol.of_kind(Tasks.model_construct(draw="in_all", shots_in_all=10), "classification")
    sample = draw_sample(classification(), 13, protocol)
    assert (len(sample.train), len(sample.dev), sample.short) == (10, 10, {})
    # Ten of a hundred rows a class are not the same number of each: shuffled as one group.
    order = random_order("toy", 13, 300)
    assert inputs(sample.train) == {classification().train[i].input for i in order[:10]}
    assert inputs(sample.dev) == {classification().train[i].input for i in order[10:20]}


def random_order(name: str, number: int, size: int) -> list[int]:
    """The order of the rows of a group, from the recipe of the random numbers as the documents say it."""
    seed = int.from_bytes(hashlib.sha256(f"{name}\0{number}".encode()).digest())
    return [int(i) for i in numpy.random.default_rng(seed).permutation(size)]


BALANCED = Protocol(DRAWS["balanced"], 16, DEV_SETS["none"])


def questions(places: tuple[int, ...], name: str = "copa") -> Task:
    """A task whose right choice is at each place so often."""
    rows: list[Example] = [
        question(f"q {place} {n}", ["a", "b", "c"][: len(places)], place)
        for place, many in enumerate(places)
        for n in range(many)
    ]
    return Task(name, "multiple_choice", None, rows, [question("unseen", ["a", "b"], 0)], "p3")


def test_balanced_samples_have_as_many_right_choices_at_each_place() -> None:
    task = questions((300, 20))
    drawn = [draw_sample(task, number, BALANCED) for number in range(100, 110)]
    for sample in drawn:
        assert Counter(row.answered for row in sample.train) == {"choice 1": 8, "choice 2": 8}
        assert (sample.dev, sample.short) == ([], {})
    assert len({frozenset(inputs(sample.train)) for sample in drawn}) == 10
    # Without it, the place that is right in fifteen of sixteen rows is drawn about as often.
    by_chance = [draw_sample(task, n, replace(BALANCED, draw=DRAWS["in_all"])) for n in range(100, 110)]
    assert sum(Counter(row.answered for row in sample.train)["choice 2"] for sample in by_chance) < 40


def test_one_of_sixteen_goes_to_a_place_at_random_where_there_are_three() -> None:
    counts = [
        Counter(row.answered for row in draw_sample(questions((50, 50, 50)), n, BALANCED).train) for n in range(30)
    ]
    assert all(sorted(own.values()) == [5, 5, 6] for own in counts)
    most = Counter(own.most_common(1)[0][0] for own in counts)
    assert set(most) == {"choice 1", "choice 2", "choice 3"}
    again = [
        Counter(row.answered for row in draw_sample(questions((50, 50, 50)), n, BALANCED).train) for n in range(30)
    ]
    assert again == counts


def test_balanced_samples_of_labels_and_their_development_sets() -> None:
    sample = draw_sample(classification(), 13, Protocol(DRAWS["balanced"], 15))
    for part in (sample.train, sample.dev):
        assert Counter(row.targets[0] for row in part) == dict.fromkeys(LABELS, 5)
    assert len(inputs(sample.train) | inputs(sample.dev)) == 30


def test_a_place_with_too_few_rows_is_counted_and_not_filled() -> None:
    sample = draw_sample(questions((300, 3)), 100, BALANCED)
    assert sample.short == {"choice 2": {"train": 3, "dev": 0}}
    assert Counter(row.answered for row in sample.train) == {"choice 1": 8, "choice 2": 3}


def test_text_cannot_be_balanced() -> None:
    task = Task("toy", "text_to_text", None, [Example("q", ("a",))], [Example("unseen", ("a",))], "files")
    with pytest.raises(DataError, match=r"task toy has no classes to draw 16 in all, as many of each answer; leave"):
        draw_sample(task, 13, BALANCED)


def test_text_has_no_classes_to_draw() -> None:
    task = Task("toy", "text_to_text", None, [Example("q", ("a",))], [Example("unseen", ("a",))], "files")
    with pytest.raises(DataError, match=r"task toy has no classes to draw 4 a class; leave tasks\.draw out"):
        draw_sample(task, 13, Protocol(DRAWS["per_class"], 4))


def test_all_rows_train_beside_a_split() -> None:
    dev = [
        Example("dev 1", ("bad",)),
        Example("bad 3", ("bad",)),
        Example("dev 1", ("good",)),
        Example("dev 2", ("good",)),
    ]
    sample = draw_sample(with_dev(dev), 13, Protocol(DRAWS["all"], None, DEV_SETS["split"]))
    assert sorted(e.input for e in sample.train) == sorted(e.input for e in with_dev(None).train)
    assert sample.train != with_dev(None).train
    # One is the same as another of the split, one trains.
    assert sorted(e.input for e in sample.dev) == ["dev 1", "dev 2"]
    assert (sample.dropped_from_dev, sample.seen_in_test, [e.input for e in sample.test]) == (1, 1, ["unseen"])


def test_a_split_is_cut_to_the_same_rows_for_every_sample() -> None:
    dev = [Example(f"dev {i}", ("bad",)) for i in range(50)]
    protocol = Protocol(DRAWS["per_class"], 4, DEV_SETS["split"], dev_limit=7)
    first, second = (draw_sample(with_dev(dev), number, protocol) for number in (13, 21))
    assert len(first.dev) == 7
    assert inputs(first.dev) == inputs(second.dev)
    assert inputs(first.train) != inputs(second.train)


def test_a_split_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError, match=r"task toy has no development split; name one as 'dev' .*tasks\.define\.toy"):
        draw_sample(with_dev(None), 13, Protocol(DRAWS["per_class"], 4, DEV_SETS["split"]))


def test_without_a_development_set_the_training_rows_are_the_same() -> None:
    drawn, alone = (
        draw_sample(with_dev(None), 13, Protocol(DRAWS["per_class"], 4, DEV_SETS[name])) for name in ("drawn", "none")
    )
    assert inputs(alone.train) == inputs(drawn.train)
    assert (len(drawn.dev), alone.dev) == (8, [])
    # All rows of a class may then train.
    assert draw_sample(classification((16, 16)), 13, Protocol(DRAWS["per_class"], 16, DEV_SETS["none"])).short == {}


def test_repeated_rows_that_are_kept_are_drawn_and_tested() -> None:
    task = Task("toy", "text_to_text", None, [Example("same", ("a",))] * 6, [Example("same", ("a",))] * 2, "files")
    sample = draw_sample(task, 13, Protocol(DRAWS["in_all"], 3, duplicates=DUPLICATES["keep"]))
    assert (len(sample.train), len(sample.dev), len(sample.test), sample.seen_in_test) == (3, 3, 2, 2)
