"""Files of results, compared with what their result's recipe says of them before they are read.

A recipe has the SHA-256 of each file of its result. Whoever reads a file gives it to `checked`, which computes its own
once a process and raises DataError where it differs: weights and rows are used by nobody unseen.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from priming.digests import RECIPE, file_digest, of_json
from priming.errors import DataError

FILES, OWN = "files", "sha256"


def checked(path: Path) -> Path:
    """The path, of a file that is as its recipe says, or of which no recipe says anything.

    Raises:
        DataError: the file is damaged.
    """
    found = recorded(path.parent)
    if found:
        folder, files = found
        wanted = files.get(path.relative_to(folder).as_posix())
        if wanted and path.is_file() and file_digest(path) != wanted:
            raise DataError(f"{path} is damaged: its SHA-256 is not that in {folder / RECIPE}; {redo(folder)}")
    return path


def checked_folder(folder: Path) -> Path:
    """The folder, with all its files as their recipe says; raises DataError."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        checked(file)
    return folder


def recorded(folder: Path) -> tuple[Path, Mapping[str, str]] | None:
    """The result that a folder is, or is part of, and the SHA-256 of each of its files; None if no recipe says."""
    for place in (folder, *folder.parents):
        try:
            stat = (place / RECIPE).stat()
        except OSError:
            continue
        return place, _files(place / RECIPE, stat.st_size, stat.st_mtime_ns)
    return None


@cache
def _files(recipe: Path, size: int, modified: int) -> Mapping[str, str]:
    return read_recipe(recipe).get(FILES, {})


def read_recipe(file: Path) -> dict[str, Any]:
    """A recipe; empty if it is missing, no JSON, or not what was written."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get(OWN) == _own(found) and _lists(found.get(FILES, {})) else {}


def _lists(files: Any) -> bool:
    """Whether a recipe's files are files inside its folder, each with a digest."""
    return isinstance(files, dict) and all(
        isinstance(digest, str) and not Path(name).is_absolute() and ".." not in Path(name).parts
        for name, digest in files.items()
    )


def sealed(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe with the SHA-256 of itself."""
    whole: dict[str, Any] = json.loads(json.dumps(dict(recipe)))
    return {**whole, OWN: _own(whole)}


def damaged(folder: Path) -> Iterator[str]:
    """What is wrong with a result's files, in words."""
    recipe = read_recipe(folder / RECIPE)
    if not recipe:
        yield f"{folder / RECIPE} is not a recipe as it was written"
    for name, wanted in recipe.get(FILES, {}).items():
        file = folder / name
        if not file.is_file():
            yield f"{file} is missing"
        elif file_digest(file) != wanted:
            yield f"{file} is damaged: its SHA-256 is not that in {RECIPE}"


def redo(folder: Path) -> str:
    """What to do about a result that cannot be used."""
    return f"delete {folder} and run snakemake again"


def _own(recipe: Mapping[str, Any]) -> str:
    return of_json({name: value for name, value in recipe.items() if name != OWN})
