"""Preparing a task from a data set of the hub."""

from itertools import chain
from pathlib import Path

from priming.study.tasks import Tasks
from priming.tasks.prepare import write_task
from priming.tasks.reading.built import task_from_rows
from priming.tasks.reading.hub import HubReader
from priming.tasks.reading.mirror import find_mirror
from priming.tasks.task import Part, Task


def load(task: str, tasks: Tasks, base: Path) -> Task:
    """Read it from the mirror if one is given, else from the live hub; raises DataError."""
    definition, key = tasks.defined(task), f"{tasks.defined(task).key(task)}.hub"
    hub = definition.hub
    assert hub is not None
    reader = HubReader(key, hub.id, hub.config, hub.revision, find_mirror(key, hub.id, tasks.hub_folder, base))
    train = [hub.train] if isinstance(hub.train, str) else hub.train
    splits = {"train": train, "test": [hub.test], **({} if hub.dev is None else {"dev": [hub.dev]})}
    for part, wanted in splits.items():
        for split in wanted:
            reader.check(split, part)
    rows = {part: chain.from_iterable(map(reader.rows, wanted)) for part, wanted in splits.items()}
    return task_from_rows(task, definition, "hub", rows, reader.classes(train[0]))


def prepare(task: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out`, and return notes on the rows for the user.

    Raises DataError, DiskError.
    """
    return write_task(load(task, tasks, base), tasks, part, out, tasks.defined(task).metric)
