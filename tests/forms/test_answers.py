"""Predictions as data: what is written is read again, and what is broken is named."""

import json
from math import nan
from pathlib import Path

import pytest

from priming.errors import DataError
from priming.forms.answers import Answers, Prediction, predictions, read_predictions, write_predictions
from priming.forms.rows import Example

ROWS = [Example(text, ("a",)) for text in ("x", "y", "x")]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rows = [
        Prediction("dev", "1", {"ranking": "good"}, [-0.25, -3.5], "g"),
        Prediction("test", "2", {"greedy": "ä\nb", "beam": ""}),
    ]
    write_predictions(tmp_path / "sample-1/predictions.jsonl", rows)
    assert read_predictions(tmp_path / "sample-1/predictions.jsonl") == rows


def test_a_line_holds_what_the_row_has(tmp_path: Path) -> None:
    answers = Answers({"ranking": ["a", "b"], "greedy": ["c", "d"]}, [[-1.23456789, -2.0], [nan, 0.0]])
    write_predictions(tmp_path / "p.jsonl", predictions("test", ROWS[:2], answers))
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [line.pop("row") == other for line, other in zip(lines, ("x", "y"), strict=True)] == [False, False]
    assert lines == [
        {"part": "test", "answers": {"ranking": "a", "greedy": "c"}, "scores": [-1.234568, -2.0]},
        {"part": "test", "answers": {"ranking": "b", "greedy": "d"}, "scores": [None, 0.0]},
    ]


def test_a_row_is_named_by_its_input(tmp_path: Path) -> None:
    one, other = (list(predictions(part, ROWS, Answers({"greedy": ["1", "2", "3"]}))) for part in ("dev", "test"))
    assert [row.row for row in one] == [row.row for row in other]
    assert one[0].row == one[2].row != one[1].row


def test_answers_go_back_to_their_rows() -> None:
    """Three answers are those of rows 2, 0 and 1; a fourth one filled a batch up."""
    found = Answers({"ranking": ["c", "a", "b", "a"]}, [[3.0], [1.0], [2.0], [1.0]])
    assert found.sorted_back([2, 0, 1]) == Answers({"ranking": ["a", "b", "c"]}, [[1.0], [2.0], [3.0]])


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"row": "1"}', '{"part": "dev", "row": "1", "answers": {}, "targets": []}']
)
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "predictions.jsonl").write_text(text)
    with pytest.raises(DataError, match=r"predictions\.jsonl is not predictions .*; delete .* and run snakemake again"):
        read_predictions(tmp_path / "predictions.jsonl")
