"""F1 of entities: by hand, and equal to that of the package seqeval on random tags."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import IOB2

from priming.evaluation.metrics import score
from priming.evaluation.metrics.entities import Entity, by_type, counts, lenient, strict

TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
TYPES = ("PER", "ORG", "LOC")
ROWS = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=12), min_size=1, max_size=6
)


def seqeval(predictions: list[str], references: list[str], **options: object) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(f1_score([row.split() for row in references], [row.split() for row in predictions], **options))


@settings(max_examples=300, deadline=None)
@given(ROWS)
def test_equal_to_seqeval(rows: list[list[tuple[str, str]]]) -> None:
    given_, wanted = ([" ".join(pair[side] for pair in row) for row in rows] for side in (0, 1))
    references = [[row] for row in wanted]
    assert score("entity_f1", given_, references) == pytest.approx(seqeval(given_, wanted), abs=1e-15)
    theirs = seqeval(given_, wanted, mode="strict", scheme=IOB2)
    assert score("entity_f1_strict", given_, references) == pytest.approx(theirs, abs=1e-15)


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_of_one_type_equal_to_seqeval(rows: list[list[tuple[str, str]]]) -> None:
    given_, wanted = ([" ".join(pair[side] for pair in row) for row in rows] for side in (0, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            report = classification_report([r.split() for r in wanted], [r.split() for r in given_], output_dict=True)
        except ValueError:  # no entity at all
            return
    there = {kind: report[kind]["f1-score"] for kind in TYPES if kind in report and report[kind]["support"]}
    assert by_type(given_, [[row] for row in wanted], lenient) == pytest.approx(there, abs=1e-15)
    for kind in TYPES:
        found = counts(given_, [[row] for row in wanted], lenient, [kind])
        assert found.f1 == pytest.approx(report[kind]["f1-score"] if kind in report else 0.0, abs=1e-15)
        assert found.there == (report[kind]["support"] if kind in report else 0)


def test_by_hand() -> None:
    """Three entities there, three answered, one of them right in type and both ends."""
    answer, right = "B-PER I-PER O B-LOC O I-ORG", "B-PER I-PER O B-LOC I-LOC B-ORG"
    assert counts([answer], [[right]], strict) == (1, 2, 3)
    assert counts([answer], [[right]], lenient) == (2, 3, 3)
    assert score("entity_f1", [answer], [[right]]) == pytest.approx(2 / 3)
    assert score("entity_f1_strict", [answer], [[right]]) == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    ("tags", "loose", "close"),
    [
        ("O I-PER I-PER", [("PER", 1, 3)], []),
        ("B-PER I-LOC", [("PER", 0, 1), ("LOC", 1, 2)], [("PER", 0, 1)]),
        ("B-PER B-PER", [("PER", 0, 1), ("PER", 1, 2)], [("PER", 0, 1), ("PER", 1, 2)]),
        ("O O", [], []),
    ],
)
def test_readings(tags: str, loose: list[tuple[str, int, int]], close: list[tuple[str, int, int]]) -> None:
    assert list(lenient(tags.split())) == [Entity(*one) for one in loose]
    assert list(strict(tags.split())) == [Entity(*one) for one in close]


def test_no_entity_anywhere_scores_nothing() -> None:
    assert score("entity_f1", ["O O"], [["O O"]]) == 0
