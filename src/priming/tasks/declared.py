"""A task's kind and metric, before it is prepared."""

from priming.section import remembered
from priming.study.tasks import Tasks
from priming.tasks.sources.table import source_of
from priming.tasks.task import Kind, usual_metric


@remembered
def kind_of(tasks: Tasks, name: str) -> Kind:
    """The kind of a task."""
    return source_of(tasks, name).kind


@remembered
def metric_of(tasks: Tasks, name: str) -> str:
    """A task's own metric."""
    return source_of(tasks, name).metric or usual_metric(kind_of(tasks, name))
