"""Reading a study file: all errors are listed before anything runs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from priming.errors import StudyError
from priming.study.document import Document, read
from priming.study.extensions import extended
from priming.study.files import Kind, fault, left_to_dvc
from priming.study.problems import Problem, about_defaults, found_by
from priming.study.study import Study
from priming.study.tasks import Tasks
from priming.study.templated import with_templates

TaskCheck = Callable[[Tasks, Path], Iterable[Problem]]


def load_study(path: Path, task_checks: Sequence[TaskCheck] = ()) -> Study:
    """Read and check a study file; each of `task_checks` takes its tasks and its folder, and returns problems.

    Raises StudyError that lists every problem: line, key, value, what is allowed, what to type next.
    """
    document = read(path)
    if not isinstance(document.data, dict):
        raise StudyError(f"{path}: contains no study; allowed: YAML keys with values, as in docs/study-file.md")
    wrong = extended(document.data.get("extensions"), path.parent)
    if wrong:
        raise document.error(wrong)
    data, unread = with_templates(document.data, path.parent)
    document = document._replace(data=data)
    missing = _missing_paths(data, path.parent)
    return _validated(document, [*unread, *missing, *_task_problems(data, path.parent, task_checks)])


def _validated(document: Document, found: list[Problem]) -> Study:
    try:
        study = Study.model_validate(document.data)
    except ValidationError as error:
        wrong = about_defaults(found_by(error, Study, document.data), Study, document.data)
        raise document.error([*wrong, *found]) from None
    if found:
        raise document.error(found)
    return study


def _task_problems(data: dict[str, Any], folder: Path, checks: Sequence[TaskCheck]) -> Iterator[Problem]:
    """Problems of well-formed tasks, even if other sections are malformed."""
    try:
        tasks = Tasks.model_validate(data.get("tasks"))
    except ValidationError:
        return
    for check in checks:
        yield from check(tasks, folder)


def _missing_paths(data: dict[str, Any], folder: Path) -> Iterator[Problem]:
    """Missing files of tasks and folders of PLMs, except those in DVC: figures can be drawn without a `dvc pull`."""
    paths: list[tuple[tuple[str, ...], Kind]] = [(("plms", name, "path"), "folder") for name in _at(data, "plms")]
    defined, parts = _at(data, "tasks", "define"), ("train", "test", "dev", "rows")
    paths += [(("tasks", "define", name, "files", part), "file") for name in defined for part in parts]
    paths += [(("tasks", "storycloze", part), "file") for part in ("validation", "test")]
    for at, kind in paths:
        named = _at(data, *at[:-1]).get(at[-1])
        path = folder / named if isinstance(named, str) else None
        if path and (wrong := fault(path, kind)) and not left_to_dvc(path):
            yield Problem(at, wrong)


def _at(data: Any, *key: str) -> dict[str, Any]:
    """The section at `key`, or an empty one."""
    for part in key:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
