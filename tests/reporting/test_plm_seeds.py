"""A PLM with several seeds of pretraining beside one without: a row for each of the two, over all runs of each."""

import csv
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from priming.errors import DataError
from priming.reporting.collect import collect
from priming.reporting.grid import Grid
from priming.reporting.tables import write_tables
from priming.study import Study

TWIN, PRIMED = "none -> adapter", "mtl[plm] -> adapter"
SLUGS = {TWIN: "none--adapter", PRIMED: "mtl-plm--adapter"}


@pytest.fixture(scope="module")
def seeded(make_study: Callable[..., Study]) -> Study:
    """`big` three times with two priming seeds each, `small` once."""
    tasks = {"source": ["copy", "quote"], "target": ["good", "bad"], "samples": [13, 21]}
    scoring = {"arg_baseline": "chance"}
    plms = {"big": {"generate": {}, "seeds": [5, 3, 8]}, "small": {"generate": {}}}
    return make_study(name="seeded", plms=plms, strategies=[TWIN, PRIMED], tasks=tasks, scoring=scoring)


def one_failed(result: dict[str, Any]) -> dict[str, Any]:
    if (result["plm"], result.get("strategy"), result["seed"], result.get("task")) != ("big-seed-3", PRIMED, 2, "bad"):
        return result
    return {
        **result,
        "status": "failed",
        "reason": "loss is nan at step 7",
        "winner": None,
        "dev": None,
        "test": None,
        "flops": None,
    }


@pytest.fixture(scope="module")
def root(seeded: Study, make_results: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_results(seeded, tmp_path_factory.mktemp("seeded"), one_failed)
    write_tables(seeded, root, root / "tables")
    return root


def score(root: Path, member: str, strategy: str, seed: int, task: str, sample: int) -> float:
    """As the result has it; NaN where it failed."""
    cell = f"{member}/{SLUGS[strategy]}/seed-{seed}/{task}"
    result = json.loads((root / "scores" / cell / f"sample-{sample}.json").read_text())
    return result["test"]["ranking"]["accuracy"] if result["test"] else np.nan


def rows(root: Path, table: str, **where: str) -> list[dict[str, str]]:
    with (root / f"tables/{table}.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[key] == value for key, value in where.items())]


def test_primings_stand_in_the_order_of_seeds_of_pretraining(seeded: Study, root: Path) -> None:
    grid = Grid.selecting(seeded, collect(seeded, root))
    primed = seeded.parsed_strategies[1]
    big, small = grid.scores("big", primed), grid.scores("small", primed)
    assert (big.shape, small.shape) == ((2, 6, 2), (2, 2, 2))
    assert grid.plm_index("big").tolist() == [0, 0, 1, 1, 2, 2]
    assert grid.plm_index("small").tolist() == [0, 0]
    for n, task in enumerate(("good", "bad")):
        for k, sample in enumerate((13, 21)):
            expected = [
                score(root, f"big-seed-{member}", PRIMED, seed, task, sample) for member in (5, 3, 8) for seed in (1, 2)
            ]
            np.testing.assert_array_equal(big[n, :, k], expected)
            np.testing.assert_array_equal(
                small[n, :, k], [score(root, "small", PRIMED, seed, task, sample) for seed in (1, 2)]
            )


def test_gains_are_over_all_seeds_paired(root: Path) -> None:
    means = []
    for task in ("good", "bad"):
        runs = [
            (f"big-seed-{member}", seed, task, sample) for member in (5, 3, 8) for seed in (1, 2) for sample in (13, 21)
        ]
        pairs = [score(root, run[0], PRIMED, *run[1:]) - score(root, run[0], TWIN, *run[1:]) for run in runs]
        means.append(statistics.fmean(pair for pair in pairs if not np.isnan(pair)))
    (effect,) = rows(root, "effects", plm="big")
    assert float(effect["gain"]) == pytest.approx(statistics.fmean(means), abs=1e-6)
    assert (effect["seeds"], effect["runs"]) == ("6", "22")
    (effect,) = rows(root, "effects", plm="small")
    assert (effect["seeds"], effect["runs"]) == ("2", "8")


def test_relative_gains_over_a_constant_have_every_priming(root: Path) -> None:
    for plm, member in (("big", "big-seed-5"), ("small", "small")):
        assert 0 < score(root, member, TWIN, 1, "good", 13) < 1
        (arg,) = rows(root, "arg", plm=plm, strategy=TWIN)
        cells = rows(root, "per_task", plm=plm, strategy=TWIN)
        assert float(arg["arg_percent"]) == pytest.approx(
            statistics.fmean(100 * (float(cell["mean"]) - 0.5) / 0.5 for cell in cells), abs=1e-3
        )


def test_runs_name_their_seed_of_pretraining(root: Path) -> None:
    for table in ("scores", "curves"):
        assert {row["plm_seed"] for row in rows(root, table, plm="big")} == {"5", "3", "8"}
        assert {row["plm_seed"] for row in rows(root, table, plm="small")} == {""}
    failed = rows(root, "failures")
    assert [(row["plm"], row["plm_seed"], row["seed"], row["sample"]) for row in failed] == [
        ("big", "3", "2", "13"),
        ("big", "3", "2", "21"),
    ]
    (line,) = json.loads((root / "tables/status.json").read_text())["failed"]
    assert (
        line
        == f"big: {PRIMED}, task bad: 2 of 12 runs failed; first PLM seed 3, seed 2, sample 13: loss is nan at step 7"
    )


def test_the_texts_say_how_many(root: Path) -> None:
    text = (root / "tables/front.rst").read_text()
    assert "means over 2 target tasks, 1 to 3 pretraining seeds x 2 priming seeds x 2 samples, ±" in text
    assert "big (pretraining seeds 5, 3, 8), small" in text


def test_a_result_of_another_seed_is_refused(seeded: Study, make_results: Callable[..., Path], tmp_path: Path) -> None:
    def strayed(result: dict[str, Any]) -> dict[str, Any]:
        return {**result, "plm": "big-seed-5"} if result["plm"] == "big-seed-3" else result

    with pytest.raises(DataError, match=r"'plm' is 'big-seed-5', this folder is for 'big-seed-3'"):
        collect(seeded, make_results(seeded, tmp_path, strayed))
