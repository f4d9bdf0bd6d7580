"""The study of entities in made-up languages: nine settings and zero-shot transfer, to tables and figures."""

import re
from collections import Counter
from pathlib import Path

import pytest

from priming.jobs.graph import graph
from tests.finished_study import FinishedStudy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, project: Path) -> FinishedStudy:
    return FinishedStudy(tmp_path_factory.mktemp("ner"), project, "ner-embedded")


def test_every_step_ran_and_every_cell_has_a_score(finished: FinishedStudy) -> None:
    assert finished.executed == Counter(
        result.step for job in graph(finished.study).jobs.values() for result in job.results
    )
    rows = finished.table("per_task")
    assert [(row["strategy"], row["task"]) for row in rows] == [
        (strategy, task) for strategy in finished.study.strategies for task in finished.study.tasks.target
    ]
    assert {row["status"] for row in rows} == {"done"}


def test_something_is_learnt_of_entities(finished: FinishedStudy) -> None:
    """Tuning in full finds most entities; without tuning, knowledge of the source languages finds some."""
    means = {row["strategy"]: float(row["mean"]) for row in finished.table("strategies")}
    assert means["none -> plm+head"] > 0.5
    assert 0.02 < means["mtl[plm+head] -> nothing (with head)"] < means["none -> plm+head"]


def test_comparisons_have_intervals_over_the_languages(finished: FinishedStudy) -> None:
    rows = finished.table("comparisons")
    assert len(rows) == len(finished.study.scoring.compare)
    assert all(float(row["low"]) < float(row["difference"]) < float(row["high"]) for row in rows)


def test_parts_are_types_and_unseen_sentences(finished: FinishedStudy) -> None:
    assert {row["part"] for row in finished.table("parts")} == {"unseen rows", "PER", "ORG", "LOC"}


def test_every_figure_shows_something(finished: FinishedStudy) -> None:
    for name in finished.study.figures.draw:
        svg = (finished.results / "figures" / name / f"{name}.svg").read_text()
        assert not re.search(r"<!-- No ", svg), name
        assert svg.count("<path") > 20, name
