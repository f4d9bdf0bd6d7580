"""Running a whole study by Snakemake, after a Snakemake that was killed too."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

from priming.errors import DataError, StudyError
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.programs import typed
from priming.resources.cpu_time import CpuTimes
from priming.resources.plan import at_mean_lengths
from priming.running.events import EVENTS, EventReader
from priming.running.gpu_locks import visible
from priming.running.leftovers import clear_done
from priming.running.progress import Finished, Run
from priming.running.result_locks import Locks
from priming.running.runners import clear_dead, refuse_living
from priming.study import Study
from priming.study.load import load_study

FAILED_CELLS = 3
HOW_MANY = ("--cores", "-c", "--jobs", "-j", "--profile")
"""Options of Snakemake of which it needs one."""
SAYS = (
    *("-n", "--dry-run", "--dryrun", "-h", "--help", "-v", "--version", "--dag", "--d3dag", "--rulegraph"),
    *("--filegraph", "--report", "--lint", "--list", "--list-rules", "--list-target-rules", "-l", "--lt", "--summary"),
    *("-S", "--detailed-summary", "-D", "--archive", "--unlock", "--touch", "-t", "--cleanup-metadata", "--cm"),
    *("--delete-all-output", "--delete-temp-output", "--containerize", "--print-compilation", "--debug", "--verbose"),
)
"""Options with which Snakemake runs no jobs, or is to print all that it can: its output is what the user wants."""
POLL = 0.25  # seconds between two looks at the events


class View(Protocol):
    """Shows the progress of a run."""

    def update(self, run: Run, ended: list[Finished]) -> None:
        """Show how far the run is, and the jobs that have ended since the last call."""

    def close(self, run: Run, status: int, log: Path) -> None:
        """Show how the run ended, and the log with all that Snakemake printed."""


OpenView = Callable[[Study], View]


def run_study(file: Path, options: Sequence[str], view: OpenView | None = None) -> int:
    """Run `snakemake` on a study; its exit status, or FAILED_CELLS where nothing failed but cells of the study.

    With a view, Snakemake's output goes to the log of the study, and the view shows its progress, unless the options
    ask for output alone. The lock of a Snakemake that died is removed first.

    Raises:
        BusyError: another process runs the study in this folder.
        StudyError: the study file is wrong, or the workflow is not in this folder.
    """
    study = load_study(file)
    if not Path("Snakefile").is_file():
        raise StudyError(f"there is no Snakefile in {Path.cwd()}; type this in the folder of the project")
    locks = Locks(study.name)
    with locks.working(), locks.held({"snakemake": f"study {study.name}"}, 0.0):
        if clear_dead(study):
            print("removed the lock of a Snakemake that is dead", flush=True)
        arguments = [*_targets_first(options), "--configfile", str(file)]
        if view and not any(option.split("=")[0] in SAYS for option in options):
            status = _watched(arguments, (study, file.parent), view(study), locks.work / "events")
        else:
            with _snakemake(arguments) as process:
                status = process.wait()
        if status:
            refuse_living(study)  # it began while that one was still reading the workflow
        recipes = Recipes(graph(load_study(file)), file.parent)
        clear_done(recipes, locks.work)
    status = status if status >= 0 else 128 - status
    return FAILED_CELLS if status == 1 and recipes.finished_with_failures() else status


def failures(study_file: Path) -> list[str]:
    """A line for each cell of a finished study that failed, or was not tuned because its priming failed.

    Raises:
        DataError: the study is not finished.
    """
    recipes = Recipes(graph(load_study(study_file)), study_file.parent)
    if not recipes.tables_are_current():
        raise DataError(
            f"{study_file}: the study is not finished, so that nobody knows which cells fail; finish it: "
            f"{typed(f'priming run {study_file}')}"
        )
    return recipes.failures()


def _targets_first(options: Sequence[str]) -> list[str]:
    """The options, with a number of cores; what follows --configfile would be read as another study file."""
    said = any(option.split("=")[0] in HOW_MANY or option[:2] in HOW_MANY for option in options)
    return [*options] if said else ["--cores", "all", *options]


def _watched(arguments: Sequence[str], of: tuple[Study, Path], view: View, events: Path) -> int:
    """Run Snakemake with its output in the study's log, and show its progress; `of` is the study and its folder."""
    study, base = of
    log, reader, run = snakemake_log(study), EventReader(events), Run()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as printed, _snakemake(arguments, printed.fileno(), events) as process:
        run.expected = expected_seconds(study, base)
        status = None
        while status is None:
            status = _ended(process)
            ended = [job for event in reader.read() if (job := run.apply(event))]
            view.update(run, ended)
    view.close(run, status, log)
    return status


def expected_seconds(study: Study, base: Path) -> dict[str, float]:
    """Seconds that a job of each step should take on this machine; without those of training steps on GPUs."""
    gpus = study.compute.device != "cpu" and bool(visible())
    return CpuTimes(graph(study), at_mean_lengths(study), base).of_steps(gpus=gpus)


def snakemake_log(study: Study) -> Path:
    """Where the output of the last Snakemake that `priming run` watched is."""
    return Path("logs", study.name, "snakemake.log")


def _ended(process: "subprocess.Popen[bytes]") -> int | None:
    try:
        return process.wait(POLL)
    except subprocess.TimeoutExpired:
        return None


@contextmanager
def _snakemake(
    arguments: Sequence[str], printed: int | None = None, events: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Snakemake, which gets the signals that would stop this process."""
    environment = {**os.environ, **({EVENTS: str(events)} if events else {})}
    command, errors = [sys.executable, "-m", "snakemake", *arguments], None if printed is None else subprocess.STDOUT
    with subprocess.Popen(command, env=environment, stdout=printed, stderr=errors) as process:

        def hand_on(number: int, frame: FrameType | None) -> None:
            """A terminal sends SIGINT to both."""
            if number != signal.SIGINT:
                process.send_signal(number)

        before = {number: signal.signal(number, hand_on) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield process
            process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
