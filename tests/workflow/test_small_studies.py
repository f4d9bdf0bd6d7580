"""The small studies on CrossFit: each ends in tables and figures that hold something."""

import re
from collections import Counter
from pathlib import Path

import pytest

from priming.jobs.graph import graph
from tests.finished_study import FinishedStudy

pytestmark = pytest.mark.slow

MAY_BE_EMPTY = {"failures", "comparisons"}
TABLES = {
    *(
        "scores",
        "arg",
        "effects",
        "effects_by_group",
        "groups_of_tasks",
        "task_gains",
        "variance",
        "comparisons",
        "strategies",
        "per_task",
        "by_decoder",
    ),
    *("curves", "grid", "majority", "published", "failures"),
}
FIGURES = {"parameter_efficiency", "strategy_matrix", "convergence", "tasks", "compute"}


@pytest.fixture(scope="module", params=["crossfit-random-small", "crossfit-classification-small"])
def finished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, project: Path, hub_mirror: Path
) -> FinishedStudy:
    return FinishedStudy(tmp_path_factory.mktemp("small"), project, request.param, hub_mirror)


def test_every_step_ran(finished: FinishedStudy) -> None:
    assert finished.executed == Counter(
        result.step for job in graph(finished.study).jobs.values() for result in job.results
    )


def test_every_cell_has_a_score_and_no_table_is_empty(finished: FinishedStudy) -> None:
    cells = [
        (plm, str(s), task)
        for plm in finished.study.plms
        for s in finished.study.strategies_of(plm)
        for task in finished.study.tasks.target
    ]
    rows = finished.table("per_task")
    assert [(row["plm"], row["strategy"], row["task"]) for row in rows] == cells
    assert {row["status"] for row in rows} == {"done"}
    assert all(0 <= float(row["mean"]) <= 1 for row in rows)
    files = sorted((finished.results / "tables").glob("*.csv"))
    assert {f.stem for f in files} == TABLES
    for file in files:
        assert bool(finished.table(file.stem)) is (file.stem not in MAY_BE_EMPTY), file.name


def test_tables_for_reading_have_a_number_in_every_row(finished: FinishedStudy) -> None:
    for name in ("summary", "scores", "arg", "effects", "published"):
        text = (finished.results / "tables" / f"{name}.md").read_text()
        rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| strategy")]
        assert rows, name
        assert not [row for row in rows if not re.search(r"\d\.\d", row)], name


def test_ours_stand_beside_the_published_numbers(finished: FinishedStudy) -> None:
    args = [row for row in finished.table("published") if row["measure"] == "arg_percent"]
    assert args
    assert all(row["ours"] and row["published"] for row in args)
    text = (finished.results / "tables" / "published.md").read_text()
    for table in sorted({row["table"] for row in args} - {""}):
        assert f"**{table} of adl2022" in text
    assert ("**Table 2 of adl2022" in text) is (finished.study.name == "crossfit-classification-small")


def test_every_figure_shows_something(finished: FinishedStudy) -> None:
    """Figures without data are a sentence that says so, such as `No strategy ... has a score`."""
    drawn = set(finished.study.figures.draw)
    assert drawn >= FIGURES
    for name in drawn:
        svg = (finished.results / "figures" / name / f"{name}.svg").read_text()
        assert not re.search(r"<!-- No ", svg), name
        assert svg.count("<path") > 20, name
        assert "<!-- 0." in svg or "<!-- 10" in svg or "<!-- \N{MINUS SIGN}" in svg, name


def test_the_front_page_says_whether_anything_was_learnt(finished: FinishedStudy) -> None:
    text = (finished.results / "tables" / "front.rst").read_text()
    majority = {row["task"]: float(row["score"]) for row in finished.table("majority")}
    for plm in finished.study.plms:
        ours = [row for row in finished.table("per_task") if row["plm"] == plm]
        above = sum(float(row["mean"]) > majority[row["task"]] for row in ours)
        said = (
            f"{above} of {len(ours)} cells (strategy x task) of {plm} score above"
            if above
            else f"**No cell of {plm} scores above"
        )
        assert said in text


def test_the_four_charts_of_the_report_are_drawn(finished: FinishedStudy) -> None:
    charts = finished.study.figures.charts.panels
    if finished.study.name != "crossfit-classification-small":
        assert not charts
        return
    svg = (finished.results / "figures/charts/charts.svg").read_text()
    assert len(charts) == 4
    for chart in charts:
        assert f"<!-- {chart.title} -->" in svg
