"""ARG over each of the literature's baselines, and deviations over n and n-1, by hand."""

import csv
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from priming.reporting.tables import write_tables
from priming.study import Study

Made = Callable[..., Path]
Rows = dict[tuple[str, str], dict[str, str]]
MAML, MTL = "maml[plm | plm x1] -> plm", "mtl[plm] -> plm"
# By PLM and strategy: the two samples of each task.
SCORES: dict[str, dict[str, dict[str, list[float]]]] = {
    "large": {
        "none -> plm": {"easy": [0.5, 0.7], "hard": [0.2, 0.2], "free": [0.0, 0.0]},
        MTL: {"easy": [0.8, 0.8], "hard": [0.4, 0.6], "free": [0.5, 0.5]},
        MAML: {"easy": [0.4, 0.4], "hard": [0.0, 0.0], "free": [0.1, 0.1]},
        "none -> prompt": {"easy": [0.3, 0.3], "hard": [0.1, 0.3], "free": [0.2, 0.2]},
        "mtl[plm+prompt] -> prompt": {"easy": [0.4, 0.6], "hard": [0.5, 0.7], "free": [0.4, 0.6]},
        "maml[plm+prompt | prompt x3] -> prompt": {"easy": [0.6, 0.6], "hard": [0.5, 0.5], "free": [0.2, 0.2]},
    },
    "small": {},
}
SCORES["small"] = {
    name: {task: [score / 2 for score in scores] for task, scores in tasks.items()}
    for name, tasks in SCORES["large"].items()
}
CHANCE = {"easy": 0.5, "hard": 0.25, "free": 0.0}
MAJORITY = {"easy": [0.5, 0.4], "hard": [0.5, 0.3], "free": [0.1, 0.1]}


def given(result: dict[str, Any]) -> dict[str, Any]:
    if "priming" in result:
        return result
    task, sample = result["task"], result["sample"] - 1
    value = SCORES[result["plm"]][result["strategy"]][task][sample]
    metrics = dict.fromkeys(("accuracy", "macro_f1_free", "macro_f1_labels", "exact_match"), value)
    decoded = {"ranking": metrics, "greedy": metrics}
    majority = {"label": "good", **{f"test_{metric}": MAJORITY[task][sample] for metric in metrics}}
    return {**result, "test": decoded, "dev": decoded, "chance": CHANCE[task], "majority": majority}


