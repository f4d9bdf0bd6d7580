"""Metrics against scikit-learn, and by hand where scikit-learn has none."""

import math
import os
import random
import subprocess
import sys

import numpy
import pytest
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from priming.evaluation.metrics import METRICS, own_metric, score
from priming.evaluation.metrics.texts import normalised
from priming.forms.rows import Example
from priming.forms.table import FORMS


@pytest.fixture(params=range(20))
def rows(request: pytest.FixtureRequest) -> tuple[list[str], list[str]]:
    """Random gold and predicted labels; some predictions are no label, some labels are never gold."""
    draw = random.Random(request.param)
    gold = draw.choices(["good", "bad", "mixed"][: draw.randint(1, 3)], k=draw.randint(1, 30))
    return gold, draw.choices(["good", "bad", "mixed", "Good", "never"], k=len(gold))


def test_accuracy_ignores_case_and_outer_space(rows: tuple[list[str], list[str]]) -> None:
    gold, predicted = rows
    expected = accuracy_score([g.lower() for g in gold], [p.lower() for p in predicted])
    assert score("accuracy", [f" {p.upper()}\n" for p in predicted], [[g] for g in gold]) == pytest.approx(expected)


def test_free_f1_counts_invented_strings_as_classes(rows: tuple[list[str], list[str]]) -> None:
    gold, predicted = rows
    expected = f1_score(gold, predicted, average="macro", zero_division=0)
    assert score("macro_f1_free", predicted, [[g] for g in gold]) == pytest.approx(expected)


def test_label_f1_is_over_the_gold_classes(rows: tuple[list[str], list[str]]) -> None:
    gold, predicted = rows
    expected = f1_score(gold, predicted, labels=sorted(set(gold)), average="macro", zero_division=0)
    assert score("macro_f1_labels", predicted, [[g] for g in gold]) == pytest.approx(expected)


def test_an_invented_string_lowers_free_f1_only() -> None:
    gold, predicted = [["good"], ["good"], ["bad"], ["bad"]], ["good", "good", "bad", "awful"]
    assert score("macro_f1_labels", predicted, gold) == pytest.approx((1 + 2 / 3) / 2)
    assert score("macro_f1_free", predicted, gold) == pytest.approx((1 + 2 / 3 + 0) / 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat, sat!", "cat sat"),
        ("a theatre", "theatre"),
        ("A.N.", ""),
        ("an-other", "another"),
        ("don't", "dont"),
        ("“quoted”", "“quoted”"),
    ],
)
def test_normalisation(text: str, expected: str) -> None:
    assert normalised(text) == expected


def test_best_of_several_references() -> None:
    references = [["Paris", "the city of Paris"], ["two", "2"], ["no"]]
    predictions = ["City of paris.", "2", "yes"]
    assert score("exact_match", predictions, references) == pytest.approx(2 / 3)
    assert score("accuracy", predictions, references) == pytest.approx(1 / 3)


def test_f1_reads_the_first_reference() -> None:
    assert score("macro_f1_free", ["b", "b"], [["a", "b"], ["b"]]) == pytest.approx((0 + 2 / 3) / 2)


@pytest.mark.parametrize(
    "metric", sorted(METRICS.keys() - {"rouge_l", "matthews", "pearson", "entity_f1", "entity_f1_strict"})
)
def test_perfect_and_hopeless(metric: str) -> None:
    assert score(metric, ["x", "y"], [["x"], ["y"]]) == 1
    assert score(metric, ["z", "w"], [["x"], ["y"]]) == 0


def test_majority_is_the_commonest_and_the_first_of_equals() -> None:
    assert FORMS["text"].constant([Example("", ("a",)), Example("", ("b",)), Example("", ("b", "a"))]) == (
        "b",
        ["b", "b", "b"],
    )
    assert FORMS["text"].constant([Example("", ("b",)), Example("", ("a",))])[0] == "b"


def test_broken_input_is_refused() -> None:
    with pytest.raises(ValueError, match="0 predictions for 0 rows"):
        score("accuracy", [], [])
    with pytest.raises(ValueError, match="1 predictions for 2 rows"):
        score("accuracy", ["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="row 1 has no reference"):
        score("accuracy", ["a", "b"], [["a"], []])


def test_a_score_does_not_depend_on_the_order_of_a_set() -> None:
    code = (
        "from priming.evaluation.metrics import score\ngold = [f'class {i % 7}' for i in range(60)]; "
        "texts = [f'class {i * i % 11}' for i in range(60)]\nprint(repr(score('macro_f1_free', texts, "
        "[[g] for g in gold])), repr(score('macro_f1_labels', texts, [[g] for g in gold])))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(printed) == 1


def test_accuracy_compares_references_as_they_are() -> None:
    assert score("accuracy", [" Yes "], [["yes"]]) == 1
    assert score("accuracy", ["yes"], [[" yes"]]) == 0


def test_qa_f1_counts_words_as_often_as_they_are_shared() -> None:
    # big, cat and one dog are shared: 3 of 4 predicted words, 3 of 5 gold ones.
    assert score("qa_f1", ["The big, big cat: dog"], [["none", "big cat dog dog mouse"]]) == pytest.approx(2 * 3 / 9)
    assert score("qa_f1", ["the", "x"], [["a"], ["y"]]) == 0


@pytest.mark.filterwarnings("ignore:A single label was found")
def test_matthews_is_that_of_scikit_learn(rows: tuple[list[str], list[str]]) -> None:
    words = {"good": "acceptable", "bad": "unacceptable", "mixed": "acceptable", "Good": "Acceptable", "never": "other"}
    gold, predicted = ([words[text] for text in texts] for texts in rows)
    expected = matthews_corrcoef([g == "acceptable" for g in gold], [p == "acceptable" for p in predicted])
    assert score("matthews", predicted, [[g] for g in gold]) == pytest.approx(expected, abs=1e-12)


def test_pearson_is_that_of_numpy() -> None:
    draw = random.Random(1)
    gold, predicted = ([str(draw.randint(1, 5)) for _ in range(40)] for _ in range(2))
    expected = numpy.corrcoef([float(g) for g in gold], [float(p) for p in predicted])[0, 1]
    assert score("pearson", predicted, [[g, "9"] for g in gold]) == pytest.approx(expected)
    assert score("pearson", gold, [[g] for g in gold]) == pytest.approx(1)


@pytest.mark.parametrize(
    "predicted", [["1", "2", "three"], ["1", "2", ""], ["1", "2", "inf"], ["2", "2", "2"], ["1", "2", "nan"]]
)
def test_pearson_of_what_is_no_number_or_does_not_vary_is_nan(predicted: list[str]) -> None:
    assert math.isnan(score("pearson", predicted, [["1"], ["2"], ["3"]]))


def test_a_study_can_mean_each_tasks_own_metric() -> None:
    assert [own_metric(metric, "rouge_l") for metric in ("task", "accuracy")] == ["rouge_l", "accuracy"]
