"""One way in to the three sources."""

from pathlib import Path

from priming.errors import StudyError, nearest
from priming.study.tasks import Tasks
from priming.tasks.generated import GENERATED
from priming.tasks.sources.files import data_files, load_files
from priming.tasks.sources.hub import load_hub
from priming.tasks.sources.mirror import find_mirror
from priming.tasks.task import Task


def load_task(name: str, tasks: Tasks, base: Path) -> Task:
    """The task `name` of a study whose file lies in `base`, with every row of its source.

    Raises StudyError for an unknown name, DataError for what is missing or wrong in the rows.
    """
    definition = tasks.define.get(name)
    if definition is None:
        return _built_in(name, tasks)
    return load_files(name, definition, base) if definition.files else load_hub(name, definition, tasks.hub_folder, base)


def raw_files(name: str, tasks: Tasks, base: Path) -> list[Path]:
    """The data files that the task depends on, sorted; none for generated tasks and for the live hub.

    Raises StudyError and DataError where the task or one of the files is missing.
    """
    definition = tasks.define.get(name)
    if definition is None:
        _known(name, tasks)
        return []
    if definition.files:
        return sorted(data_files(name, definition.files, base))
    assert definition.hub is not None
    mirror = find_mirror(f"tasks.define.{name}.hub", definition.hub.id, tasks.hub_folder, base)
    return mirror.files(definition.hub.config) if mirror else []


def known_tasks(tasks: Tasks) -> list[str]:
    """Every name that a study with these definitions can use."""
    return [*tasks.define, *(name for name in GENERATED if name not in tasks.define)]


def _built_in(name: str, tasks: Tasks) -> Task:
    _known(name, tasks)
    return GENERATED[name].task(tasks.generated.train, tasks.generated.test, tasks.generated.seed)


def _known(name: str, tasks: Tasks) -> None:
    if name not in GENERATED:
        keys = [key for key in ("source", "development", "target") if name in getattr(tasks, key)]
        where = f"tasks.{keys[0]}: " if keys else ""
        hint = nearest(name, known_tasks(tasks))
        raise StudyError(f"{where}there is no task {name!r}{hint}; 'priming tasks list' shows the built-in ones, tasks.define adds your own")
