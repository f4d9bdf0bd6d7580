"""The differences between strategies that a study lists, recomputed from the scores, and the scores as a matrix."""

import csv
import json
import statistics
from pathlib import Path

import pytest
from scipy import stats

from priming.reporting.tables import write_tables
from tests.reporting.conftest import study_settings

FIRST, SECOND = "mtl[plm+prompt] -> prompt", "mtl[prompt] -> prompt"


@pytest.fixture(scope="module")
def written(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("comparisons")
    write_tables(study_settings(scoring={"compare": [{"first": FIRST, "second": SECOND}]}), root, out)
    return out


def rows(tables: Path, name: str) -> list[dict[str, str]]:
    with (tables / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def scores(tables: Path, strategy: str) -> dict[tuple[str, str, str], float]:
    """By task, seed and sample."""
    found = [
        row
        for row in rows(tables, "scores")
        if (row["strategy"], row["metric"], row["decoder"]) == (strategy, "accuracy", "ranking")
    ]
    return {(row["task"], row["seed"], row["sample"]): float(row["score"]) for row in found}


def test_the_difference_is_paired_and_its_p_uncorrected(written: Path) -> None:
    ours, theirs = scores(written, FIRST), scores(written, SECOND)
    differences: dict[str, list[float]] = {}
    for run in ours.keys() & theirs.keys():
        differences.setdefault(run[0], []).append(ours[run] - theirs[run])
    tasks = [statistics.fmean(values) for values in differences.values()]
    (row,) = rows(written, "comparisons")
    assert (row["strategy"], row["other"]) == (FIRST, SECOND)
    assert float(row["difference"]) == pytest.approx(statistics.fmean(tasks), abs=1e-6)
    assert int(row["tasks_better"]) == sum(value > 0 for value in tasks)
    expected = stats.permutation_test(
        (tasks,), statistics.fmean, permutation_type="samples", n_resamples=10_000, vectorized=False
    )
    assert float(row["p"]) == pytest.approx(expected.pvalue, abs=1e-6)


def test_tables_for_reading_have_it_and_documents_can_quote_it(written: Path) -> None:
    blocks = json.loads((written / "blocks.json").read_text())
    (cells,) = blocks["tiny-comparisons"]["rows"]
    assert cells[:2] == [FIRST, SECOND]
    assert f"| {FIRST} |" in (written / "comparisons.md").read_text()


def test_the_matrix_has_the_mean_of_each_strategy_at_its_priming_and_element(written: Path) -> None:
    matrix = json.loads((written / "blocks.json").read_text())["tiny-matrix"]
    assert matrix["header"][:2] == ["priming", "plm (100 %)"]
    mean = next(float(row["mean"]) for row in rows(written, "strategies") if row["strategy"] == SECOND)
    by_priming = {row[0]: row[1:] for row in matrix["rows"]}
    prompt = next(place for place, name in enumerate(matrix["header"][1:]) if name.startswith("prompt ("))
    assert by_priming["mtl[prompt]"][prompt].split(" ")[0] == f"{mean:.3f}"
    assert by_priming["mtl[prompt]"][0] == "-"
