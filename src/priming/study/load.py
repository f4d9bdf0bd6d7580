"""Reading a study file: every mistake in it is named before anything is made."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from priming.errors import StudyError, nearest
from priming.study.document import Document, read
from priming.study.problems import Problem, found_by
from priming.study.study import Study
from priming.study.tasks import Tasks

TaskCheck = Callable[[Tasks, Path], Iterable[Problem]]


def load_study(path: Path, task_checks: Sequence[TaskCheck] = ()) -> Study:
    """Read and check a study file; each of `task_checks` is given its tasks and the folder it lies in, and returns problems.

    Raises StudyError that lists every problem: line, key, value, what is allowed, what to type next.
    """
    document = read(path)
    if not isinstance(document.data, dict):
        raise StudyError(f"{path}: holds no study; allowed: YAML keys with values, as in docs/study-file.md")
    return _validated(document, [*_missing_paths(document.data, path.parent), *_task_problems(document.data, path.parent, task_checks)])


def left_to_dvc(path: Path) -> bool:
    """Whether DVC has a file or folder that is not here: a .dvc file lies beside it, or beside a folder that it lies in."""
    return not path.exists() and any(Path(f"{place}.dvc").is_file() for place in (path, *path.parents))


def _validated(document: Document, found: list[Problem]) -> Study:
    try:
        study = Study.model_validate(document.data)
    except ValidationError as error:
        raise document.error([*found_by(error, Study, document.data), *found]) from None
    if found:
        raise document.error(found)
    return study


def _task_problems(data: dict[str, Any], folder: Path, checks: Sequence[TaskCheck]) -> Iterator[Problem]:
    """What is wrong with tasks that are well formed, even where other sections are not."""
    try:
        tasks = Tasks.model_validate(data.get("tasks"))
    except ValidationError:
        return
    for check in checks:
        yield from check(tasks, folder)


def _missing_paths(data: dict[str, Any], folder: Path) -> Iterator[Problem]:
    """Files of tasks and folders of PLMs that the study names and that are nowhere; without a `dvc pull` figures can still be drawn."""
    paths: list[tuple[tuple[str, ...], str]] = [(("plms", name, "path"), "folder") for name in _at(data, "plms")]
    paths += [(("tasks", "define", name, "files", part), "file") for name in _at(data, "tasks", "define") for part in ("train", "test")]
    for at, kind in paths:
        named = _at(data, *at[:-1]).get(at[-1])
        path = folder / named if isinstance(named, str) else None
        if path and not (path.is_file() if kind == "file" else path.is_dir()) and not left_to_dvc(path):
            yield Problem(at, _no_such(path, kind))


def _at(data: Any, *key: str) -> dict[str, Any]:
    """The section at `key`, empty where there is none."""
    for part in key:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _no_such(path: Path, kind: str) -> str:
    """That there is no `path`, and what there is that looks like it."""
    parent = path.parent
    while not parent.is_dir():
        parent = parent.parent
    beside = sorted(entry.name for entry in parent.iterdir())
    missing = path.relative_to(parent).parts[0]
    return f"there is no {kind} {str(path)!r}{nearest(missing, beside)}; {str(parent)!r} is there; paths are relative to the study file"
