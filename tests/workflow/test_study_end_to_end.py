"""The tiny study for real: every step runs, and what a change really executes is counted."""

import csv
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from priming.study.paths import job_log
from tests.tiny_study import Checkout

pytestmark = pytest.mark.slow

EVERYTHING = Counter(prepare=6, pretrain=1, prime=4, tune=16, score=16, tables=1, figure=2)
CELLS = "results/tiny/tuned"
TOOK = r"took [\d.]+ s, [\d.]+ CPU s \([\d.]+ to start\), at most \d+ MB a process"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Checkout:
    """The study, run once; the tests below follow each other on it."""
    checkout = Checkout(tmp_path_factory.mktemp("study"), project)
    checkout.snakemake()
    return checkout


def files(folder: Path) -> dict[Path, tuple[int, int, bytes]]:
    """Identity, time and bytes of the files of all results below a folder, markers of chunks aside."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and "chunks" not in path.parts)
    return {
        path.relative_to(folder): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in found
    }


def test_first_everything_then_nothing(finished: Checkout) -> None:
    assert finished.executed() == EVERYTHING
    assert "Nothing to be done" in finished.snakemake()
    assert finished.executed() == Counter()
    assert (finished.folder / "results/tiny/tables/scores.csv").is_file()


def test_the_last_line_of_a_log_says_what_the_job_took(finished: Checkout) -> None:
    for out in finished.recipes().graph.jobs:
        log = finished.folder / job_log(finished.recipes().graph.study, out)
        assert re.fullmatch(TOOK, log.read_text().splitlines()[-1]), log


def test_the_same_study_in_another_folder_gives_the_same_tables(
    finished: Checkout, tmp_path: Path, project: Path
) -> None:
    other = Checkout(tmp_path, project)
    other.snakemake("tables")
    ours, theirs = (sorted((checkout.folder / "results/tiny/tables").glob("*.*")) for checkout in (finished, other))
    named = [path.name for path in ours if path.name != "recipe.json"]
    assert "scores.csv" in named
    assert named == [path.name for path in theirs if path.name != "recipe.json"]
    for name in named:
        assert (other.folder / "results/tiny/tables" / name).read_bytes() == (
            finished.folder / "results/tiny/tables" / name
        ).read_bytes(), name


def test_a_report_is_made(finished: Checkout) -> None:
    finished.snakemake("--report", "report.html")
    report = (finished.folder / "report.html").read_text()
    assert "Does every step run?" in report
    assert finished.executed() == Counter()


def test_a_rate_of_a_priming(finished: Checkout) -> None:
    untouched = {
        path: entry
        for path, entry in files(finished.folder / CELLS).items()
        if "mtl-plm+adapter--adapter" not in path.parts
    }
    finished.edit("config.yaml", "learning_rates: {plm: 1.0e-3, adapter", "learning_rates: {plm: 2.0e-3, adapter")
    finished.snakemake()
    assert finished.executed() == Counter(prime=2, tune=4, score=4, tables=1, figure=2)
    after = files(finished.folder / CELLS)
    assert untouched == {path: after[path] for path in untouched}
    assert len(untouched) >= 12


def test_a_new_target_tunes_only_its_own_cells(finished: Checkout) -> None:
    before = files(finished.folder / CELLS)
    finished.edit("config.yaml", "chunk: 2", "chunk: 4")
    finished.edit("config.yaml", "[dinner_review, price_compare]", "[dinner_review, price_compare, plan_time]")
    finished.snakemake()
    assert finished.executed() == Counter(prepare=1, tune=8, score=8, tables=1, figure=2)
    after = files(finished.folder / CELLS)
    assert before == {path: after[path] for path in before}


def test_a_cell_made_again_is_the_same(finished: Checkout) -> None:
    cell = finished.folder / CELLS / "mini/mtl-plm+adapter--adapter/seed-1/dinner_review"
    weights = {path: path.read_bytes() for path in cell.rglob("*") if path.suffix in {".safetensors", ".jsonl"}}
    (cell / "recipe.json").unlink()
    finished.snakemake()
    assert finished.executed() == Counter(tune=1)
    assert len(weights) == 4
    assert weights == {path: path.read_bytes() for path in weights}


def test_a_priming_made_again_with_the_same_content_leaves_its_cells(finished: Checkout) -> None:
    before = files(finished.folder / CELLS)
    (finished.folder / "results/tiny/primed/mini/mtl-plm+adapter/seed-1/recipe.json").unlink()
    finished.snakemake()
    assert finished.executed() == Counter(prime=1)
    assert files(finished.folder / CELLS) == before


def test_a_plot_setting_redraws_its_figure(finished: Checkout) -> None:
    before = files(finished.folder / "results/tiny/figures/tasks")
    finished.edit("config.yaml", "figures: {", "figures: {strategy_matrix: {value: gain}, ")
    finished.snakemake()
    assert finished.executed() == Counter(figure=1)
    assert files(finished.folder / "results/tiny/figures/tasks") == before


def test_touched_files_execute_nothing(finished: Checkout) -> None:
    for path in finished.folder.rglob("*"):
        os.utime(path)
    assert "Nothing to be done" in finished.snakemake()
    assert finished.executed() == Counter()


METRIC = """
from priming.evaluation.metrics.interface import Metric

