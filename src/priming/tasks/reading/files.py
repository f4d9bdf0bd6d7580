"""The user's files: JSONL, CSV, TSV, Parquet, CoNLL."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from priming.errors import DataError, nearest
from priming.study.definition import Files
from priming.tasks.reading.conll import sentences
from priming.tasks.reading.parquet import parquet_rows
from priming.tasks.reading.rows import Row


def data_files(name: str, files: Files, base: Path) -> dict[str, Path]:
    """The files by their keys, relative names taken from `base`; raises DataError where one is missing."""
    return {key: _existing(f"tasks.define.{name}.files.{key}", base, file) for key, file in files.named.items()}


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file, by its suffix; raises DataError for an unreadable row, and if there are no rows."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path}: cannot read files that end in {path.suffix or 'nothing'}; allowed: {', '.join(_READERS)}"
        )
    row = None
    for row in reader(path):
        yield row
    if row is None:
        raise DataError(f"{path}: contains no rows; add some, or give another file")


def _existing(key: str, base: Path, given: str) -> Path:
    path = base / given
    if path.is_file():
        return path
    there = sorted(file.name for file in path.parent.iterdir()) if path.parent.is_dir() else []
    hint = nearest(path.name, there) or (
        f"; {path.parent} has {', '.join(there[:8]) or 'nothing in it'}" if path.parent.is_dir() else ""
    )
    raise DataError(
        f"{key}: {given!r} does not exist (looked for {path}){hint}; paths are relative to the study file's "
        f"folder, {base}"
    )


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in _lines(path):
        place = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line, object_pairs_hook=_once)
        except ValueError as error:
            why = str(error).partition(";")[0]  # without advice for programmers
            raise DataError(
                f'{place}: not JSON ({why}); each line is one object such as {{"text": ..., "label": ...}}'
            ) from None
        except RecursionError:
            raise DataError(f"{place}: too many lists and objects inside each other; remove some") from None
        if not isinstance(values, dict):
            raise DataError(
                f'{place}: a {type(values).__name__} instead of an object such as {{"text": ..., "label": ...}}'
            )
        yield Row(place, values)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON; raises ValueError where a key stands in it twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands in it twice")
    return found


def _csv(path: Path) -> Iterator[Row]:
    return _separated(path, ",")


def _tsv(path: Path) -> Iterator[Row]:
    return _separated(path, "\t")


def _separated(path: Path, delimiter: str) -> Iterator[Row]:
    """Rows of a table with a header; fields may be quoted, and in CSV may span several lines."""
    reader = csv.reader((line for _, line in _lines(path)), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    start = 1
    while True:
        place = f"{path}, line {start}"
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{place}: not a row ({_said(error)}") from None
        if fields is None:
            return
        if delimiter == "\t" and reader.line_num > start:
            raise DataError(
                f"{place}: a quote opens here and closes in line {reader.line_num}; double it if it is part of the text"
            )
        if header is None:
            header = _header(place, fields)
        elif fields:
            yield _row(place, header, fields)
        start = reader.line_num + 1


def _said(error: csv.Error) -> str:
    """What is wrong with a row, and what to do."""
    if "field limit" not in str(error):
        return f"{error}); quote a field that contains a quote, and double the quote"
    most = f"a field has more than {csv.field_size_limit():,} characters"
    return f"{most}); if a quote opens in this line and closes nowhere, double it, else shorten the field"


def _header(place: str, fields: list[str]) -> list[str]:
    twice = sorted({name for name in fields if fields.count(name) > 1})
    if twice or not fields:
        raise DataError(
            f"{place}: the header {f'names {twice[0]!r} twice' if twice else 'is empty'}; "
            "the first line names the columns"
        )
    return fields


def _row(place: str, header: list[str], fields: list[str]) -> Row:
    if len(fields) != len(header):
        named = ", ".join(header)
        raise DataError(
            f"{place}: {len(fields)} fields where the header names {len(header)} ({named}); "
            "quote a field that holds the separator"
        )
    return Row(place, dict(zip(header, fields, strict=True)))


def _conll(path: Path) -> Iterator[Row]:
    return sentences(path, _lines(path))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file, with line ends."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, line {number}: not UTF-8 (byte {error.start + 1} of the line); save the file as UTF-8"
                ) from None


_READERS = {".jsonl": _jsonl, ".csv": _csv, ".tsv": _tsv, ".parquet": parquet_rows, ".conll": _conll}
