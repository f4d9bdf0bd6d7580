"""The generated tasks: their parts, what they share and what they must not share, their rows."""

import hashlib
import os
import subprocess
import sys
from collections import Counter

import pytest

from priming.tasks.generated import GENERATED, GeneratedTask
from priming.tasks.generated.lexicon import CLASSES
from priming.tasks.task import Task, label_counts

NUMBERS = (
    *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
HELD_OUT = [task for task in GENERATED.values() if task.part != "source"]
SOURCE = [task for task in GENERATED.values() if task.part == "source"]


@pytest.fixture(scope="module")
def drawn() -> dict[str, Task]:
    return {name: task.task(2000, 200, 0) for name, task in GENERATED.items()}


@pytest.fixture(scope="module")
def words() -> dict[str, set[str]]:
    return {name: task.words() for name, task in GENERATED.items()}


@pytest.fixture(scope="module")
def source_words(drawn: dict[str, Task]) -> dict[str, set[str]]:
    rows = {task.name: (*drawn[task.name].train, *drawn[task.name].test) for task in SOURCE}
    return {
        name: {word for row in rows[name] for text in (row.input, *row.targets) for word in text.split()}
        for name in rows
    }


def label_words(task: GeneratedTask) -> set[str]:
    return {word for label in task.labels or () for word in label.split()}


def test_there_are_enough_of_each_part() -> None:
    parts = Counter(task.part for task in GENERATED.values())
    assert parts["source"] >= 31
    assert parts["development"] == 8
    assert parts["target"] == 17
    assert sum(task.kind == "text_to_text" for task in SOURCE) >= 4
    assert all(task.kind == "classification" for task in HELD_OUT)


@pytest.mark.parametrize("task", HELD_OUT, ids=lambda task: task.name)
def test_no_other_task_has_the_templates_of_a_development_or_target_task(task: GeneratedTask) -> None:
    for other in GENERATED.values():
        assert other is task or not task.frames() & other.frames(), other.name


@pytest.mark.parametrize("task", HELD_OUT, ids=lambda task: task.name)
def test_label_words_of_development_and_target_tasks_occur_in_no_other_task(
    task: GeneratedTask, words: dict[str, set[str]]
) -> None:
    for other in GENERATED:
        assert other == task.name or not label_words(task) & words[other], other


@pytest.mark.parametrize("task", HELD_OUT, ids=lambda task: task.name)
def test_drawn_source_rows_hold_no_held_out_label_word(task: GeneratedTask, source_words: dict[str, set[str]]) -> None:
    assert len(source_words) == len(SOURCE)
    for other, words in source_words.items():
        assert words
        assert not label_words(task) & words, other


@pytest.mark.parametrize("task", GENERATED.values(), ids=lambda task: task.name)
def test_rows_are_different_short_lower_case_and_balanced(
    task: GeneratedTask, drawn: dict[str, Task], words: dict[str, set[str]]
) -> None:
    rows = drawn[task.name]
    inputs = [row.input for row in (*rows.train, *rows.test)]
    assert len(set(inputs)) == len(inputs)
    assert max(len(text.split()) for text in inputs) <= 17
    assert all(text == text.lower() == " ".join(text.split()) for text in inputs)
    assert all(1 <= len(row.targets[0].split()) <= 2 for row in rows.train)
    assert {word for text in inputs for word in text.split()} <= words[task.name] | {"an"}
    if task.labels:
        for part in (rows.train, rows.test):
            counts = label_counts(part)
            assert set(counts) == set(task.labels)
            assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("task", HELD_OUT, ids=lambda task: task.name)
def test_held_out_tasks_have_whole_pools_and_test_sets(task: GeneratedTask, drawn: dict[str, Task]) -> None:
    assert (len(drawn[task.name].train), len(drawn[task.name].test), drawn[task.name].notes) == (2000, 200, ())


@pytest.mark.parametrize("task", [task for task in GENERATED.values() if task.labels], ids=lambda task: task.name)
def test_no_row_can_have_two_labels(task: GeneratedTask) -> None:
    decisive = [
        slot
        for slot in next(iter(task.outputs.values()))
        if len({classes[slot] for classes in task.outputs.values()}) > 1
    ]
    assert decisive
    for slot in decisive:
        values = [set(CLASSES[classes[slot]]) for classes in task.outputs.values()]
        assert len(set.union(*values)) == sum(map(len, values))
        assert all("{" + slot in template for template in task.templates)


def test_where_templates_run_out_the_counts_say_so() -> None:
    task = GeneratedTask(
        "few", "target", ("a {colour} one",), {"warm": {"colour": "room"}, "cold": {"colour": "open_place"}}
    )
    rows = task.task(100, 50, 0)
    assert (len(rows.train), len(rows.test)) == (14, 6)
    assert rows.notes == ("task few: its templates give 14 of 100 training examples and 6 of 50 test examples",)
    assert not {row.input for row in rows.train} & {row.input for row in rows.test}
    whole = task.task(6, 6, 0)
    assert (len(whole.train), len(whole.test), whole.notes) == (6, 6, ())


def test_the_test_set_does_not_depend_on_the_size_of_the_pool() -> None:
    task = GENERATED["dinner_review"]
    assert {row.input for row in task.task(50, 40, 0).test} == {row.input for row in task.task(2000, 40, 0).test}
    assert task.task(50, 40, 0) == task.task(50, 40, 0)
    assert task.task(50, 40, 0) != task.task(50, 40, 1)


def test_rows_do_not_depend_on_the_process() -> None:
    script = """
import hashlib
from priming.tasks.generated import GENERATED, pretraining_texts
rows = [task.task(100, 30, 0) for task in GENERATED.values()]
print(hashlib.sha256(repr((rows, pretraining_texts(100, 0))).encode()).hexdigest())
"""
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        digests.add(
            subprocess.run(
                [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
            ).stdout
        )
    assert len(digests) == 1
    assert len(digests.pop().strip()) == hashlib.sha256().digest_size * 2


def test_number_tasks_compare_the_numbers(drawn: dict[str, Task]) -> None:
    larger_first = {
        "price_compare": "dearer",
        "level_change": "falling",
        "age_compare": "older",
        "weight_compare": "heavier",
    }
    for name, label in larger_first.items():
        for row in drawn[name].test:
            first, second = (NUMBERS.index(word) for word in row.input.split() if word in NUMBERS)
            assert (row.targets[0] == label) == (first > second), row


def test_opinion_tasks_turn_on_negation(drawn: dict[str, Task]) -> None:
    praising, blaming = ({str(word) for word in CLASSES[name]} for name in ("praising", "blaming"))
    for name, label in {"dinner_review": "tasty", "hotel_review": "charming", "film_verdict": "good"}.items():
        for row in drawn[name].test:
            words = row.input.split()
            positive = bool(praising & set(words))
            assert positive != bool(blaming & set(words))
            assert (row.targets[0] == label) == (positive != ("not" in words)), row


def test_agreement_tasks_turn_on_the_endings(drawn: dict[str, Task]) -> None:
    verbs = {"run", "sleep", "sing", "wait", "work", "jump", "smile", "eat", "read", "swim", "talk", "walk"}
    for name, label in {"essay_grammar": "sound", "verb_agreement": "valid"}.items():
        for row in drawn[name].test:
            words = [word for word in row.input.split() if word not in CLASSES["often"]]
            at = next(i for i, word in enumerate(words) if word.removesuffix("s") in verbs)
            assert (row.targets[0] == label) == (words[at].endswith("s") != words[at - 1].endswith("s")), row


def test_the_odd_one_is_where_the_label_says(drawn: dict[str, Task]) -> None:
    kind = {word: name for name in ("animal", "fruit", "tool", "clothes") for word in CLASSES[name]}
    for row in drawn["odd_one_out"].test:
        kinds = [kind[word] for word in row.input.split() if word in kind]
        odd = ("left", "middle", "right").index(row.targets[0])
        assert [kinds.count(name) == 1 for name in kinds] == [place == odd for place in range(3)], row


def test_arbitrary_words_stand_in_the_input_where_they_are_taken_from_it(drawn: dict[str, Task]) -> None:
    for name in ("first_word", "last_word", "quoted_word", "name_in_sentence"):
        rows = drawn[name]
        assert all(row.targets[0] in row.input.split() for row in rows.train)
        assert rows.labels is None
        assert len({row.targets[0] for row in rows.train}) >= 10
    assert all(row.input.split()[-1] == row.targets[0] for row in drawn["last_word"].train)
