"""How far a study is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from priming.cli.printing import plain
from priming.inspection.status import status
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.resources.cpu_time import took
from priming.running.result_locks import Locks
from priming.study.paths import job_log
from priming.tasks.names import open_study

FILE = Path("config.yaml")
STRATEGY = "tuned/mini/mtl-plm+adapter--adapter"


def test_a_finished_study_is_done(inside: Path) -> None:
    page = status(FILE)
    assert page.data["cells"] == {"cells": 8, "done": 8}
    assert {step["step"]: (step["jobs"], step["done"], step["left"]) for step in page.data["steps"]} == {
        **{"prepare": (1, 1, 0), "pretrain": (1, 1, 0), "prime": (4, 4, 0), "tune": (4, 4, 0)},
        **{"score": (4, 4, 0), "tables": (1, 1, 0), "figure": (2, 2, 0)},
    }
    assert page.data["running"] == page.data["failed"] == []
    assert "Everything is done." in plain(page)


def test_what_is_missing_is_left_and_takes_as_long_as_the_others(copied: Path) -> None:
    shutil.rmtree(copied / "results/tiny" / STRATEGY)
    study = open_study(FILE)
    others = [job for job in graph(study).jobs.values() if job.step == "tune" and STRATEGY not in job.out]
    for job, seconds in zip(others, (10.0, 20.0, 60.0), strict=True):
        (copied / job_log(study, job.out)).write_text(
            f"step\ntook {seconds} s, 1.0 CPU s (0.1 to start), at most 9 MB\n"
        )
    (copied / job_log(study, f"results/tiny/{STRATEGY}/chunks/00")).unlink()
    page = status(FILE)
    assert page.data["cells"] == {"cells": 8, "done": 6}
    tune = next(step for step in page.data["steps"] if step["step"] == "tune")
    assert (tune["left"], tune["stopped"], tune["seconds_each"], tune["seconds_left"]) == (1, 0, 30.0, 30.0)


def test_a_step_without_a_finished_job_has_an_estimate(
    copied: Path, table_rows: Callable[..., list[list[str]]]
) -> None:
    shutil.rmtree(copied / "results/tiny/tuned")
    shutil.rmtree(copied / "logs/tiny/tuned")
    page = status(FILE)
    tune = next(step for step in page.data["steps"] if step["step"] == "tune")
    assert not tune["measured"]
    assert tune["seconds_left"] == 4 * tune["seconds_each"] > 0
    row = next(row for row in table_rows(plain(page), "step") if row[0] == "tune")
    assert row[:6] == ["tune", "4", "0", "0", "0", "4"]
    assert row[6].startswith("~")
    assert "~ is an estimate, of steps without a finished job" in plain(page)


def test_a_job_that_stopped_is_named_with_its_reason(copied: Path) -> None:
    shutil.rmtree(copied / "results/tiny" / STRATEGY)
    log = copied / f"logs/tiny/{STRATEGY}/00.log"
    log.write_text("Traceback\nerror: the disk is full; make room\nmore\n")
    found = status(FILE).data["failed"]
    assert [one["result"] for one in found] == [f"results/tiny/{STRATEGY}/chunks/00"]
    assert found[0]["status"] == "stopped"
    assert found[0]["reason"].startswith("the disk is full; make room (logs/tiny/tuned/")


def test_a_cell_that_failed_is_named_with_its_reason(copied: Path) -> None:
    cell = f"results/tiny/{STRATEGY}/seed-1/dinner_review"
    file = copied / cell / "sample-13/result.json"
    whole = json.loads(file.read_text())
    file.write_text(json.dumps(whole | {"status": "failed", "reason": "NaN at step 3"}))
    recipes = Recipes(graph(open_study(FILE)), Path())
    recipes.finish(recipes.graph.results[cell], recipes.of(recipes.graph.results[cell]))
    assert status(FILE).data["failed"] == [
        {"result": f"{cell}/sample-13", "status": "failed", "reason": "NaN at step 3"}
    ]


def test_who_makes_a_result_is_running(copied: Path) -> None:
    path = f"results/tiny/{STRATEGY}/seed-1/dinner_review"
    shutil.rmtree(copied / path)
    locks = Locks("tiny")
    name = path.removeprefix("results/tiny/").replace("/", "~")
    with locks.working(), locks.held({name: path, "snakemake": "study tiny"}, 0.0):
        page = status(FILE)
    assert [one["result"] for one in page.data["running"]] == [path]
    assert next(step["running"] for step in page.data["steps"] if step["step"] == "tune") == 1
    assert page.data["failed"] == []
    assert status(FILE).data["running"] == []


def test_the_log_of_a_job_says_what_it_took(inside: Path) -> None:
    study = open_study(FILE)
    for job in graph(study).jobs.values():
        found = took(study, job)
        assert found is not None
        assert 0 <= found.cpu < 600
        assert 0 <= found.clock < 600
