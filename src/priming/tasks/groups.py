"""Groups of a study's target tasks, for which gains are reported separately.

A study can define groups (`tasks.groups`). Otherwise the source of a task determines its group.
"""

from priming.study.tasks import OTHER, Tasks
from priming.tasks.sources.interface import OWN_GROUP
from priming.tasks.sources.table import source_of

ALL = "all target tasks"


def groups(tasks: Tasks) -> dict[str, list[str]]:
    """The target tasks by group; each task is in one group."""
    if tasks.groups:
        named = [task for members in tasks.groups.values() for task in members]
        rest = [task for task in tasks.target if task not in named]
        return tasks.groups | ({OTHER: [*tasks.groups.get(OTHER, ()), *rest]} if rest else {})
    found: dict[str, list[str]] = {}
    for task in tasks.target:
        found.setdefault(source_of(tasks, task).group, []).append(task)
    return {ALL: found[OWN_GROUP]} if list(found) == [OWN_GROUP] else found
