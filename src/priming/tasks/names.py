"""Opening a study file with all checks, those of its task names and data folders included."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from priming.errors import DataError, StudyError, nearest
from priming.study import Study, load_study
from priming.study.partitions import gym, partition
from priming.study.problems import Problem
from priming.study.tasks import Tasks
from priming.tasks.generated import GENERATED
from priming.tasks.label_check import said_of_labels
from priming.tasks.sources.load import known_tasks, raw_files

if TYPE_CHECKING:
    from priming.tasks.mirroring import Request

PARTS = ("source", "development", "target")
ALLOWED = {"source": ("source",), "development": ("development",), "target": ("target", "development")}
"""The parts of the built-in tasks that each part of a study takes: a study that chooses settings reports development tasks."""


def open_study(path: Path, *, of_data: bool = True) -> Study:
    """Read a study file and check everything that can be known before a job starts, except, without `of_data`, whether its data are here and
    whether its PLMs can write its labels.

    Raises StudyError that lists every problem.
    """
    study = load_study(path, (unknown_names, missing_mirrors) if of_data else (unknown_names,))
    if of_data and (unfit := said_of_labels(study, path.parent)):
        raise StudyError("\n".join(f"{path}: {said}" for said in unfit))
    return study


def wanted_of_hub(names: Sequence[str], tasks: Tasks | None) -> "list[Request]":
    """What the named tasks of CrossFit, and a study's tasks, need from the hub; raises StudyError for an unknown name."""
    from priming.tasks.mirroring import requests

    own = dict.fromkeys(name for part in PARTS for name in getattr(tasks, part)) if tasks else {}
    of_study = [name for name in own if tasks and (name in tasks.define or tasks.in_gym(name))]
    return requests([*names, *of_study], tasks)


def unknown_names(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """Names that are neither defined nor built in, and built-in tasks in a part that is not theirs."""
    for part in PARTS:
        for index, name in enumerate(getattr(tasks, part)):
            at = ("tasks", part, index)
            if name in tasks.define or tasks.in_gym(name):
                continue
            if name not in GENERATED:
                hint = nearest(name, [*known_tasks(tasks), *gym()])
                yield Problem(at, f"there is no task {name!r}{hint}; define it in tasks.define, or name a built-in one of 'priming tasks list'")
            elif GENERATED[name].part not in ALLOWED[part]:
                yield Problem(at, f"{name!r} is a built-in {GENERATED[name].part} task; allowed: {', '.join(_of_part(part))}")


def missing_mirrors(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """Data sets of the hub that a mirror folder is named for, and that are not in it."""
    for name in dict.fromkeys(name for part in PARTS for name in getattr(tasks, part)):
        if name in tasks.define and tasks.define[name].hub:
            try:
                raw_files(name, tasks, base)
            except DataError as error:
                yield Problem(("tasks", "define", name, "hub"), str(error))


def missing_tasks(study: Study, base: Path) -> dict[str, str]:
    """CrossFit's tasks that the study names, or that its partition has, and cannot have, with the reason; nothing is read for it.

    `base` is the folder of the study file. Tasks that are left out of a partition are among them.
    """
    from priming.tasks.crossfit import registry
    from priming.tasks.crossfit.source import missing

    tasks = study.tasks
    named = dict.fromkeys(name for part in PARTS for name in getattr(tasks, part))
    reasons = {name: missing(registry.entry(name), tasks.hub_folder, base) for name in named if tasks.in_gym(name)}
    whole = partition(tasks.partition) if tasks.partition else {}
    left_out = [name for names in whole.values() for name in names if name in tasks.without and name not in named]
    return {name: why for name, why in reasons.items() if why} | {name: _left_out(name, registry.gone(name)) for name in left_out}


def said_of_tasks(study: Study, base: Path) -> list[str]:
    """Lines on what the study will miss, and on rows and labels that its source and target tasks of CrossFit share."""
    from priming.tasks.crossfit.leakage import shared_data, shared_labels

    source, target = (list(filter(study.tasks.in_gym, names)) for names in (study.tasks.source, study.tasks.target))
    lines = [f"missing: {why.partition('; to read a mirror')[0]}" for why in dict.fromkeys(missing_tasks(study, base).values())]
    data, labels = shared_data(source, target), shared_labels(source, target)
    for name in target:
        if same := [task for task, other, _ in data if other == name]:
            lines.append(f"same rows: target task {name} and source {', '.join(same)}")
        if alike := [(task, words) for task, other, words in labels if other == name]:
            words = ", ".join(dict.fromkeys(word for _, shared in alike for word in shared))
            lines.append(f"same labels ({words}): target task {name} and source {', '.join(task for task, _ in alike)}")
    return lines


def _left_out(name: str, gone: str | None) -> str:
    return f"task {name}: left out by tasks.without{f'; its data set was {gone}' if gone else ''}"


def _of_part(part: str) -> list[str]:
    return [name for name, task in GENERATED.items() if task.part in ALLOWED[part]]
