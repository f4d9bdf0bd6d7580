"""Files and folders that a study file names, and what is wrong with those that are not there."""

from pathlib import Path
from typing import Literal

from priming.errors import nearest
from priming.study.problems import shown

Kind = Literal["file", "folder"]


def fault(path: Path, kind: Kind) -> str | None:
    """Why there is no such file or folder, with similar paths that there are; None if there is one."""
    try:
        if path.is_file() if kind == "file" else path.is_dir():
            return None
        there = path.exists()
        return _another_kind(path, kind) if there else _no_such(path, kind)
    except OSError as error:
        return f"the {kind} {shown(str(path))} cannot be looked at ({error.strerror}); give another path"


def left_to_dvc(path: Path) -> bool:
    """Whether DVC tracks a missing file or folder: there is a .dvc file for it or for a folder that contains it."""
    try:
        return not path.exists() and any(Path(f"{place}.dvc").is_file() for place in (path, *path.parents))
    except OSError:
        return False


def _another_kind(path: Path, kind: Kind) -> str:
    what = "a folder" if path.is_dir() else "a file" if path.is_file() else "a device, pipe or socket"
    return f"{str(path)!r} is {what}; give the path of a {kind}"


def _no_such(path: Path, kind: Kind) -> str:
    parent = path.parent
    while not parent.is_dir():
        parent = parent.parent
    beside = sorted(entry.name for entry in parent.iterdir())
    missing = path.relative_to(parent).parts[0]
    return (
        f"there is no {kind} {str(path)!r}{nearest(missing, beside)}; {str(parent)!r} exists; "
        "paths are relative to the study file"
    )
