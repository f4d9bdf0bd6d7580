"""Attempts at the jobs of a study, each a fork of one process that has imported everything."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import priming.backbones.loading
import priming.evaluation.scoring
import priming.reporting.figures
import priming.reporting.tables
import priming.training.downstream
import priming.training.pretrain
import priming.training.tuner
import priming.training.upstream  # noqa: F401 - imported once for all forks
from priming.digests import content
from priming.errors import UserError
from priming.jobs.graph import Graph, Job, graph
from priming.jobs.recipes import Recipes
from priming.running import steps
from priming.runs import checkpoints
from priming.tasks.names import open_study
from tests.faults.kinds import STEPS

FILE = Path("config.yaml")


def fork(does: Callable[[], object]) -> int:
    """A process that does something: it ends with the status of a user's error, or 1."""
    if child := os.fork():
        return child
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    checkpoints.SOONEST = 0.0
    checkpoints.MAX_OVERHEAD = 1.0
    try:
        does()
    except UserError as error:
        os._exit(error.exit_code)
    except BaseException:
        os._exit(1)
    os._exit(0)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(job: Job) -> None:
    steps.run(job.step, FILE, job.out)


def make_all() -> Graph:
    """The jobs of the study, all of them done."""
    jobs = graph(open_study(FILE))
    for job in jobs.jobs.values():
        assert ended(fork(lambda job=job: run(job))) == 0, job.out
    return jobs


def firsts(jobs: Graph) -> dict[str, Job]:
    """The first job of each step."""
    return {job.step: job for job in reversed(jobs.jobs.values()) if job.step in STEPS}


def contents(job: Job) -> list[str]:
    return [content(Path(result.path)) for result in job.results]


def forget(job: Job) -> None:
    """Make the results of a job stale."""
    for result in job.results:
        Path(result.path, "recipe.json").unlink(missing_ok=True)


def is_whole(job: Job, before: list[str]) -> bool:
    """Whether the job, run once more, gives what it gave before, and leaves nothing about; if not, it says why not."""
    status = ended(fork(lambda: run(job)))
    recipes = Recipes(graph(open_study(FILE)), Path())
    left = [file for place in ("running", "locks", "state") for file in Path("work/tiny", place).glob("*")]
    hidden = [file for file in Path("results").rglob(".*") if file.name != ".snakemake_timestamp"]
    wrong = {
        "status": status,
        "stale": [result.path for result in job.results if not recipes.current(result.path)],
        "differs": contents(job) != before,
        "left": [str(file) for file in (*left, *hidden)],
    }
    if any(wrong.values()):
        print(f"lost: {job.out}: {wrong}", file=sys.stderr, flush=True)
    for file in hidden:
        file.unlink()
    return not any(wrong.values())
