"""Preparing the task of one of the languages."""

from itertools import islice
from pathlib import Path

from priming.study.tasks import Tasks
from priming.tasks.languages.grammar import TAGS, sentences
from priming.tasks.prepare import write_task
from priming.tasks.task import Part, Task


def load(task: str, tasks: Tasks, base: Path) -> Task:
    """Draw its sentences; short ones occur more than once, also in several parts."""
    size, seed = tasks.generated, tasks.generated.seed
    parts = {"train": size.train, "dev": size.test, "test": size.test}
    rows = {part: list(islice(sentences(task, part, seed), number)) for part, number in parts.items()}
    return Task(task, "tagging", TAGS, rows["train"], rows["test"], "languages", dev=rows["dev"])


def prepare(task: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out`, and return notes on the rows for the user; raises DiskError."""
    return write_task(load(task, tasks, base), tasks, part, out)
