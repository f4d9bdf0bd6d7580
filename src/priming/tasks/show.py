"""Listing tasks, and showing their examples as the model sees them."""

from itertools import chain
from pathlib import Path

from priming.errors import StudyError, nearest
from priming.study.tasks import GeneratedTasks
from priming.tasks.generated import GENERATED
from priming.tasks.names import PARTS, open_study
from priming.tasks.sources import load_task
from priming.tasks.task import Task


def names_by_part(study_file: Path | None) -> dict[str, list[str]]:
    """The tasks of a study by part, or the built-in ones."""
    if study_file:
        tasks = open_study(study_file).tasks
        return {part: list(getattr(tasks, part)) for part in PARTS}
    return {part: [name for name, task in GENERATED.items() if task.part == part] for part in PARTS}


def shown_task(name: str, study_file: Path | None, number: int) -> str:
    """What the task is, and its first `number` training examples; raises StudyError for an unknown name, DataError."""
    task = _task(name, study_file)
    head = [f"{task.name}: {task.kind}, {task.origin}, {len(task.train)} training rows, {len(task.test)} test rows"]
    head += [f"labels: {', '.join(task.labels)}"] if task.labels else []
    examples = [(f"input:  {example.input}", f"output: {' | '.join(example.targets)}", "") for example in task.train[:number]]
    return "\n".join([*head, "", *chain.from_iterable(examples)])


def _task(name: str, study_file: Path | None) -> Task:
    if study_file:
        study = open_study(study_file)
        return load_task(name, study.tasks, study_file.parent)
    if name not in GENERATED:
        raise StudyError(f"there is no built-in task {name!r}{nearest(name, GENERATED)}; name the study that defines it with --study FILE")
    sizes = GeneratedTasks()
    return GENERATED[name].task(sizes.train, sizes.test, sizes.seed)
