"""The folder in which a prepared task lies.

`task.json` holds name, kind, labels, part, origin, the task's own metric, the fidelity of one of CrossFit's tasks, counts and the SHA-256 of
every other file. Examples are JSON lines `{"input": str, "targets": [str, ...]}`: `pool.jsonl` of a source task,
`sample-<k>-{train,dev,test}.jsonl` of the others.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from priming.errors import DataError, DiskError
from priming.tasks.task import Example, Kind, Origin, Part

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
TASK_FILE = "task.json"
POOL_FILE = "pool.jsonl"
_KEYS = ("name", "kind", "labels", "part", "origin", "metric", "fidelity", "counts", "sha256")


def sample_file(number: int, split: Split) -> str:
    """The name of the file that holds one split of a sample."""
    return f"sample-{number}-{split}.jsonl"


@dataclass(frozen=True)
class PreparedTask:
    """A prepared task; its examples are read when asked for."""

    folder: Path
    name: str
    kind: Kind
    labels: tuple[str, ...] | None
    part: Part
    origin: Origin
    metric: str
    fidelity: str | None
    counts: dict[str, Any]
    sha256: dict[str, str]

    def sample(self, number: int) -> tuple[list[Example], list[Example], list[Example]]:
        """Training, development and test examples of one few-shot sample; raises DataError."""
        train, dev, test = (self._read(sample_file(number, split)) for split in SPLITS)
        return train, dev, test

    def pool(self) -> list[Example]:
        """The examples of a source task, in fixed order; raises DataError."""
        return self._read(POOL_FILE)

    def _read(self, file: str) -> list[Example]:
        if file not in self.sha256:
            raise DataError(f"{self.folder}: the {self.part} task {self.name} was prepared without {file}; it has {', '.join(self.sha256)}")
        path = self.folder / file
        content = _content(path)
        examples = [_example(path, number, line) for number, line in enumerate(content.splitlines(), 1)]
        if hashlib.sha256(content).hexdigest() != self.sha256[file]:
            raise DataError(f"{path} has changed since it was prepared; remove {self.folder} and run snakemake again")
        return examples


def write_prepared(folder: Path, about: dict[str, Any], examples: dict[str, list[Example]]) -> None:
    """Write `task.json` from `about` (all keys but `sha256`) and a file for each entry of `examples`, all or nothing.

    The folder appears under its name only when it is complete. Raises DiskError.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        digests = {file: _write(unfinished / file, _lines(rows)) for file, rows in examples.items()}
        _write(unfinished / TASK_FILE, json.dumps({**about, "sha256": digests}, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise DiskError(f"{folder}: the prepared task could not be written ({error}); make room or rights there and run again") from error


def read_task(folder: Path) -> PreparedTask:
    """Read what `write_prepared` wrote; raises DataError naming the file and what is wrong with it."""
    path = folder / TASK_FILE
    try:
        about = json.loads(_content(path))
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); remove {folder} and run snakemake again") from None
    if not isinstance(about, dict) or (missing := [key for key in _KEYS if key not in about]):
        raise DataError(f"{path}: it lacks {', '.join(missing or _KEYS)}; remove {folder} and run snakemake again")
    values = {key: about[key] for key in _KEYS if key != "labels"}
    return PreparedTask(folder=folder, labels=None if about["labels"] is None else tuple(about["labels"]), **values)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run snakemake again to prepare the task") from None


def _example(path: Path, number: int, line: bytes) -> Example:
    try:
        row = json.loads(line)
        text, targets = row["input"], row["targets"]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}, line {number}: not an example ({error!r}); expected {{'input': text, 'targets': [text, ...]}}") from None
    if not isinstance(text, str) or not isinstance(targets, list) or not targets or not all(isinstance(t, str) for t in targets):
        raise DataError(f"{path}, line {number}: not an example; expected {{'input': text, 'targets': [text, ...]}}")
    return Example(text, tuple(targets))


def _lines(examples: list[Example]) -> str:
    rows = ({"input": e.input, "targets": list(e.targets)} for e in examples)
    return "".join(json.dumps(row, sort_keys=True, ensure_ascii=True) + "\n" for row in rows)


def _write(path: Path, text: str) -> str:
    """Write and return the SHA-256 of what was written."""
    content = text.encode()
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()
