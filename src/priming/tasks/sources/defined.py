"""Base class for sources of tasks defined in a study, under `tasks.define`."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from priming.forms.table import KINDS
from priming.study.definition import TaskDefinition
from priming.study.problems import Problem
from priming.study.tasks import Tasks
from priming.tasks.sources.interface import Params, Source
from priming.tasks.task import Kind
from priming.templates.rendering import Renderer, RenderingError


class DefinedSource(Source):
    """A source selected by a key of the definition."""

    key: ClassVar[str]
    """The key of the definition that selects this source."""

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the study defines the task with this key."""
        return getattr(tasks.definition(task), cls.key, None) is not None

    @property
    def definition(self) -> TaskDefinition:
        """The task's definition in the study."""
        return self.tasks.defined(self.task)

    @property
    def _key(self) -> str:
        return self.definition.key(self.task)

    def about(self) -> Params:
        """The definition; the fraction of rows that may be dropped is included only if some may."""
        definition = self.definition
        about = definition.settings(exclude={"unusable", "unusable_share"})
        if definition.templates is not None:
            own, key = definition.template_of(self.task), self.task.rpartition(".")[2]
            about |= {"templates": {key: own.settings()}}
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
    def group(self) -> str:
        """As its definition says; of a template, the definition; of questions without templates, the task."""
        definition = self.definition
        if definition.group or definition.templates is not None:
            return definition.group or self.task.rpartition(".")[0]
        return self.task if KINDS[definition.kind].own_choices else super().group

    def problems(self, base: Path) -> Iterator[Problem]:
        """A template that does not parse."""
        if self.definition.templates is None:
            return
        own, key = self.definition.template_of(self.task), self.task.rpartition(".")[2]
        try:
            Renderer(own.jinja, own.answer_choices)
        except RenderingError as error:
            at = (*self._key.split("."), "templates")
            yield Problem(at, f"template {own.name or key!r}: {error}")

    @property
    def summary(self) -> str:
        """Its labels, the column that contains them, or its template."""
        if self.definition.templates is not None:
            return f"the template {self.definition.template_of(self.task).name or self.task.rpartition('.')[2]}"
        return super().summary or f"the column {self.definition.output}"
