"""The study of questions in small, cut to one seed and one kind that is held out: to Table 1's form and the figures."""

import re
from collections import Counter
from pathlib import Path

import pytest

from priming.jobs.graph import graph
from priming.tasks.sources.prompted import questions
from tests.finished_study import FinishedStudy

pytestmark = pytest.mark.slow
KIND = "ending"
STRATEGIES = [
    "none -> nothing",
    "mtl[plm] -> nothing",
    "mtl[plm] -> prompt",
    "mtl[plm+prompt] -> nothing (with prompt)",
    "mtl[plm+prompt] -> prompt",
    "reptile[plm+prefix | prefix x7] -> nothing (with prefix)",
    "reptile[plm+prefix | prefix x7] -> prefix",
]
CUT = {
    "seeds": [1],
    "strategies": STRATEGIES,
    "tasks": {"target": questions()[KIND]},
    "priming": {"reptile": {"budget": {"examples": 4000}}},
    "scoring": {"compare": [{"first": "mtl[plm+prompt] -> prompt", "second": "mtl[plm] -> prompt"}]},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, project: Path) -> FinishedStudy:
    return FinishedStudy(tmp_path_factory.mktemp("p3"), project, "p3-embedded", cut=CUT)


def test_every_step_ran_and_every_cell_has_a_score(finished: FinishedStudy) -> None:
    assert finished.executed == Counter(
        result.step for job in graph(finished.study).jobs.values() for result in job.results
    )
    rows = finished.table("per_task")
    assert [(row["strategy"], row["task"]) for row in rows] == [
        (strategy, task) for strategy in STRATEGIES for task in questions()[KIND]
    ]
    assert {row["status"] for row in rows} == {"done"}


def test_the_front_page_says_what_is_above_chance_on_the_kind_that_was_held_out(finished: FinishedStudy) -> None:
    front = (finished.results / "tables" / "front.rst").read_text()
    clear = [row["strategy"] for row in finished.table("arg_of_groups") if float(row["low"]) > 0]
    if clear:
        (said,) = [line for line in front.splitlines() if line.startswith(f"- Above chance on {KIND}")]
        assert f"{len(clear)} of {len(STRATEGIES)} strategies" in said
        assert all(f"``{strategy}``" in said for strategy in clear)
    else:
        assert f"No strategy of T5 is above chance on {KIND}" in front


def test_every_figure_shows_something(finished: FinishedStudy) -> None:
    for name in finished.study.figures.draw:
        svg = (finished.results / "figures" / name / f"{name}.svg").read_text()
        assert not re.search(r"<!-- No ", svg), name
        assert svg.count("<path") > 20, name
