"""Digests of the content of results and raw data."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

RECIPE = "recipe.json"
RESULT = "result.json"

# These describe how a result was computed and are not part of its content.
CIRCUMSTANCES = frozenset(
    {"seconds", "peak_memory_mb", "peak_gpu_memory_mb", "device", "ran_on", "resumed", "versions", "written"}
)
_IGNORED = frozenset({RECIPE, ".snakemake_timestamp"})


def content(folder: Path) -> str:
    """SHA-256 of a result's files, leaving out its recipe and, in `result.json`, where, when and how fast it ran."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in _IGNORED)
    return _combined(
        (path.relative_to(folder).as_posix(), _result(path) if path.name == RESULT else file_digest(path))
        for path in files
    )


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each of a result's files, by its path in the folder; its recipe is left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in _IGNORED)
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def files_digest(files: Iterable[Path], known: Mapping[Path, str] = MappingProxyType({})) -> str | None:
    """SHA-256 of raw data files, in any order; None if there are none or one is missing. `known` digests are reused."""
    here = sorted(files)
    if not here or not all(path.is_file() for path in here):
        return None
    folder = os.path.commonpath([path.parent for path in here])
    return _combined((path.relative_to(folder).as_posix(), known.get(path) or file_digest(path)) for path in here)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, computed once per process unless its size or modification time changes."""
    stat = path.stat()
    return _file_digest(path, stat.st_size, stat.st_mtime_ns)


def of_bytes(content: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def of_json(value: Any) -> str:
    """SHA-256 of a JSON value."""
    return of_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


@cache
def _file_digest(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _combined(named: Iterable[tuple[str, str]]) -> str:
    return of_bytes("\n".join(f"{digest} {name}" for name, digest in named).encode())


def _result(path: Path) -> str:
    try:
        return of_json(_without_circumstances(json.loads(path.read_text(encoding="utf-8"))))
    except (ValueError, RecursionError):
        return file_digest(path)


def _without_circumstances(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_circumstances(part) for key, part in value.items() if key not in CIRCUMSTANCES}
    return [_without_circumstances(part) for part in value] if isinstance(value, list) else value
