"""Let the jobs of a study die or fail at chosen moments, run them again, and print what came of it.

Each attempt is a fork of one process that has imported everything. `moments` kills it at random moments. `calls` counts
what it does to files in its folder (opening one to write, renaming, removing, making folders), and at the n-th of these
either ends the process at once or fails with EIO, as a broken disk does.
"""

import errno
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from priming.jobs.graph import Job, graph
from priming.jobs.recipes import Recipes
from priming.running import steps
from priming.runs import checkpoints
from priming.tasks.names import open_study

FILE = Path("config.yaml")
FIRST = ("prepare", "pretrain", "prime", "tune", "score", "tables", "figure")
EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link")
CRASHED = 99


def fork(does: Callable[[], None]) -> int:
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


def contents(job: Job) -> list[str]:
    return [content(Path(result.path)) for result in job.results]


def forget(job: Job) -> None:
    """Make the results of a job stale."""
    for result in job.results:
        Path(result.path, "recipe.json").unlink(missing_ok=True)


def is_whole(job: Job, before: list[str]) -> bool:
    """Whether the job, run once more, gives what it gave before, and leaves nothing about."""
    if ended(fork(lambda: run(job))):
        return False
    recipes = Recipes(graph(open_study(FILE)), Path())
    current = all(recipes.current(result.path) for result in job.results)
    left = [file for place in ("running", "locks", "state") for file in Path("work/tiny", place).glob("*")]
    hidden = [file for file in Path("results").rglob(".*") if file.name != ".snakemake_timestamp"]
    return current and contents(job) == before and not left and not hidden


def moments(job: Job, number: int, random_moment: random.Random) -> list[bool]:
    """Whether each kill was survived."""
    before, begun = contents(job), time.monotonic()
    forget(job)
    ended(fork(lambda: run(job)))
    took, found = time.monotonic() - begun, []
    while len(found) < number:
        forget(job)
        child = fork(lambda: run(job))
        time.sleep(random_moment.uniform(0, took))
        os.kill(child, signal.SIGKILL)
        if ended(child) == -signal.SIGKILL:
            found.append(is_whole(job, before))
    return found


def at_call(number: int, how: str) -> None:
    """Die or fail at the n-th call that changes a file."""
    here, seen = str(Path.cwd()), [0]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if not writes or not isinstance(arguments[0], str | bytes | os.PathLike):
                return
        elif event not in EVENTS:
            return
        if not str(Path(os.fsdecode(arguments[0])).absolute()).startswith(here):
            return
        seen[0] += 1
        if seen[0] == number:
            if how == "die":
                os._exit(CRASHED)
            raise OSError(errno.EIO, os.strerror(errno.EIO), os.fsdecode(arguments[0]))

    sys.addaudithook(hook)


def calls(job: Job, how: str, every: int) -> list[bool]:
    """Whether a fault at each call, or at every so many, was survived, until the job makes no more calls."""
    before, found, number = contents(job), [], 1
    while reached(job, number):
        forget(job)
        ended(fork(lambda at=number: (at_call(at, how), run(job))[1]))
        found.append(is_whole(job, before))
        number += every
    return found


def reached(job: Job, number: int) -> bool:
    """Whether a job makes so many calls; it dies at that one."""
    forget(job)
    return ended(fork(lambda: (at_call(number, "die"), run(job))[1])) == CRASHED


def main(number: int, every: int) -> None:
    jobs = graph(open_study(FILE))
    for job in jobs.jobs.values():
        assert ended(fork(lambda job=job: run(job))) == 0, job.out
    chosen = {job.step: job for job in reversed(jobs.jobs.values()) if job.step in FIRST}
    found = {f"kill -9, {step}": moments(chosen[step], number, random.Random(step)) for step in FIRST}
    for step in ("prepare", "prime"):
        found[f"death at a write, {step}"] = calls(chosen[step], "die", every)
        found[f"EIO at a write, {step}"] = calls(chosen[step], "fail", every)
    shutil.rmtree("work", ignore_errors=True)
    print(json.dumps(found))


main(int(sys.argv[1]), int(sys.argv[2]))
