"""Checking the files of results against their recipes, in one pass over a tree."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from priming.checked import damaged
from priming.digests import RECIPE
from priming.errors import DataError


class Bad(NamedTuple):
    """A result that is not as its recipe says, and why."""

    folder: Path
    reasons: list[str]


def results_in(tree: Path) -> Iterator[Path]:
    """The folders of results in a tree, or the one that the tree is part of; raises DataError where there is none."""
    found = sorted(file.parent for file in tree.rglob(RECIPE)) if tree.is_dir() else []
    inside = [folder for folder in (tree, *tree.parents) if (folder / RECIPE).is_file()][:1]
    if not found and not inside:
        raise DataError(f"there is no result at {tree}: no {RECIPE} in it or above it; give a folder such as results")
    yield from found or inside


def verify(tree: Path) -> tuple[int, list[Bad]]:
    """How many results were looked at, and those that are bad."""
    folders = list(results_in(tree))
    return len(folders), [Bad(folder, reasons) for folder in folders if (reasons := list(damaged(folder)))]


def repair(one: Bad, lock: Callable[[Path], AbstractContextManager[None]]) -> bool:
    """Remove a result, so that the next run builds it again, unless somebody has built it meanwhile; whether it was.

    Raises:
        BusyError: a job is at work on it.
    """
    with lock(one.folder):
        if still := one.folder.is_dir() and any(damaged(one.folder)):
            shutil.rmtree(one.folder)
        return still
