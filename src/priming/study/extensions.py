"""A user's own entries, from the modules listed in a study file under `extensions`."""

from pathlib import Path
from typing import Any

from priming import entries
from priming.elements import sections as elements
from priming.section import rebuild
from priming.study import priming
from priming.study.files import fault
from priming.study.problems import Problem
from priming.study.study import Study


def extended(named: Any, folder: Path) -> list[Problem]:
    """Load the modules that a study in `folder` lists, and register their entries with the sections of study files.

    Returns their problems. A value other than a list of names is left to the check of its section.
    """
    files = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    before = len(entries.OWN)
    wrong = [problem for index, name in enumerate(files) if (problem := _loaded(folder / name, index))]
    if len(entries.OWN) > before:
        elements.add_keys()
        priming.add_keys()
        rebuild(Study)
    return wrong


def _loaded(file: Path, index: int) -> Problem | None:
    at = ("extensions", index)
    if wrong := fault(file, "file"):
        return Problem(at, wrong)
    try:
        entries.load(file.resolve())
    except ImportError as error:
        return Problem(at, f"{file.name}: {error}")
    return None
