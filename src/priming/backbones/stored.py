"""Token ids of very many rows in files that are mapped into memory; prompts are no part of them.

`rows.arrow` has the ids, `lengths` the number of each input's ids as 16-bit numbers, which are looked up by themselves.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from priming.atomic import atomic_folder
from priming.errors import DataError
from priming.runs.keys import key
from priming.runs.shuffled import Shuffled

ROWS_AT_ONCE = 100_000
COLUMNS = ("inputs", "targets")
IDS, LENGTHS, CUT = "rows.arrow", "lengths", "cut.json"
_ABOUT = b"priming"

Ids = Sequence[int]
Rows = NDArray[np.int64]


class Part(NamedTuple):
    """Rows that follow one another, such as those of one task; `kept` of them are used, chosen by `key`."""

    name: str
    rows: int
    kept: int
    key: int = 0


@dataclass(frozen=True)
class StoredRows:
    """The rows of a folder that `write_rows` wrote."""

    folder: Path

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts, in the order of the file."""
        return tuple(Part(*entry) for entry in json.loads(self._file.schema.metadata[_ABOUT]))

    def __len__(self) -> int:
        """The number of rows that are used."""
        return int(self._ends[-1])

    def rows(self, places: Rows) -> Rows:
        """The rows in the file at these places [n] among those that are used."""
        part = np.searchsorted(self._ends, places, side="right")
        starts = np.concatenate([[0], self._ends[:-1]])
        inside = places - starts[part]
        for number in np.unique(part):
            own = self.parts[int(number)]
            if own.kept < own.rows:
                inside[part == number] = Shuffled(own.rows, own.key)(inside[part == number])
        before = np.cumsum([0, *(own.rows for own in self.parts)])[:-1]
        found: Rows = before[part] + inside
        return found

    def lengths(self, rows: Rows) -> Rows:
        """Ids in the inputs of these rows of the file [n]."""
        return self._lengths[rows].astype(np.int64)

    def pair(self, row: int) -> tuple[Ids, Ids]:
        """Input and target of a row of the file."""
        columns, inside = self._columns(row // ROWS_AT_ONCE), row % ROWS_AT_ONCE
        first, second = (ids[offsets[inside] : offsets[inside + 1]].tolist() for offsets, ids in columns)
        return first, second

    @cached_property
    def cut(self) -> dict[str, int]:
        """How many targets of each part were cut."""
        found: dict[str, int] = json.loads((self.folder / CUT).read_text(encoding="utf-8"))
        return found

    def mean_lengths(self, part: int | None = None) -> tuple[float, float]:
        """Mean ids of inputs and targets of the rows of a part in the file, or of all parts."""
        starts = np.cumsum([0, *(own.rows for own in self.parts)])
        first, last = (0, starts[-1]) if part is None else (starts[part], starts[part + 1])
        ids = np.zeros(2, dtype=np.int64)
        for chunk in range(first // ROWS_AT_ONCE, -(-last // ROWS_AT_ONCE)):
            low, high = max(first - chunk * ROWS_AT_ONCE, 0), min(last - chunk * ROWS_AT_ONCE, ROWS_AT_ONCE)
            ids += [int(offsets[high] - offsets[low]) for offsets, _ in self._columns(chunk)]
        return float(ids[0] / (last - first)), float(ids[1] / (last - first))

    @property
    def ends(self) -> list[int]:
        """Where the rows that are used of each part begin and end."""
        return [0, *map(int, self._ends)]

    @cached_property
    def _ends(self) -> Rows:
        return np.cumsum([part.kept for part in self.parts])

    @cached_property
    def _lengths(self) -> NDArray[np.uint16]:
        return np.memmap(self.folder / LENGTHS, dtype=np.uint16, mode="r")

    @cached_property
    def _file(self) -> pa.ipc.RecordBatchFileReader:
        path = self.folder / IDS
        try:
            return pa.ipc.open_file(pa.memory_map(str(path)))
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                f"{path}: no rows can be read ({error}); remove {self.folder} and run snakemake again"
            ) from None

    @cached_property
    def _chunks(self) -> dict[int, tuple[tuple[Rows, NDArray[np.unsignedinteger]], ...]]:
        return {}

    def _columns(self, chunk: int) -> tuple[tuple[Rows, NDArray[np.unsignedinteger]], ...]:
        """Offsets and ids of both columns of a chunk, where they lie in the file."""
        if chunk not in self._chunks:
            batch = self._file.get_batch(chunk)
            self._chunks[chunk] = tuple(map(_where_it_lies, (batch.column(name) for name in COLUMNS)))
        return self._chunks[chunk]


def _where_it_lies(column: pa.LargeListArray) -> tuple[Rows, NDArray[np.unsignedinteger]]:
    """The offsets and ids of a column; `to_numpy` would import pandas first, which takes longer than a batch."""
    ids = column.values
    return (
        np.frombuffer(column.buffers()[1], dtype=np.int64),
        np.frombuffer(ids.buffers()[1], dtype=ids.type.to_pandas_dtype()),
    )


def write_rows(
    folder: Path,
    parts: Sequence[Part],
    rows: Iterable[tuple[Ids, Ids]],
    vocabulary: int,
    cut: Mapping[str, int] | None = None,
) -> None:
    """Write the rows of all parts, one after the other; ids take 16 bits where the vocabulary allows it.

    Args:
        folder: a new one, which is there when all is written.
        parts: how many rows each has.
        rows: inputs and targets.
        vocabulary: the number of entries.
        cut: by part, how many targets were cut; it may change until the last row is taken.

    Raises:
        ValueError: more or fewer rows than the parts have.
        OverflowError: an input of more than 65,535 ids.
    """
    kind = pa.uint16() if vocabulary <= 1 << 16 else pa.uint32()
    schema = pa.schema([(name, pa.large_list(kind)) for name in COLUMNS], metadata={_ABOUT: json.dumps(parts).encode()})
    count, remaining = 0, iter(rows)
    with atomic_folder(folder) as part, (part / LENGTHS).open("wb") as lengths:
        with pa.OSFile(str(part / IDS), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            while chunk := list(islice(remaining, ROWS_AT_ONCE)):
                columns = zip(*chunk, strict=True)
                writer.write_batch(pa.record_batch([_lists(list(own), kind) for own in columns], schema=schema))
                lengths.write(np.array([len(ids) for ids, _ in chunk], dtype=np.uint16).tobytes())
                count += len(chunk)
        (part / CUT).write_text(json.dumps(cut or {}), encoding="utf-8")
        if count != (wanted := sum(own.rows for own in parts)):
            raise ValueError(f"{count} rows of {wanted}")


def _lists(rows: Sequence[Ids], kind: pa.DataType) -> pa.LargeListArray:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
    flat = np.fromiter((id_ for row in rows for id_ in row), dtype=kind.to_pandas_dtype(), count=int(offsets[-1]))
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(flat, kind))


@dataclass(frozen=True)
class Passes:
    """Passes through all rows that are used, each in an order of its own, of which any part is found by itself.

    Of `grouped` batches of `size` that follow one another, each has rows of about the same length, and they are in an
    order of their own.
    """

    rows: StoredRows
    key: int
    size: int
    grouped: int = 1

    def batch(self, step: int) -> Rows:
        """The rows in the file of a step's batch; one that reaches the end of a pass goes on in the next."""
        found, start, end = [], step * self.size, (step + 1) * self.size
        while start < end:
            number, first = divmod(start, len(self.rows))
            last = min(first + end - start, len(self.rows))
            found.append(np.concatenate(list(self._of_pass(number, first, last))))
            start += last - first
        return np.concatenate(found)

    def _of_pass(self, number: int, first: int, last: int) -> Iterator[Rows]:
        """The rows at some places of a pass, by group."""
        offset, group = -number * len(self.rows) % self.size, self.grouped * self.size
        while first < last:
            # What ends the batch that the last pass began is no group.
            start = 0 if first < offset else offset + (first - offset) // group * group
            end = offset if first < offset else min(start + group, len(self.rows))
            yield self._group(number, start, end, first >= offset)[first - start : last - start]
            first = end

    def _group(self, number: int, start: int, end: int, sorts: bool) -> Rows:
        if (known := self._last.get("group")) and known[0] == (number, start, end):
            return known[1]
        rows = self.rows.rows(Shuffled(len(self.rows), key("pass", self.key, number))(np.arange(start, end)))
        if sorts and self.grouped > 1:
            rows = self._by_length(rows, key("group", self.key, number, start))
        self._last["group"] = (number, start, end), rows
        return rows

    def _by_length(self, rows: Rows, order_key: int) -> Rows:
        ordered = rows[self.rows.lengths(rows).argsort(kind="stable")]
        whole = len(rows) // self.size
        if not whole:
            return ordered
        order = Shuffled(whole, order_key)(np.arange(whole))
        return np.concatenate(
            [ordered[: whole * self.size].reshape(whole, -1)[order].ravel(), ordered[whole * self.size :]]
        )

    @cached_property
    def _last(self) -> dict[str, tuple[tuple[int, int, int], Rows]]:
        return {}
