"""The entries of all tasks, with the corrections of the fidelity `fixed`."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from priming.errors import StudyError, nearest
from priming.study.tasks import Fidelity
from priming.tasks.crossfit.entries import Entry

FILES = ("classification", "question-answering", "conditional-generation", "other")
SAMPLES = (100, 13, 21, 42, 87)
UNCOUNTED = frozenset({"category", "licence", "oddity", "gone", "rows", "rows_of"})


def names() -> tuple[str, ...]:
    """All tasks, by file."""
    return tuple(_written())


@cache
def entry(name: str, fidelity: Fidelity = "crossfit") -> Entry:
    """The entry of a task; raises StudyError for an unknown name."""
    return Entry.model_validate({"name": name, **_merged(name, fidelity)})


def entries(fidelity: Fidelity = "crossfit") -> Iterator[Entry]:
    """The entries of all tasks."""
    return (entry(name, fidelity) for name in names())


def described(name: str, fidelity: Fidelity) -> dict[str, Any]:
    """The parts of an entry that affect its examples, as JSON."""
    return {key: value for key, value in _merged(name, fidelity).items() if key not in UNCOUNTED}


def gone(name: str) -> str | None:
    """Why the data of a task are no longer available; None if they are."""
    why: str | None = _written()[name].get("gone")
    return why


def check(name: str) -> None:
    """Raise StudyError, with the nearest names, unless the task exists."""
    if name not in _written():
        raise StudyError(f"CrossFit has no task {name!r}{nearest(name, names())}; 'priming tasks list' shows all")


@cache
def _merged(name: str, fidelity: Fidelity) -> dict[str, Any]:
    check(name)
    written = dict(_written()[name])
    mended = written.pop("fixed", {})
    return written | mended if fidelity == "fixed" else written


@cache
def _written() -> dict[str, dict[str, Any]]:
    folder = files("priming.tasks.crossfit") / "data"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, dict[str, Any]] = {}
    for file in FILES:
        found |= yaml.load((folder / f"{file}.yaml").read_text(encoding="utf-8"), Loader=loader)
    return found
