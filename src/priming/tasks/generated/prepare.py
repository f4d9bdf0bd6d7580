"""Preparing one of the built-in tasks."""

from pathlib import Path

from priming.study.tasks import Tasks
from priming.tasks.generated import GENERATED
from priming.tasks.prepare import write_task
from priming.tasks.task import Part, Task


def load(task: str, tasks: Tasks, base: Path) -> Task:
    """Generate its rows."""
    return GENERATED[task].task(tasks.generated.train, tasks.generated.test, tasks.generated.seed)


def prepare(task: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out`, and return notes on the rows for the user; raises DiskError."""
    return write_task(load(task, tasks, base), tasks, part, out)
