"""The folder in which a prepared task lies.

`task.json` holds name, kind, labels, part, origin, the task's own metric, the fidelity of one of CrossFit's tasks,
counts, the SHA-256 of every other file, and perhaps remarks on its definition. Examples are JSON lines as the form of
the task has them, `{"input": str, "targets": [str, ...]}`: `pool.jsonl` of a source task,
`sample-<k>-{train,dev,test}.jsonl` of the others.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from priming.atomic import atomic_folder
from priming.checked import checked
from priming.digests import of_bytes
from priming.errors import DataError, DiskError
from priming.forms.interface import Form
from priming.forms.rows import Example
from priming.forms.table import form_of_kind
from priming.tasks.task import Kind, Origin, Part

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
TASK_FILE = "task.json"
POOL_FILE = "pool.jsonl"
SAMPLED = "sampled"
"""Of a pool of samples: the number of each, and how many training and development examples, in their order."""
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

    def pairs(self) -> list[tuple[list[Example], list[Example]]]:
        """Training and development examples of each sample in the pool of a source task; raises DataError."""
        rows, found, start = self.pool(), [], 0
        for _, train, dev in self.counts.get(SAMPLED, ()):
            found.append((rows[start : start + train], rows[start + train : start + train + dev]))
            start += train + dev
        if start != len(rows):
            raise DataError(
                f"{self.folder}: it was prepared without the sizes of its samples; remove it and run snakemake again"
            )
        return found

    def _read(self, file: str) -> list[Example]:
        if file not in self.sha256:
            raise DataError(
                f"{self.folder}: the {self.part} task {self.name} was prepared without {file}; "
                f"it has {', '.join(self.sha256)}"
            )
        path = self.folder / file
        content = _content(path)
        form = form_of_kind(self.kind)
        examples = [_example(path, number, line, form) for number, line in enumerate(content.splitlines(), 1)]
        if of_bytes(content) != self.sha256[file]:
            raise DataError(f"{path} has changed since it was prepared; remove {self.folder} and run snakemake again")
        return examples


def write_prepared(folder: Path, about: dict[str, Any], examples: dict[str, list[Example]]) -> None:
    """Write `task.json` from `about` (all keys but `sha256`) and a file for each entry of `examples`, all or nothing.

    The folder appears under its name only when it is complete. Raises DiskError.
    """
    form = form_of_kind(about["kind"])
    try:
        with atomic_folder(folder) as unfinished:
            digests = {file: _write(unfinished / file, _lines(rows, form)) for file, rows in examples.items()}
            text = json.dumps({**about, "sha256": digests}, ensure_ascii=False, indent=1, sort_keys=True)
            _write(unfinished / TASK_FILE, text + "\n")
    except OSError as error:
        raise DiskError(
            f"{folder}: the prepared task could not be written ({error}); make room or rights there and run again"
        ) from error


def read_task(folder: Path) -> PreparedTask:
    """Read what `write_prepared` wrote; raises DataError naming the file and what is wrong with it."""
    path = folder / TASK_FILE
    try:
        about = json.loads(_content(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error}); remove {folder} and run snakemake again") from None
    if not isinstance(about, dict) or (missing := [key for key in _KEYS if key not in about]):
        raise DataError(f"{path}: it lacks {', '.join(missing or _KEYS)}; remove {folder} and run snakemake again")
    values = {key: about[key] for key in _KEYS if key != "labels"}
    return PreparedTask(folder=folder, labels=None if about["labels"] is None else tuple(about["labels"]), **values)


def _content(path: Path) -> bytes:
    try:
        return checked(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run snakemake again to prepare the task") from None


def _example(path: Path, number: int, line: bytes, form: Form) -> Example:
    try:
        return form.read_row(json.loads(line))
    except (ValueError, TypeError, KeyError) as error:
        problem = f"not an example ({error!r}); expected {form.schema}"
        raise DataError(f"{path}, line {number}: {problem}") from None


def _lines(examples: list[Example], form: Form) -> str:
    rows = map(form.written_row, examples)
    return "".join(json.dumps(row, sort_keys=True, ensure_ascii=True) + "\n" for row in rows)


def _write(path: Path, text: str) -> str:
    """Write and return the SHA-256 of what was written."""
    content = text.encode()
    path.write_bytes(content)
    return of_bytes(content)
