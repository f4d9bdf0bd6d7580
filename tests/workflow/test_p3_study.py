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
CUT = {"seeds": [1], "strategies": STRATEGIES, "tasks": {"target": questions()[KIND]}}


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


def test_multi_task_learning_answers_a_kind_that_was_held_out(finished: FinishedStudy) -> None:
    """ARG over chance of the primed PLM as it is, with an interval over rows; that of the un-primed one is about 0."""
    args = {row["strategy"]: row for row in finished.table("arg_groups")}
    assert float(args["mtl[plm] -> nothing"]["low"]) > 0
    assert float(args["none -> nothing"]["low"]) < float(args["mtl[plm] -> nothing"]["low"])


def test_every_figure_shows_something(finished: FinishedStudy) -> None:
    for name in finished.study.figures.draw:
        svg = (finished.results / "figures" / name / f"{name}.svg").read_text()
        assert not re.search(r"<!-- No ", svg), name
        assert svg.count("<path") > 20, name
