"""Which sources there are, in the order in which everything lists them, and which of them a task is from."""

from priming.entries import Table
from priming.errors import StudyError, nearest
from priming.section import remembered
from priming.study.tasks import Tasks
from priming.tasks.sources.interface import Source

NAMES = ("files", "hub", "generated", "languages", "prompted", "crossfit", "p3")
SOURCES: Table[type[Source]] = Table("SOURCE", "priming.tasks.sources", NAMES)
"""A module has its source as `SOURCE`."""

NO_STUDY = Tasks.model_construct()
"""The settings of tasks where there is no study: nothing is defined, and everything has its default."""


@remembered
def source_of(tasks: Tasks, task: str) -> Source:
    """The source of a study's task; raises StudyError for a name that none has."""
    if found := find_source(tasks, task):
        return found
    keys = [key for key in ("source", "development", "target") if task in getattr(tasks, key)]
    where = f"tasks.{keys[0]}: " if keys else ""
    advice = "'priming tasks list' shows the built-in ones, tasks.define adds your own"
    raise StudyError(f"{where}{unknown(tasks, task)}; {advice}")


def find_source(tasks: Tasks, task: str) -> Source | None:
    """The source of a study's task, None if no source has it."""
    for source in SOURCES.values():
        if source.has(tasks, task):
            return source(tasks, task)
    return None


def built_in() -> dict[str, list[str]]:
    """The tasks that every study can name, under the headings of their sources."""
    return {heading: names for source in SOURCES.values() for heading, names in source.built_in().items()}


def unknown(tasks: Tasks, task: str) -> str:
    """That there is no such task, and what its name may have been meant for."""
    if (several := tasks.define.get(task)) and several.templates is not None:
        named = ", ".join(f"{task}.{key}" for key in several.named_templates) or "none could be read"
        return f"{task!r} is a task for each of its templates: {named}"
    built = (name for names in built_in().values() for name in names)
    known = [*tasks.own, *built]
    return f"there is no task {task!r}{nearest(task, known)}"
