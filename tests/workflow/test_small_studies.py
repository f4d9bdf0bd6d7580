"""The small studies on CrossFit, for real: each ends in tables and figures that hold something."""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from priming.jobs import graph
from priming.study import Study
from priming.tasks.names import open_study

from .conftest import Checkout

pytestmark = pytest.mark.slow

MAY_BE_EMPTY = {"failures", "comparisons"}
TABLES = {
    *("scores", "arg", "effects", "effects_by_group", "task_gains", "variance", "comparisons", "strategies", "per_task", "by_decoder"),
    *("curves", "grid", "majority", "published", "failures"),
}
FIGURES = {"parameter_efficiency", "strategy_matrix", "convergence", "tasks", "compute"}


class Finished:
    """A study that was run once, in a folder of its own."""

    def __init__(self, folder: Path, project: Path, hub: Path, name: str) -> None:
        self.checkout = Checkout(folder, project)
        (folder / "config.yaml").unlink()
        (folder / "studies").mkdir()
        self.file = Path("studies", f"{name}.yaml")
        shutil.copy(project / self.file, folder / self.file)
        self.study: Study = open_study(folder / self.file)
        self.results = folder / "results" / self.study.name
        environment = {**os.environ, "PRIMING_HUB": str(hub), "PRIMING_RUNLOG": str(self.checkout.runlog)}
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", str(self.file)]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
        self.executed = self.checkout.executed()

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.results / "tables" / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module", params=["crossfit-random-small", "crossfit-classification-small"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, project: Path, hub_mirror: Path) -> Finished:
    return Finished(tmp_path_factory.mktemp("small"), project, hub_mirror, request.param)


def test_every_step_ran(finished: Finished) -> None:
    assert finished.executed == Counter(item.step for job in graph(finished.study).jobs.values() for item in job.items)


def test_every_cell_has_a_score_and_no_table_is_empty(finished: Finished) -> None:
    cells = [(plm, str(s), task) for plm in finished.study.plms for s in finished.study.parsed_strategies for task in finished.study.tasks.target]
    rows = finished.table("per_task")
    assert [(row["plm"], row["strategy"], row["task"]) for row in rows] == cells
    assert {row["status"] for row in rows} == {"done"}
    assert all(0 <= float(row["mean"]) <= 1 for row in rows)
    files = sorted((finished.results / "tables").glob("*.csv"))
    assert {f.stem for f in files} == TABLES
    for file in files:
        assert bool(finished.table(file.stem)) is (file.stem not in MAY_BE_EMPTY), file.name


def test_tables_for_reading_have_a_number_in_every_row(finished: Finished) -> None:
    for name in ("summary", "scores", "arg", "effects", "published"):
        text = (finished.results / "tables" / f"{name}.md").read_text()
        rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| strategy")]
        assert rows, name
        assert not [row for row in rows if not re.search(r"\d\.\d", row)], name


def test_ours_stand_beside_the_published_numbers(finished: Finished) -> None:
    args = [row for row in finished.table("published") if row["measure"] == "arg_percent"]
    assert args
    assert all(row["ours"] and row["published"] for row in args)
    text = (finished.results / "tables" / "published.md").read_text()
    for table in sorted({row["table"] for row in args} - {""}):
        assert f"**{table} of adl2022" in text
    assert ("**Table 2 of adl2022" in text) is (finished.study.name == "crossfit-classification-small")


def test_every_figure_shows_something(finished: Finished) -> None:
    """Figures without data are a sentence that says so, such as `No strategy ... has a score`."""
    drawn = set(finished.study.figures.draw)
    assert drawn >= FIGURES
    for name in drawn:
        svg = (finished.results / "figures" / name / f"{name}.svg").read_text()
        assert not re.search(r"<!-- No ", svg), name
        assert svg.count("<path") > 20, name
        assert "<!-- 0." in svg or "<!-- 10" in svg or "<!-- \N{MINUS SIGN}" in svg, name


def test_the_front_page_says_whether_anything_was_learnt(finished: Finished) -> None:
    text = (finished.results / "tables" / "front.rst").read_text()
    majority = {row["task"]: float(row["score"]) for row in finished.table("majority")}
    for plm in finished.study.plms:
        ours = [row for row in finished.table("per_task") if row["plm"] == plm]
        above = sum(float(row["mean"]) > majority[row["task"]] for row in ours)
        said = f"{above} of {len(ours)} cells (strategy x task) of {plm} score above" if above else f"**No cell of {plm} scores above"
        assert said in text


def test_the_four_charts_of_the_report_are_drawn(finished: Finished) -> None:
    charts = finished.study.figures.charts.panels
    if finished.study.name != "crossfit-classification-small":
        assert not charts
        return
    svg = (finished.results / "figures/charts/charts.svg").read_text()
    assert len(charts) == 4
    for chart in charts:
        assert f"<!-- {chart.title} -->" in svg
