"""Opening a study file with all checks, those of its task names and data folders included."""

from collections.abc import Iterator
from pathlib import Path

from priming.errors import DataError, nearest
from priming.study import Study, load_study
from priming.study.problems import Problem
from priming.study.tasks import Tasks
from priming.tasks.generated import GENERATED
from priming.tasks.sources import known_tasks, raw_files

PARTS = ("source", "development", "target")
ALLOWED = {"source": ("source",), "development": ("development",), "target": ("target", "development")}
"""The parts of the built-in tasks that each part of a study takes: a study that chooses settings reports development tasks."""


def open_study(path: Path) -> Study:
    """Read a study file and check everything that can be known before a job starts.

    Raises StudyError that lists every problem.
    """
    return load_study(path, (unknown_names, missing_mirrors))


def unknown_names(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """Names that are neither defined nor built in, and built-in tasks in a part that is not theirs."""
    for part in PARTS:
        for index, name in enumerate(getattr(tasks, part)):
            at = ("tasks", part, index)
            if name in tasks.define:
                continue
            if name not in GENERATED:
                hint = nearest(name, known_tasks(tasks))
                yield Problem(at, f"there is no task {name!r}{hint}; define it in tasks.define, or name a built-in one of 'priming tasks list'")
            elif GENERATED[name].part not in ALLOWED[part]:
                yield Problem(at, f"{name!r} is a built-in {GENERATED[name].part} task; allowed: {', '.join(_of_part(part))}")


def missing_mirrors(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """Data sets of the hub that a mirror folder is named for, and that are not in it."""
    for name in dict.fromkeys(name for part in PARTS for name in getattr(tasks, part)):
        if name in tasks.define and tasks.define[name].hub:
            try:
                raw_files(name, tasks, base)
            except DataError as error:
                yield Problem(("tasks", "define", name, "hub"), str(error))


def _of_part(part: str) -> list[str]:
    return [name for name, task in GENERATED.items() if task.part in ALLOWED[part]]
