"""Scores of what tuned samples answered, by hand."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError
from priming.evaluation.scoring import write_scores
from priming.forms.answers import Answers, predictions, write_predictions
from priming.forms.rows import Example
from priming.study.tuning import Scoring
from priming.tasks.prepared import write_prepared

GOLD = {"dev": ["yes", "no"], "test": ["yes", "yes", "yes", "no"]}
RIGHT = {"dev": ["yes", "yes"], "test": ["yes", "no", "yes", "no"]}
GREEDY = ["Yes", "yes", "perhaps", "yes"]
ABOUT = {"study": "s", "plm": "p", "strategy": "none -> plm", "task": "t", "seed": 2, "sample": 7}


def inputs(part: str) -> list[str]:
    return [f"{part} {number}" for number in range(len(GOLD[part]))]


def scored(
    folder: Path, scoring: Scoring, labels: list[str] | None = None, seen: tuple[str, ...] = (), **result: Any
) -> dict[str, Any]:
    """The scores of a sample of a task with these rows, answered so by ranking and, on the test set, greedily.

    It is trained on the development rows, and on `seen` besides.
    """
    files = {f"sample-7-{part}.jsonl": [Example(*row) for row in rows(part)] for part in ("dev", "test")}
    about = {"name": "t", "kind": "classification", "labels": labels, "part": "target", "origin": "files"}
    more = [Example(text, ("yes",)) for text in seen]
    train = {"sample-7-train.jsonl": [*files["sample-7-dev.jsonl"], *more]}
    write_prepared(folder / "task", {**about, "metric": "accuracy", "fidelity": None, "counts": {}}, {**train, **files})
    said = {**ABOUT, "status": "done", "reason": None, "runs": [{}], **result}
    (folder / "tuned/sample-7").mkdir(parents=True)
    (folder / "tuned/sample-7/result.json").write_text(json.dumps({"format": 1, **said}))
    answered = [
        *predictions("dev", files["sample-7-dev.jsonl"], Answers({"ranking": RIGHT["dev"]})),
        *predictions("test", files["sample-7-test.jsonl"], Answers({"ranking": RIGHT["test"], "greedy": GREEDY})),
    ]
    if said["status"] == "done":
        write_predictions(folder / "tuned/sample-7/predictions.jsonl", answered)
    write_scores(folder / "tuned", folder / "task", [7], scoring, folder / "out")
    found: dict[str, Any] = json.loads((folder / "out/sample-7.json").read_text())
    return found


def rows(part: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(text, (gold,)) for text, gold in zip(inputs(part), GOLD[part], strict=True)]


def test_rows_that_training_did_not_see_are_scored_too(tmp_path: Path) -> None:
    """Without the first test row, of which the label does not matter, two of three are right, and one greedily."""
    found = scored(tmp_path, Scoring(metrics=["accuracy"]), ["yes", "no"], seen=("test 0", "elsewhere"))
    unseen = {"ranking": {"accuracy": pytest.approx(2 / 3)}, "greedy": {"accuracy": pytest.approx(1 / 3)}}
    assert found["parts"] == {"test": {"unseen rows": unseen}}
    assert found["test"]["ranking"] == {"accuracy": 0.75}


def test_where_no_row_was_seen_there_are_no_parts(tmp_path: Path) -> None:
    assert "parts" not in scored(tmp_path, Scoring(metrics=["accuracy"]), ["yes", "no"], seen=("elsewhere",))


def test_scores_by_hand(tmp_path: Path) -> None:
    scoring = Scoring(metrics=["task", "accuracy", "macro_f1_labels"])
    found = scored(tmp_path, scoring, ["yes", "no"])
    # Of yes two of three are found and both that were said are right; of no one is found, and two were said.
    f1 = (2 * 2 / (2 + 3) + 2 * 1 / (2 + 1)) / 2
    assert found["test"]["ranking"] == pytest.approx({"task": 0.75, "accuracy": 0.75, "macro_f1_labels": f1})
    assert found["test"]["greedy"]["accuracy"] == 0.5
    assert found["dev"] == {"ranking": pytest.approx({"task": 0.5, "accuracy": 0.5, "macro_f1_labels": 1 / 3})}
    assert found["majority"] == pytest.approx(
        {"label": "yes", "test_task": 0.75, "test_accuracy": 0.75, "test_macro_f1_labels": 3 / 7}
    )
    assert found["chance"] == 0.5
    assert {key: found[key] for key in ABOUT} == ABOUT


def test_decoders_that_are_not_reported_are_left_out(tmp_path: Path) -> None:
    found = scored(tmp_path, Scoring(decoders=["ranking"], metrics=["accuracy"]))
    assert found["test"] == {"ranking": {"accuracy": 0.75}}
    assert found["chance"] == 0


def test_what_stands_in_for_ranking_is_reported_where_nothing_else_is_left(tmp_path: Path) -> None:
    found = scored(
        tmp_path, Scoring(decoder="beam", decoders=["beam"], metrics=["accuracy"]).model_copy(update={"decoders": []})
    )
    assert found["test"] == {"greedy": {"accuracy": 0.5}}


def test_a_score_that_is_no_number_is_null(tmp_path: Path) -> None:
    assert scored(tmp_path, Scoring(metrics=["pearson"]))["test"]["ranking"] == {"pearson": None}


@pytest.mark.parametrize(("status", "runs"), [("failed", [{}]), ("failed", []), ("not primed", [])])
def test_a_tuning_without_a_winner_says_so(tmp_path: Path, status: str, runs: list[Any]) -> None:
    """What needs no training has scores where a sweep was run."""
    found = scored(tmp_path, Scoring(), ["yes", "no"], status=status, reason="why", runs=runs)
    assert (found["status"], found["reason"], found["dev"], found["test"]) == (status, "why", None, None)
    assert (found["chance"], bool(found["majority"])) == ((0.5, True) if runs else (None, False))


def test_predictions_on_other_rows_are_refused(tmp_path: Path) -> None:
    scored(tmp_path, Scoring())
    file = tmp_path / "tuned/sample-7/predictions.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match=r"predictions\.jsonl is on other rows than were prepared; delete .*sample-7"):
        write_scores(tmp_path / "tuned", tmp_path / "task", [7], Scoring(), tmp_path / "out")


def test_no_model_is_loaded() -> None:
    code = (
        "import sys, priming.evaluation.scoring; print(sorted({'torch', 'transformers', "
        "'adapters'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
