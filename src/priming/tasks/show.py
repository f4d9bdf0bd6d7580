"""The list of tasks, and the description of one."""

from pathlib import Path

from priming.errors import StudyError, nearest
from priming.tasks.names import PARTS, open_study
from priming.tasks.sources.table import NO_STUDY, SOURCES, built_in, find_source, source_of


def listed_tasks(study_file: Path | None) -> str:
    """The tasks of a study by role, or all built-in ones, each with its outputs."""
    tasks = open_study(study_file).tasks if study_file else NO_STUDY
    lists = {part: getattr(tasks, part) for part in PARTS} if study_file else built_in()
    lines = []
    for heading, names in lists.items():
        width = max(map(len, names), default=0)
        lines.append(f"{heading} ({len(names)})")
        lines.extend(f"  {name:{width}}  {source_of(tasks, name).summary}" for name in names)
    return "\n".join(lines) + "\n"


def shown_task(name: str, study_file: Path | None, number: int) -> str:
    """A description of the task, with the first `number` training examples of its first sample, as the model sees them.

    The name of a partition may stand for a table of its tasks. Raises StudyError for an unknown name, DataError for
    problems with rows.
    """
    tasks, base = (open_study(study_file).tasks, study_file.parent) if study_file else (None, Path())
    source = find_source(tasks or NO_STUDY, name)
    if source is None:
        for kind in SOURCES.values():
            if text := kind.shown(name, tasks, base):
                return text
    if source or tasks:
        return (source or source_of(tasks or NO_STUDY, name)).described(base, number)
    near = nearest(name, [known for names in built_in().values() for known in names])
    raise StudyError(f"there is no built-in task {name!r}{near}; give the study that defines it with --study FILE")