@pytest.fixture(scope="module")
def tables(
    make_study: Callable[..., Study], make_results: Made, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """The tables of the study with these keys of `scoring`."""

    def written(strategies: Sequence[str] = tuple(SCORES["large"]), **scoring: str) -> Path:
        study = make_study(
            name="baselines",
            plms={name: {"generate": {}} for name in SCORES},
            strategies=list(strategies),
            tasks={"source": ["copy", "quote"], "target": list(CHANCE), "samples": [1, 2]},
            seeds=[7],
            scoring=scoring,
        )
        root = make_results(study, tmp_path_factory.mktemp("baselines"), given)
        write_tables(study, root, root / "tables")
        return root / "tables"

    return written


def arg_of(tables: Path) -> Rows:
    with (tables / "arg.csv").open(newline="") as file:
        return {(row["plm"], row["strategy"]): row for row in csv.DictReader(file)}


def test_the_same_algorithm_in_full(tables: Callable[..., Path]) -> None:
    """MTL prompt: easy (0.5-0.8)/0.8, hard (0.6-0.5)/0.5, free (0.5-0.5)/0.5. MAML scores 0 on `hard`."""
    out = tables(arg_baseline="same algorithm")
    rows = arg_of(out)
    mtl, maml = rows["large", "mtl[plm+prompt] -> prompt"], rows["large", "maml[plm+prompt | prompt x3] -> prompt"]
    assert (mtl["baseline"], mtl["left_out"]) == (MTL, "")
    assert float(mtl["arg_percent"]) == pytest.approx(100 * (-0.3 / 0.8 + 0.1 / 0.5 + 0) / 3, abs=1e-4)
    assert (maml["baseline"], maml["left_out"], maml["tasks"]) == (MAML, "hard", "2")
    assert float(maml["arg_percent"]) == pytest.approx(100 * (0.2 / 0.4 + 0.1 / 0.1) / 2, abs=1e-4)
    assert rows["large", "none -> prompt"]["baseline"] == "none -> plm"
    assert [rows["large", name]["interval"] for name in (MTL, MAML, "none -> plm")] == ["is the baseline"] * 3
    text = (out / "arg.md").read_text()
    assert "average relative gain over the PLM primed and tuned in full by the same algorithm" in text
    assert any(
        line.count(MTL.replace("|", r"\|")) and "mtl[plm+prompt] -> prompt" in line for line in text.splitlines()
    )
    note = next(line for line in text.splitlines() if "Left out of ARG, because the baseline scores 0: " in line)
    assert "hard (maml[plm+prompt | prompt x3] -> prompt)" in note


def test_the_baseline_of_one_plm_for_all(tables: Callable[..., Path]) -> None:
    """Half of the large PLM's scores, over those of the large PLM."""
    out = tables(arg_baseline="same algorithm", arg_plm="large")
    row = arg_of(out)["small", "mtl[plm+prompt] -> prompt"]
    assert row["baseline"] == f"{MTL} of large"
    assert float(row["arg_percent"]) == pytest.approx(
        100 * ((0.25 - 0.8) / 0.8 + (0.3 - 0.5) / 0.5 + (0.25 - 0.5) / 0.5) / 3, abs=1e-4
    )
    assert arg_of(out)["small", MTL]["interval"] != "is the baseline"
    assert "large primed and tuned in full by the same algorithm" in (out / "arg.md").read_text()


def test_chance(tables: Callable[..., Path]) -> None:
    """Guessing scores 1/2, 1/4, and nothing where outputs are free text, which is named and left out."""
    row = arg_of(tables(arg_baseline="chance"))["large", "none -> prompt"]
    assert (row["baseline"], row["left_out"], row["tasks"], row["without_runs"]) == ("chance", "free", "2", "")
    assert float(row["arg_percent"]) == pytest.approx(100 * ((0.3 - 0.5) / 0.5 + (0.2 - 0.25) / 0.25) / 2, abs=1e-4)
    assert float(row["absolute_gain"]) == pytest.approx((-0.2 - 0.05 + 0.2) / 3, abs=1e-6)


def test_the_majority_class(tables: Callable[..., Path]) -> None:
    out = tables(arg_baseline="majority")
    row = arg_of(out)["small", "none -> plm"]
    means = {"easy": 0.45, "hard": 0.4, "free": 0.1}
    ours = {"easy": 0.3, "hard": 0.1, "free": 0.0}
    assert row["baseline"] == "majority"
    assert float(row["arg_percent"]) == pytest.approx(
        statistics.mean(100 * (ours[t] - means[t]) / means[t] for t in means), abs=1e-4
    )
    assert row["interval"] != "is the baseline"
    assert "ARG baseline the majority class" in (out / "summary.md").read_text()


@pytest.mark.parametrize("scoring", [{}, {"arg_baseline": "none"}])
def test_without_a_baseline_no_arg_and_that_is_said(tables: Callable[..., Path], scoring: dict[str, str]) -> None:
    """By default in a study without `none -> plm`, or as the study says; all else is as with a baseline."""
    strategies = ["none -> prompt", "mtl[plm+prompt] -> prompt"]
    out, other = tables(strategies, **scoring), tables(strategies, arg_baseline="none -> prompt")
    assert arg_of(out) == {}
    assert (out / "arg.csv").read_text() == (other / "arg.csv").read_text().splitlines(keepends=True)[0]
    assert not (out / "arg.md").exists()
    with (out / "per_task.csv").open(newline="") as file, (other / "per_task.csv").open(newline="") as others:
        for row, full in zip(csv.DictReader(file), csv.DictReader(others), strict=True):
            assert {key: full[key] for key in full if key not in {"baseline_gain", "relative_gain_percent"}} == row
    summary = (out / "summary.md").read_text()
    assert "; no ARG baseline; " in summary
    assert "No average relative gain (ARG) is given" in summary.replace("\n", " ")
    assert "ARG, %" not in summary
    assert "ARG, %" in (other / "summary.md").read_text()
    front = (out / "front.rst").read_text()
    assert "none. No average relative gain (ARG) is given" in front
    assert "arg" not in json.loads((out / "metrics/large/none--prompt.json").read_text())
    assert "arg" in json.loads((other / "metrics/large/none--prompt.json").read_text())


def test_deviations_over_n(tables: Callable[..., Path]) -> None:
    samples = [(0.4 + 0.5 + 0.4) / 3, (0.6 + 0.7 + 0.6) / 3]
    for deviation, formula, sign in (("sample", statistics.stdev, "n-1"), ("population", statistics.pstdev, "n")):
        out = tables(deviation=deviation)
        with (out / "strategies.csv").open(newline="") as file:
            (row,) = [
                r for r in csv.DictReader(file) if (r["plm"], r["strategy"]) == ("large", "mtl[plm+prompt] -> prompt")
            ]
        assert float(row["deviation"]) == pytest.approx(formula(samples), abs=1e-6)
        with (out / "per_task.csv").open(newline="") as file:
            (row,) = [
                r
                for r in csv.DictReader(file)
                if (r["plm"], r["strategy"], r["task"]) == ("large", "none -> plm", "easy")
            ]
        assert float(row["deviation"]) == pytest.approx(formula([0.5, 0.7]), abs=1e-6)
        assert f"standard deviation ({sign})" in (out / "summary.md").read_text()


def test_deviations_of_the_grid(make_study: Callable[..., Study], make_results: Made, tmp_path: Path) -> None:
    """Of the development scores of a point's runs."""
    found = []
    for deviation in ("sample", "population"):
        study = make_study(scoring={"deviation": deviation})
        root = make_results(study, tmp_path / deviation)
        write_tables(study, root, root / "tables")
        with (root / "tables" / "grid.csv").open(newline="") as file:
            row = next(csv.DictReader(file))
        found.append((float(row["deviation"]), int(row["runs"])))
    (sample, runs), (population, _) = found
    assert population == pytest.approx(sample * ((runs - 1) / runs) ** 0.5, abs=1e-6)


def test_a_score_that_is_no_number_is_no_score(
    make_study: Callable[..., Study], make_results: Made, tmp_path: Path
) -> None:
    """A correlation with a constant is null in result.json; the run is done, the task's mean is that of the others."""

    def without(result: dict[str, Any]) -> dict[str, Any]:
        if result.get("sample") != 13 or result.get("task") != "topic":
            return result
        return {**result, "test": {decoder: dict.fromkeys(scores) for decoder, scores in result["test"].items()}}

    study = make_study()
    root = make_results(study, tmp_path, without)
    write_tables(study, root, root / "tables")
    with (root / "tables" / "per_task.csv").open(newline="") as file:
        row = next(r for r in csv.DictReader(file) if r["task"] == "topic")
    assert (row["n"], row["status"]) == ("2", "done")
    assert float(row["mean"]) > 0
