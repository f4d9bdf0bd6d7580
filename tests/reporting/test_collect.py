"""Reading results: every broken file is named, with what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError
from priming.reporting.collect import collect, tuned_runs
from priming.study import Study

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def small(make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path) -> tuple[Study, Path]:
    """Two strategies, two tasks."""
    tasks = {"source": ["copy", "quote"], "target": ["good", "bad"], "samples": [13]}
    study = make_study(strategies=["none -> plm", "mtl[plm] -> plm"], tasks=tasks, seeds=[1])
    return study, make_results(study, tmp_path)


def first(small: tuple[Study, Path]) -> tuple[Path, Path]:
    """The files of the result and of the scores of the first run of the study."""
    _, folder, scored = next(tuned_runs(*small))
    return folder / "result.json", scored


def edited(path: Path, edit: Edit) -> Path:
    """Change a file of JSON."""
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    return path


def test_frames_hold_every_run(small: tuple[Study, Path]) -> None:
    results = collect(*small)
    assert len(results.samples) == 4
    assert len(results.scores) == 4 * 2 * 4
    assert len(results.primings) == 1
    assert len(results.curves) == 4 * 7
    scores = json.loads(first(small)[1].read_text())
    row = results.scores.query(
        "strategy == 'none -> plm' and task == 'good' and metric == 'macro_f1_free' and decoder == 'greedy'"
    )
    assert row["score"].item() == scores["test"]["greedy"]["macro_f1_free"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda result: {**result, "format": 2}, "'format' must be 1"),
        (lambda result: [result], "'format' must be 1"),
        (lambda result: {**result, "status": "running"}, "'status' is 'running', allowed: done, failed, not primed"),
        (
            lambda result: {**result, "strategy": "none -> adapter"},
            "'strategy' is 'none -> adapter', this folder is for 'none -> plm'",
        ),
        (lambda result: {**result, "seed": 7}, "'seed' is 7, this folder is for 1"),
    ],
)
@pytest.mark.parametrize("file", [0, 1], ids=["result", "scores"])
def test_a_broken_file_is_named(small: tuple[Study, Path], file: int, edit: Edit, message: str) -> None:
    path = edited(first(small)[file], edit)
    with pytest.raises(DataError, match=message) as error:
        collect(*small)
    assert str(error.value).startswith(str(path))
    assert "run snakemake again" in str(error.value)


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        (0, lambda result: {**result, "winner": 3}, "IndexError"),
        (1, lambda scores: {key: value for key, value in scores.items() if key != "test"}, "KeyError.'test'."),
        (1, lambda scores: {**scores, "test": {"ranking": {"accuracy": 1.0}}}, "KeyError"),
    ],
)
def test_a_file_that_lacks_a_value_is_named(small: tuple[Study, Path], file: int, edit: Edit, message: str) -> None:
    path = edited(first(small)[file], edit)
    with pytest.raises(DataError, match=message) as error:
        collect(*small)
    assert str(error.value).startswith(str(path))
    assert "run snakemake again" in str(error.value)


def test_a_file_that_is_not_json(small: tuple[Study, Path]) -> None:
    path = first(small)[0]
    path.write_text('{"format": 1,')
    with pytest.raises(DataError, match=r"result\.json is not JSON .*; delete .* and run snakemake again"):
        collect(*small)


def test_a_missing_result(small: tuple[Study, Path]) -> None:
    for file in first(small)[::-1]:
        file.unlink()
        with pytest.raises(DataError, match=rf"{file.name} is missing; run snakemake"):
            collect(*small)


def test_a_task_without_labels_is_scored_greedily(small: tuple[Study, Path]) -> None:
    def no_ranking(result: dict[str, Any]) -> dict[str, Any]:
        return {
            **result,
            "test": {"greedy": result["test"]["greedy"]},
            "dev": {"greedy": result["dev"]["greedy"]},
            "majority": None,
        }

    edited(first(small)[1], no_ranking)
    results = collect(*small)
    assert results.samples["decoder"].tolist() == ["greedy", *["ranking"] * 3]
    assert results.samples["majority"].isna().tolist() == [True, False, False, False]


def test_failed_and_not_primed_runs_have_no_scores(small: tuple[Study, Path]) -> None:
    for file in first(small):
        edited(
            file,
            lambda found: {
                **found,
                "status": "failed",
                "reason": "loss is nan at step 3",
                "test": None,
                "winner": None,
            },
        )
    results = collect(*small)
    assert len(results.scores) == 3 * 2 * 4
    assert results.samples["status"].tolist() == ["failed", "done", "done", "done"]
