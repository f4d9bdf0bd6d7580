"""The interface of task sources. No other code depends on a source's name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from priming.forms.table import KINDS
from priming.protocol.dev_sets import DEV_SETS
from priming.protocol.draws.table import DRAWS
from priming.study.problems import Problem
from priming.study.tasks import Tasks
from priming.tasks.task import Kind, Part, Task

Params = dict[str, Any]
"""Part of the settings in a recipe, as JSON."""

OWN_GROUP = "tasks of the study's own"


@dataclass(frozen=True)
class Request:
    """One configuration of a data set of the hub, or files outside it below `url`."""

    key: str
    id: str
    config: str | None = None
    revision: str | None = None
    url: str | None = None
    files: tuple[str, ...] = ()


class Source:
    """A source and one of its tasks in a study, with default implementations."""

    preparing: ClassVar[str]
    """The module that prepares its tasks, with a function `prepare(task, tasks, part, base, out)`. The recipes of its
    tasks include this module and its imports, but no other source. It may be the source's own module, which is then
    included as a whole."""
    memory: ClassVar[int]
    """Memory of preparing, in MB, beyond that of every job."""
    downloads: ClassVar[bool] = False
    """Whether rows are downloaded if there is no mirror."""
    publishes: ClassVar[bool] = False
    """Whether it knows which rows its authors drew."""
    reads_data: ClassVar[bool] = True
    """Whether rows depend on more than this package and the study file."""

    def __init__(self, tasks: Tasks, task: str) -> None:
        self.tasks, self.task = tasks, task

    # About the source as a whole.

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the study's task of this name is one of its own."""
        raise NotImplementedError

    @classmethod
    def built_in(cls) -> dict[str, list[str]]:
        """The tasks available to every study, by heading of the list of tasks."""
        return {}

    @classmethod
    def left_out(cls, tasks: Tasks) -> dict[str, str]:
        """Tasks that the study excludes from a partition, with the reason."""
        return {}

    @classmethod
    def overlaps(cls, source: Sequence[str], target: Sequence[str]) -> list[str]:
        """A line for each overlap between source and target tasks, all of this source."""
        return []

    @classmethod
    def shown(cls, name: str, tasks: Tasks | None, base: Path) -> str | None:
        """A description of all tasks that a name stands for, those of a study where one is given; None if it is no such
        name. Raises DataError.
        """
        return None

    # A task's part of a recipe.

    def params(self, part: str) -> Params:
        """The keys of the study file that affect the prepared task in its role."""
        return {"task": self.task, "part": part} | self.about() | self.drawn(part)

    def about(self) -> Params:
        """The keys that affect its rows."""
        raise NotImplementedError

    def drawn(self, part: str) -> Params:
        """What is drawn from its rows."""
        if not self.draws(part):
            return {"source_limit": self.tasks.source_limit} | self.repeated()
        return self.samples() | {"test_limit": self.tasks.test_limit} | self.repeated()

    def draws(self, part: str) -> bool:
        """Whether samples are drawn for the part that it plays."""
        return part != "source"

    def samples(self) -> Params:
        """The few-shot samples that are drawn, their size, and their development sets."""
        tasks, key = self.tasks, DRAWS[self.draw].size_key
        size = {key: getattr(tasks, key)} if key else {}
        named = {} if self.draw == self.usual_draw else {"draw": self.draw}
        development = {"dev_set", "dev_limit"} if DEV_SETS[tasks.dev_set].split else {"dev_set"}
        return size | {"samples": tasks.samples} | named | tasks.settings(development)

    def repeated(self) -> Params:
        """What happens to rows that are the same as others."""
        return self.tasks.settings({"duplicates"})

    def modules(self, part: str) -> tuple[str, ...]:
        """The modules at which preparing it begins."""
        return (self.preparing, *([DRAWS.modules[self.draw]] if self.draws(part) else []))

    @property
    def draw(self) -> str:
        """How its samples are drawn."""
        return self.tasks.draw or self.usual_draw

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return "classification"

    @property
    def usual_draw(self) -> str:
        """How its samples are drawn where the study does not say."""
        return KINDS[self.kind].draw

    @property
    def has_dev_split(self) -> bool:
        """Whether its data have a development split."""
        return False

    # What is known of a task before it is prepared.

    @property
    def metric(self) -> str | None:
        """Its own metric; None for the default of its kind."""
        return None

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, as far as they are known without its rows."""
        return ()

    @property
    def group(self) -> str:
        """The group for reporting its gains, if the study defines no groups."""
        return OWN_GROUP

    @property
    def test_rows(self) -> int | None:
        """The number of its test rows; None if unknown."""
        return None

    def misplaced(self, part: str) -> str | None:
        """Why it cannot have this role, and what is allowed; None if it can."""
        return None

    def problems(self, base: Path) -> Iterator[Problem]:
        """Known problems with its data that keep the study from running; `base` is the study file's folder."""
        return iter(())

    def missing(self, base: Path) -> str | None:
        """Why its rows are unavailable, if the study can run without them; None if no reason is known."""
        return None

    # Its data.

    @property
    def own_files(self) -> tuple[str, ...]:
        """The user's files that it is made from, as given in the study file."""
        return ()

    def raw_files(self, base: Path) -> list[Path]:
        """The local files that its rows depend on, sorted.

        Raises DataError if a file is missing without which preparing would fail.
        """
        return []

    def row_problems(self, base: Path, *, drawn: bool) -> tuple[list[str], list[str]]:
        """All that is wrong with the rows of the user's own files, and else notes; `drawn`: samples are drawn of it."""
        return [], []

    @property
    def request(self) -> Request | None:
        """The data that a mirror folder needs for it; None if it needs none."""
        return None

    def load(self, base: Path) -> Task:
        """The task with all rows, if the module `preparing` has a function `load(task, tasks, base)`.

        Raises DataError for missing or malformed rows.
        """
        loaded: Task = import_module(self.preparing).load(self.task, self.tasks, base)
        return loaded

    def prepare(self, part: Part, base: Path, out: Path) -> list[str]:
        """Write the prepared folder `out`, and return notes on the rows for the user.

        Raises DataError, DiskError.
        """
        said: list[str] = import_module(self.preparing).prepare(self.task, self.tasks, part, base, out)
        return said

    # In words.

    @property
    def summary(self) -> str:
        """Its outputs, for the list of tasks."""
        return ", ".join(self.labels)

    def described(self, base: Path, number: int) -> str:
        """A description, with the first `number` training examples of the study's first sample; raises DataError."""
        from priming.tasks.describe import describe

        return describe(self.load(base), self.tasks, number)
