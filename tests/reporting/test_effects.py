"""Gains of priming in the tables and on the front page: tests and intervals recomputed from the scores."""

import csv
import itertools
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from priming.errors import DataError
from priming.reporting import wording
from priming.reporting.answer import family
from priming.reporting.collect import collect
from priming.reporting.effects import clear, effects, variance
from priming.reporting.grid import Grid
from priming.reporting.tables import write_tables
from priming.study import Study

Made = Callable[..., Path]
NAN = float("nan")


@pytest.fixture(scope="module")
def written(study: Study, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("effects")
    write_tables(study, root, out)
    return out


def read(tables: Path, name: str) -> list[dict[str, str]]:
    with (tables / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def task_gains(tables: Path, strategy: str, twin: str) -> list[float]:
    """The mean gain on each task, over the runs that both have."""
    scores = {
        (row["strategy"], row["task"], row["seed"], row["sample"]): float(row["score"])
        for row in read(tables, "scores")
        if (row["metric"], row["decoder"]) == ("accuracy", "ranking")
    }
    gains: dict[str, list[float]] = {}
    for (name, *run), score in scores.items():
        if name == strategy and (twin, *run) in scores:
            gains.setdefault(run[0], []).append(score - scores[twin, *run])
    return [statistics.fmean(values) for values in gains.values()]


def test_p_is_that_of_scipys_permutation_test(written: Path) -> None:
    row = next(row for row in read(written, "effects") if row["strategy"] == "mtl[plm+prompt] -> prompt")
    gains = task_gains(written, row["strategy"], row["twin"])
    expected = stats.permutation_test(
        (gains,), statistics.fmean, permutation_type="samples", n_resamples=10_000, vectorized=False
    )
    assert len(gains) == 12
    assert float(row["p"]) == pytest.approx(expected.pvalue, abs=1e-6)
    assert float(row["least_p"]) == pytest.approx(2 / 2**12, abs=1e-9)


def test_holm_is_over_all_gains_of_the_study(written: Path) -> None:
    rows = [row for row in read(written, "effects") if row["p"]]
    ordered = sorted(rows, key=lambda row: float(row["p"]))
    steps = [float(row["p"]) * (len(ordered) - n) for n, row in enumerate(ordered)]
    expected = [min(1, value) for value in itertools.accumulate(steps, max)]
    assert [float(row["p_holm"]) for row in ordered] == pytest.approx(expected, rel=1e-5)
    assert len(rows) == 12
    assert any(float(row["p"]) < 0.05 <= float(row["p_holm"]) for row in rows) or max(expected) < 0.05


def test_a_gain_without_runs_has_no_p_and_corrects_no_other(written: Path) -> None:
    row = next(row for row in read(written, "effects") if row["strategy"].startswith("reptile"))
    assert (row["p"], row["p_holm"], row["detectable"]) == ("", "", "")


def test_the_detectable_gain_is_found_four_times_in_five(study: Study, root: Path) -> None:
    grid = Grid.selecting(study, collect(study, root))
    row = effects(grid).iloc[0]
    found = grid.gain(row["plm"], *next(iter(study.twins.items())))
    power = stats.nct.sf(stats.t.ppf(0.975, found.degrees), found.degrees, row["detectable"] / found.error)
    assert power == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(
    ("p", "low", "high", "gain", "expected"),
    [
        (0.01, 0.1, 0.3, 0.2, 1),
        (0.01, -0.3, -0.1, -0.2, -1),
        (0.06, 0.1, 0.3, 0.2, 0),
        (0.01, -0.1, 0.5, 0.2, 0),
        (0.01, NAN, NAN, 0.2, 1),
        (NAN, NAN, NAN, NAN, 0),
    ],
)
def test_clear_of_zero(p: float, low: float, high: float, gain: float, expected: int) -> None:
    assert clear({"p_holm": p, "low": low, "high": high, "gain": gain}) == expected


def test_front_page_counts_what_is_clear_after_correction(written: Path) -> None:
    """Corrected p below .05 and an interval that leaves out 0, of those with an interval, strategy by strategy."""
    text = (written / "front.rst").read_text()
    prompts = [
        row
        for row in read(written, "effects")
        if row["twin"] == "none -> prompt" and "with" not in row["strategy"] and row["low"]
    ]
    gain = sum(float(row["p_holm"]) < 0.05 and float(row["low"]) > 0 for row in prompts)
    line = next(line for line in text.splitlines() if line.startswith("- Tuning ``prompt`` of tiny"))
    assert f"Primed strategies clear of zero (p (Holm) below 0.05): {gain} of {len(prompts)} gain, 0 lose." in line
    assert "p (Holm) is corrected for all 12 gains of this study." in text
    assert "The least p that 12 tasks can give is <0.001, corrected 0.006." in text


def test_what_a_design_cannot_show_is_said(study: Study, root: Path) -> None:
    frame = effects(Grid.selecting(study, collect(study, root))).assign(least_p=2 / 2**6, tasks=6)
    assert "can give is 0.031, corrected 0.375. So no gain of this study can have a corrected p below 0.05." in family(
        frame
    )


def test_variance_by_hand(study: Study, root: Path) -> None:
    """Two seeds, two samples: the variance component of samples from mean squares within tasks and of residuals."""
    grid = Grid.selecting(study, collect(study, root))
    strategy, twin = next(iter(study.twins.items()))
    row = next(row for row in variance(grid).to_dict("records") if row["strategy"] == str(strategy))
    d = grid.scores("tiny", strategy) - grid.scores("tiny", twin)
    n, s, k = d.shape
    of_samples = s * sum((d[i, :, j].mean() - d[i].mean()) ** 2 for i in range(n) for j in range(k)) / (n * (k - 1))
    rest = d - d.mean(axis=2, keepdims=True) - d.mean(axis=1, keepdims=True) + d.mean(axis=(1, 2), keepdims=True)
    expected = (of_samples - (rest**2).sum() / (n * (s - 1) * (k - 1))) / s
    assert row["sample_sd"] == pytest.approx(max(expected, 0) ** 0.5)
    assert ("sample" in row["negative"]) == (expected < 0)
    assert str(row["plm_sd"]) == "nan"


def test_variance_table_is_for_reading(written: Path) -> None:
    text = (written / "effects.md").read_text()
    assert "where gains over the un-primed twin vary" in text
    line = next(line for line in text.split("where gains")[1].splitlines() if line.startswith("| mtl[plm] -> plm"))
    assert line.split("|")[3].strip() == "-"


@pytest.fixture(scope="module")
def few(make_study: Callable[..., Study]) -> Study:
    tasks = {"source": ["copy", "quote"], "target": ["tense", "topic", "plural"], "samples": [13, 21]}
    return make_study(name="few", strategies=["none -> plm", "none -> adapter", "mtl[plm] -> adapter"], tasks=tasks)


def test_few_tasks_have_a_gain_each_with_an_interval_over_rows(few: Study, make_results: Made, tmp_path: Path) -> None:
    """The t interval over the twenty rows of mean differences of the four runs, from the predictions themselves."""
    root = make_results(few, tmp_path)
    write_tables(few, root, root / "tables")
    gains = {row["task"]: row for row in read(root / "tables", "task_gains")}
    assert list(gains) == few.tasks.target
    for task, row in gains.items():
        means = [0.0] * 20
        for seed, sample in itertools.product(few.seeds, few.tasks.samples):
            for strategy, sign in (("mtl-plm--adapter", 1), ("none--adapter", -1)):
                path = (
                    root
                    / "tuned"
                    / "tiny"
                    / strategy
                    / f"seed-{seed}"
                    / task
                    / f"sample-{sample}"
                    / "predictions.jsonl"
                )
                for n, line in enumerate(path.read_text().splitlines()):
                    means[n] += sign * (json.loads(line)["answers"]["ranking"] == "good") / 4
        interval = stats.ttest_1samp(means, 0).confidence_interval(0.95)
        assert (float(row["low"]), float(row["high"])) == pytest.approx((interval.low, interval.high), abs=1e-6)
        assert (row["rows"], row["runs"]) == ("20", "4")
    front = (root / "tables" / "front.rst").read_text()
    assert "**Nothing can be claimed over tasks**: an interval over tasks needs 6, these gains are over 3." in front
    row = gains["topic"]
    assert wording.gain_interval(float(row["gain"]), float(row["low"]), float(row["high"])) in front
    assert "clear of zero" not in front


def test_enough_tasks_have_no_table_of_single_ones(written: Path) -> None:
    assert not (written / "task_gains.csv").exists()
    assert "Nothing can be claimed" not in (written / "front.rst").read_text()


def test_missing_predictions_are_said(few: Study, make_results: Made, tmp_path: Path) -> None:
    root = make_results(few, tmp_path)
    path = root / "tuned/tiny/none--adapter/seed-1/topic/sample-13/predictions.jsonl"
    path.unlink()
    with pytest.raises(
        DataError, match=r"sample-13/predictions\.jsonl is missing; delete .*sample-13 and run snakemake again"
    ):
        write_tables(few, root, root / "tables")


def test_predictions_without_rows_are_said(few: Study, make_results: Made, tmp_path: Path) -> None:
    def old(path: Path) -> None:
        lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text(
            "".join(json.dumps({key: value for key, value in line.items() if key != "row"}) + "\n" for line in lines)
        )

    root = make_results(few, tmp_path)
    for path in root.rglob("predictions.jsonl"):
        old(path)
    with pytest.raises(DataError, match=r"predictions\.jsonl is not predictions .*'row'.*; delete"):
        write_tables(few, root, root / "tables")
