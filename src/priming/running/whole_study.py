"""Running a whole study by Snakemake, after a Snakemake that was killed too."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from priming.errors import StudyError
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.running.leftovers import clear_done
from priming.running.result_locks import Locks
from priming.running.runners import clear_dead
from priming.study.load import load_study

FAILED_CELLS = 3
HOW_MANY = ("--cores", "-c", "--jobs", "-j", "--profile")
"""Options of Snakemake of which it needs one."""


def run_study(file: Path, options: Sequence[str]) -> int:
    """Run `snakemake` on a study; its exit status, or FAILED_CELLS where nothing failed but cells of the study.

    The lock of a Snakemake that died is removed first.

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
        status = _snakemake(["--configfile", str(file), *_enough(options)])
        recipes = Recipes(graph(load_study(file)), file.parent)
        clear_done(recipes, locks.work)
    return FAILED_CELLS if status == 1 and recipes.finished_with_failures() else status


def _enough(options: Sequence[str]) -> list[str]:
    said = any(option.split("=")[0] in HOW_MANY or option[:2] in HOW_MANY for option in options)
    return [*options] if said else ["--cores", "all", *options]


def _snakemake(arguments: Sequence[str]) -> int:
    """Run Snakemake, which gets the signals that would stop this process; its exit status, as a shell has it."""
    with subprocess.Popen([sys.executable, "-m", "snakemake", *arguments]) as process:

        def hand_on(number: int, frame: FrameType | None) -> None:
            """A terminal sends SIGINT to both."""
            if number != signal.SIGINT:
                process.send_signal(number)

        before = {number: signal.signal(number, hand_on) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            status = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return status if status >= 0 else 128 - status