def hits(predictions, references):
    return sum(text[:1] == row[0][:1] for text, row in zip(predictions, references)) / len(references)

METRIC = Metric(hits)
"""


def test_a_new_metric_scores_again_and_tunes_nothing(finished: Checkout) -> None:
    before = files(finished.folder / CELLS)
    (finished.folder / "src/priming/evaluation/metrics/first_letter.py").write_text(METRIC)
    finished.edit(
        "src/priming/study/tuning.py", '    "entity_f1_strict",\n)', '    "entity_f1_strict",\n    "first_letter",\n)'
    )
    finished.edit("config.yaml", "seeds: [1, 2]", "seeds: [1, 2]\nscoring: {metrics: [accuracy, first_letter]}")
    finished.snakemake()
    assert finished.executed() == Counter(score=24, tables=1, figure=2)
    assert files(finished.folder / CELLS) == before
    with (finished.folder / "results/tiny/tables/scores.csv").open() as file:
        found = [row for row in csv.DictReader(file) if row["metric"] == "first_letter"]
    # 4 strategies, 2 seeds, 3 targets, 2 samples, 2 decoders
    assert len(found) == 4 * 2 * 3 * 2 * 2


def test_fewer_decoders_score_again_and_one_more_tunes(finished: Checkout) -> None:
    finished.edit("config.yaml", "[accuracy, first_letter]}", "[accuracy], decoders: [ranking]}")
    finished.snakemake()
    assert finished.executed() == Counter(score=24, tables=1, figure=2)
    finished.edit("config.yaml", "decoders: [ranking]}", "decoders: [ranking, beam]}")
    assert finished.wanted() == {"tune": 4, "score": 4, "tabulate": 1, "draw": 2, "failures": 1}
    finished.edit("config.yaml", "decoders: [ranking, beam]}", "decoders: [ranking]}")


def test_a_priming_that_diverges_is_reported_and_fails_the_study(finished: Checkout) -> None:
    finished.edit(
        "config.yaml",
        "learning_rates: {plm: 2.0e-3, adapter: 1.0e-2}",
        "clip: null\n    learning_rates: {plm: 1.0e+30, adapter: 1.0e+30}",
    )
    finished.edit("config.yaml", "budget: {steps: 2}\n    clip", "budget: {steps: 6}\n    clip")
    printed = finished.snakemake(status=1)
    assert finished.executed() == Counter(prime=2, tune=6, score=6, tables=1, figure=2)
    assert "mtl[plm+adapter] -> adapter, task dinner_review: 4 of 4 runs not primed" in printed
    assert "not primed" in (finished.folder / "results/tiny/tables/failures.csv").read_text()
    assert "not primed" in finished.snakemake(status=1)
    assert finished.executed() == Counter()
