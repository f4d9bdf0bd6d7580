"""Preparing a task from the user's files."""

from dataclasses import replace
from pathlib import Path

from priming.study.tasks import Tasks
from priming.tasks.prepare import write_task
from priming.tasks.reading.built import task_from_rows
from priming.tasks.reading.drawn_test import said, train_and_test
from priming.tasks.reading.files import data_files, read_rows
from priming.tasks.task import Part, Task


def load(task: str, tasks: Tasks, base: Path) -> Task:
    """Read its files; raises DataError naming file, line and column."""
    definition = tasks.defined(task)
    assert definition.files is not None
    files = definition.files
    rows = {part: read_rows(file) for part, file in data_files(task, files, base).items()}
    if "rows" not in rows:
        return task_from_rows(task, definition, "files", rows)
    train, test = train_and_test(rows["rows"], definition.output, files.test_share)
    made = task_from_rows(task, definition, "files", {"train": train, "test": test})
    drawn = said(task, len(train), len(test), files.test_share)
    return replace(made, notes=(drawn, *made.notes), remarks=(drawn, *made.remarks))


def prepare(task: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out`, and return notes on the rows for the user.

    Raises DataError, DiskError.
    """
    return write_task(load(task, tasks, base), tasks, part, out, tasks.defined(task).metric)
