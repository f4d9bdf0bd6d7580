"""Even and odd numbers: a source of tasks in one file, as a user could add it."""

from pathlib import Path

from priming.forms.rows import Example
from priming.study.tasks import Tasks
from priming.tasks.prepare import write_task
from priming.tasks.sources.interface import Params, Source
from priming.tasks.task import Part, Task

LABELS = ("even", "odd")


class Parity(Source):
    """One task, which is built in."""

    preparing, memory, reads_data = __name__, 150, False

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether it is `parity`, and not defined anew."""
        return task == "parity" and task not in tasks.define

    @classmethod
    def built_in(cls) -> dict[str, list[str]]:
        """The one."""
        return {"numbers": ["parity"]}

    def about(self) -> Params:
        """Nothing: its rows are always the same."""
        return {}

    @property
    def labels(self) -> tuple[str, ...]:
        """Both."""
        return LABELS


def load(task: str, tasks: Tasks, base: Path) -> Task:
    """A hundred numbers to draw from, and twenty others for the test."""
    train, test = ([Example(str(i), (LABELS[i % 2],)) for i in numbers] for numbers in (range(100), range(100, 120)))
    return Task(task, "classification", LABELS, train, test, "numbers")


def prepare(task: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder."""
    return write_task(load(task, tasks, base), tasks, part, out)


SOURCE = Parity
