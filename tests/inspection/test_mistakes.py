"""What a tuned strategy gets wrong."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from priming.cli.printing import plain
from priming.errors import StudyError
from priming.forms.rows import Example
from priming.forms.table import form_of_kind
from priming.inspection.answered_rows import AnsweredRow, Cell, pairs
from priming.inspection.curves import points
from priming.inspection.mistakes import mistakes, per_class
from priming.strategies import Strategy
from priming.tasks.prepared import PreparedTask

FILE, STRATEGY, TASK = Path("config.yaml"), "mtl[plm+adapter] -> adapter", "dinner_review"


def prepared(kind: str, labels: tuple[str, ...] | None = None) -> PreparedTask:
    return PreparedTask(Path(), "some", kind, labels, "target", "files", "accuracy", None, {}, {})  # type: ignore[arg-type]


ROWS: dict[str, tuple[dict[str, Any], str, list[tuple[str, str]]]] = {
    "classification": ({"input": "x", "targets": ["good"]}, "bad", [("good", "bad")]),
    "text_to_text": ({"input": "x", "targets": ["any"]}, "other", []),
    "tagging": (
        {"tokens": ["a", "b", "c"], "tags": ["B-PER", "I-PER", "O"]},
        "O B-PER B-LOC",
        [("PER", "O"), ("PER", "PER"), ("O", "LOC")],
    ),
    "multiple_choice": (
        {"input": "x", "choices": ["yes", "no"], "answer": 1},
        "yes",
        [("choice 2", "choice 1")],
    ),
}


@pytest.mark.parametrize("kind", ROWS)
def test_answers_of_every_kind_are_classes_or_none(kind: str) -> None:
    value, answer, expected = ROWS[kind]
    row = form_of_kind(kind).read_row(value)
    task = prepared(kind, ("good", "bad") if kind == "classification" else None)
    assert list(pairs(task, row, answer)) == expected


def test_an_answer_that_is_no_label_is_other() -> None:
    row = Example("x", ("good",))
    assert list(pairs(prepared("classification", ("good", "bad")), row, "god")) == [("good", "(other)")]


def test_scores_by_class_are_those_of_scikit_learn() -> None:
    labels = ("a", "b", "c")
    gold, given = list("aabbccab"), list("abbbcaaa")
    rows = {
        str(n): AnsweredRow(Example(str(n), (right,)), [answer])
        for n, (right, answer) in enumerate(zip(gold, given, strict=True))
    }
    cell = Cell(Strategy.parse("none -> plm"), prepared("classification", labels), rows, [], "ranking")
    theirs = precision_recall_fscore_support(gold, given, labels=labels, zero_division=0)
    for n, label in enumerate(labels):
        assert per_class(cell)[label] == pytest.approx(tuple(column[n] for column in theirs))
    counts = Counter(cell.pairs)
    assert [[counts[a, b] for b in labels] for a in labels] == confusion_matrix(gold, given, labels=labels).tolist()


def test_a_cell_beside_its_twin(inside: Path) -> None:
    page = mistakes(FILE, STRATEGY, TASK, None, 3)
    data = page.data
    assert (data["strategy"], data["twin"]) == (STRATEGY, "none -> adapter")
    answers = [answer for row in data["rows"] for answer in row["answers"]]
    assert len(answers) == 12 * 4  # test rows, seeds x samples
    right = sum(answer in row["targets"] for row in data["rows"] for answer in row["answers"]) / len(answers)
    scores = [
        json.loads(file.read_text())["test"]["ranking"]["accuracy"]
        for file in Path("results/tiny/scores/mini/mtl-plm+adapter--adapter").glob(f"seed-*/{TASK}/sample-*.json")
    ]
    assert len(scores) == 4
    assert right == pytest.approx(sum(scores) / 4)
    said = plain(page)
    assert f"{right:.3f}" in said
    assert "Confusion (rows: right, columns: answered)" in said
    figure = Path(data["curves"])
    assert figure.read_text().lstrip().startswith("<?xml")
    assert "results" not in figure.parts


def test_curves_are_means_of_the_winners(inside: Path) -> None:
    files = sorted(Path("results/tiny/tuned/mini/none--plm").glob(f"seed-*/{TASK}/sample-*/result.json"))
    runs = [json.loads(file.read_text()) for file in files]
    found = points(runs, "dev")
    assert list(found) == [0, 2, 4]
    assert found[2] == [next(p["dev"] for p in run["runs"][run["winner"]]["curve"] if p["step"] == 2) for run in runs]


def test_a_strategy_without_twin_and_by_its_slug(inside: Path) -> None:
    assert mistakes(FILE, "none--plm", TASK, "mini", 1).data["twin"] is None


@pytest.mark.parametrize(
    ("strategy", "task", "plm", "said"),
    [
        ("mtl[plm] -> adaptr", TASK, None, "is no strategy of the study; did you mean"),
        (STRATEGY, "diner_review", None, "is no target task of config.yaml; did you mean 'dinner_review'"),
        (STRATEGY, TASK, "mine", "no PLM of the study; did you mean 'mini'"),
    ],
)
def test_what_is_not_there_is_said(inside: Path, strategy: str, task: str, plm: str | None, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        mistakes(FILE, strategy, task, plm, 1)
