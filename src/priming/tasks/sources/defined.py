"""Base class for sources of tasks defined in a study, under `tasks.define`."""

from typing import ClassVar

from priming.study.tasks import TaskDefinition, Tasks
from priming.tasks.sources.interface import Params, Source
from priming.tasks.task import Kind


class DefinedSource(Source):
    """A source selected by a key of the definition."""

    key: ClassVar[str]
    """The key of the definition that selects this source."""

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the study defines the task with this key."""
        return task in tasks.define and getattr(tasks.define[task], cls.key) is not None

    @property
    def definition(self) -> TaskDefinition:
        """The task's definition in the study."""
        return self.tasks.define[self.task]

    def about(self) -> Params:
        """The definition; the fraction of rows that may be dropped is included only if some may."""
        definition = self.definition
        about = definition.settings(exclude={"unusable", "unusable_share"})
        dropped = definition.dropped_share
        return {"define": about if dropped is None else about | {"dropped_share": dropped}}

    @property
    def kind(self) -> Kind:
        """As its definition says."""
        return self.definition.kind

    @property
    def metric(self) -> str | None:
        """As its definition says."""
        return self.definition.metric

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels listed in its definition."""
        return tuple(dict.fromkeys((self.definition.labels or {}).values()))

    @property
    def summary(self) -> str:
        """Its labels, or the column that contains them."""
        return super().summary or f"the column {self.definition.output}"
