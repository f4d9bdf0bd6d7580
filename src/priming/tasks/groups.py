"""Groups of a study's target tasks, by which gains are reported apart.

A study names its own (`tasks.groups`). Without, a generated task is told by whether the study primes on a task that asks for the same
thing, one of CrossFit's by its category.
"""

from priming.study.tasks import OTHER, Tasks
from priming.tasks.crossfit import registry
from priming.tasks.generated import GENERATED

ALL = "all target tasks"
OWN = "tasks of the study's own"
RELATED = "with a related source task"
UNRELATED = "without a related source task"
HARD = "hard, not learnt by small models"
CATEGORIES = {"qa": "question answering"}
"""What a category of CrossFit's is called where its own name is short."""


def groups(tasks: Tasks) -> dict[str, list[str]]:
    """The target tasks by the name of their group, each task in one group."""
    if tasks.groups:
        named = [task for members in tasks.groups.values() for task in members]
        rest = [task for task in tasks.target if task not in named]
        return tasks.groups | ({OTHER: [*tasks.groups.get(OTHER, ()), *rest]} if rest else {})
    found: dict[str, list[str]] = {}
    for task in tasks.target:
        found.setdefault(_group(task, tasks), []).append(task)
    return {ALL: found[OWN]} if list(found) == [OWN] else found


def _group(task: str, tasks: Tasks) -> str:
    if tasks.in_gym(task):
        category = registry.entry(task).category.partition("/")[0]
        return CATEGORIES.get(category, category)
    generated = GENERATED.get(task)
    if task in tasks.define or generated is None:
        return OWN
    if generated.hard:
        return HARD
    return RELATED if set(generated.relatives) & set(tasks.source) else UNRELATED
