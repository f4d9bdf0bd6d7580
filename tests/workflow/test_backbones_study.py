"""The small study of four families: every cell of every PLM, a matrix a PLM, and what a PLM leaves out."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from priming.jobs.graph import graph
from tests.finished_study import FinishedStudy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, project: Path) -> FinishedStudy:
    return FinishedStudy(tmp_path_factory.mktemp("small"), project, "backbones-small")


def test_every_step_ran(finished: FinishedStudy) -> None:
    assert finished.executed == Counter(r.step for job in graph(finished.study).jobs.values() for r in job.results)


def test_every_cell_of_every_plm_has_a_score(finished: FinishedStudy) -> None:
    rows = finished.table("per_task")
    assert Counter(row["plm"] for row in rows) == {"bart": 54, "t5": 42, "bert": 54, "llama": 42}
    assert {row["status"] for row in rows} == {"done"}
    assert all(0 <= float(row["mean"]) <= 1 for row in rows)
    assert {row["plm"] for row in rows if "bitfit" in row["strategy"]} == {"bart", "bert"}


def test_every_plm_has_learnt(finished: FinishedStudy) -> None:
    """Its primed adapters answer better than always giving the most frequent label, in the mean over tasks."""
    majority = sum(float(row["score"]) for row in finished.table("majority")) / len(finished.study.tasks.target)
    for plm in finished.study.plms:
        own = [row for row in finished.table("strategies") if row["plm"] == plm]
        [mtl] = [row for row in own if row["strategy"] == "mtl[plm+head] -> adapter+head"]
        assert float(mtl["mean"]) > majority + 0.05, plm


def test_a_head_is_counted_where_there_is_one(finished: FinishedStudy) -> None:
    """Of two to four classes, a weight of 96 numbers and a bias each."""
    for plm in finished.study.plms:
        folder = finished.results / "tuned" / plm / "none--prompt+head" / "seed-1"
        tuned = {json.loads(file.read_text())["parameters"]["tuned"] for file in folder.glob("*/sample-*/result.json")}
        heads = {classes * 97 for classes in (2, 3, 4)} if plm == "bert" else {0}
        assert {number - 10 * 96 for number in tuned} <= heads, plm


def test_the_matrix_has_a_panel_for_each_plm(finished: FinishedStudy) -> None:
    svg = (finished.results / "figures" / "strategy_matrix" / "strategy_matrix.svg").read_text()
    for plm in finished.study.plms:
        assert re.search(rf"<!-- PLM {plm}: ", svg), plm
