"""How far a study is: results done, being made, failed and left, and the time to go by what jobs have taken so far."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from priming.durations import duration
from priming.errors import DataError
from priming.inspection.page import Facts, Note, Page, Table
from priming.jobs.graph import Job, Result, graph
from priming.jobs.recipes import Recipes
from priming.resources.cpu_time import took
from priming.result_files import RESULT, read_result
from priming.running.owners import Owner
from priming.running.result_locks import held
from priming.running.whole_study import expected_seconds
from priming.study import Study
from priming.study.paths import job_log, root
from priming.tasks.names import open_study

SHOWN = 12
"""Failures and running results that are printed; JSON has all."""


@dataclass(frozen=True)
class Failure:
    """A cell or priming without a result that can be used, and why."""

    result: str
    status: str
    reason: str


@dataclass(frozen=True)
class Step:
    """The jobs of a step: how many are done, at work, stopped by an error, and left; seconds that each took."""

    name: str
    jobs: int
    done: int
    running: int
    stopped: int
    seconds: list[float]
    expected: float | None
    """Seconds that a job should take, where none has been measured."""

    @property
    def left(self) -> int:
        """Jobs that are not done."""
        return self.jobs - self.done

    @property
    def each(self) -> float | None:
        """Mean seconds of a job: of those measured, else as expected; None where nothing is known."""
        return sum(self.seconds) / len(self.seconds) if self.seconds else self.expected

    @property
    def to_go(self) -> float | None:
        """Seconds of the jobs left, one after the other; None if nothing is known of the step."""
        return 0.0 if not self.left else None if self.each is None else self.left * self.each

    @property
    def data(self) -> dict[str, Any]:
        """As JSON."""
        counts = {"jobs": self.jobs, "done": self.done, "running": self.running, "stopped": self.stopped}
        return {
            "step": self.name,
            **counts,
            "left": self.left,
            "measured": bool(self.seconds),
            "seconds_each": self.each,
            "seconds_left": self.to_go,
        }


def status(study_file: Path) -> Page:
    """The state of a study in this folder; raises StudyError if its file is wrong."""
    study = open_study(study_file)
    jobs = graph(study)
    recipes = Recipes(jobs, study_file.parent)
    running = held(study.name)
    stopped = [failure for job in jobs.jobs.values() if (failure := _stopped(recipes, job, running))]
    expected = expected_seconds(study, study_file.parent)
    steps = list(_steps(recipes, running, {failure.result for failure in stopped}, expected))
    failed = [*stopped, *_failed(recipes)]
    cells = _cells(recipes)
    blocks: list[Facts | Table | Note] = [
        Facts("", [("study", f"{study.name} ({study_file})"), ("results", root(study)), ("cells", _said(cells))]),
        Table("", ["step", "jobs", "done", "running", "stopped", "left", "each", "to go"], list(map(_row, steps))),
        Note(_time_left(steps)),
        Table("Running", ["result", "by"], _first([[name, str(by)] for name, by in running.items()])),
        Table("Failed", ["result", "status", "reason"], _first([[f.result, f.status, f.reason] for f in failed])),
    ]
    data = {
        "study": study.name,
        "cells": cells,
        "steps": [step.data for step in steps],
        "running": [{"result": name, "by": str(by)} for name, by in running.items()],
        "failed": [vars(failure) for failure in failed],
    }
    return Page(blocks, data)


def _steps(
    recipes: Recipes, running: dict[str, Owner | None], stopped: set[str], expected: dict[str, float]
) -> Iterator[Step]:
    jobs = recipes.graph
    for name in dict.fromkeys(job.step for job in jobs.jobs.values()):
        own = [job for job in jobs.jobs.values() if job.step == name]
        at_work = [job for job in own if any(result.path in running for result in job.results)]
        clock = [found.clock for job in own if (found := took(jobs.study, job))]
        ended = sum(job.out in stopped for job in own)
        yield Step(
            name, len(own), sum(is_done(recipes, job) for job in own), len(at_work), ended, clock, expected.get(name)
        )


def is_done(recipes: Recipes, job: Job) -> bool:
    """Whether all results of a job are there and current."""
    return recipes.here(job.out) and not recipes.stale_job(job)


def _log(study: Study, job: Job) -> str:
    try:
        return Path(job_log(study, job.out)).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _stopped(recipes: Recipes, job: Job, running: dict[str, Owner | None]) -> Failure | None:
    """A job that is not done and not at work, and whose log ends without success."""
    if is_done(recipes, job) or any(result.path in running for result in job.results):
        return None
    lines = _log(recipes.graph.study, job).strip().splitlines()
    if not lines or lines[-1].startswith("took "):
        return None
    reason = next((line for line in reversed(lines) if line.startswith("error: ")), lines[-1])
    return Failure(job.out, "stopped", f"{reason.removeprefix('error: ')} ({job_log(recipes.graph.study, job.out)})")


def _failed(recipes: Recipes) -> Iterator[Failure]:
    """Results that say that they failed, or could not be tuned."""
    for result in recipes.graph.results.values():
        if result.step in ("pretrain", "prime", "tune") and recipes.here(result.path):
            for folder, found in _read(recipes, result):
                if found.get("status") not in ("done", None):
                    yield Failure(str(folder), found["status"], found.get("reason") or "no reason given")


def _read(recipes: Recipes, result: Result) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted(recipes.folder(result.path).glob(f"**/{RESULT}")):
        try:
            yield file.parent, read_result(file.parent)
        except DataError as error:
            yield file.parent, {"status": "damaged", "reason": str(error)}


def _cells(recipes: Recipes) -> dict[str, int]:
    """Cells (strategy x target task) of the study, and those that are tuned and scored over all seeds and samples."""
    made: dict[tuple[str, str, str], bool] = {}
    for result in recipes.graph.results.values():
        if result.step in ("tune", "score"):
            key = (result.member.name, str(result.strategy), result.task)
            made[key] = made.get(key, True) and recipes.current(result.path)
    return {"cells": len(made), "done": sum(made.values())}


def _said(cells: dict[str, int]) -> str:
    return f"{cells['done']} of {cells['cells']} done (strategy x target task, over all seeds and samples)"


def _row(step: Step) -> list[str]:
    each = "" if step.each is None else f"{'' if step.seconds else '~'}{duration(step.each)}"
    to_go = "" if not step.left else "unknown" if step.to_go is None else duration(step.to_go)
    counts = (step.jobs, step.done, step.running, step.stopped, step.left)
    return [step.name, *map(str, counts), each, to_go]


def _time_left(steps: list[Step]) -> str:
    if not any(step.left for step in steps):
        return "Everything is done."
    known = sum(step.to_go or 0.0 for step in steps)
    unknown = [step.name for step in steps if step.to_go is None]
    more = f", and the time of {', '.join(unknown)}, of which no job has ended yet" if unknown else ""
    rough = (
        "; ~ is an estimate, of steps without a finished job" if any(s.left and not s.seconds for s in steps) else ""
    )
    return f"To go: about {duration(known)}, if jobs run one after the other{more}{rough}."


def _first(rows: list[list[str]]) -> list[list[str]]:
    more = len(rows) - SHOWN
    return [*rows[:SHOWN], *([[f"and {more} more", *[""] * (len(rows[0]) - 1)]] if more > 0 else [])]
