"""Files in the column format of the CoNLL tasks: a line a word, an empty line after each sentence."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from priming.errors import DataError
from priming.tasks.reading.rows import Row

DOCUMENT = "-DOCSTART-"


def sentences(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[Row]:
    """The sentences of a file from its numbered lines.

    A row's columns are named by number, "0", "1", ... from the left and "-1", "-2", ... from the right; each is a list
    with an entry a word. Columns are parted by tabs where the file's first word has one, else by spaces. Lines that
    begin with -DOCSTART- are left out.

    Raises:
        DataError: a line with more or fewer columns than the first.
    """
    words: list[list[str]] = []
    first = columns = begun = 0
    tabs = False
    for number, line in lines:
        text = line.rstrip("\r\n")
        if not text.strip() or text.startswith(DOCUMENT):
            if words:
                yield _row(path, first, words)
            words = []
            continue
        if not columns:
            tabs = "\t" in text
        fields = text.split("\t") if tabs else [field for field in text.split(" ") if field]
        columns, begun = columns or len(fields), begun or number
        if len(fields) != columns:
            raise DataError(
                f"{path}, line {number}: {len(fields)} column{'s' if len(fields) > 1 else ''} where the first word, in "
                f"line {begun}, has {columns}; write all of them in both, parted by {'tabs' if tabs else 'spaces'}"
            )
        first = first if words else number
        words.append(fields)
    if words:
        yield _row(path, first, words)


def _row(path: Path, first: int, words: list[list[str]]) -> Row:
    columns = list(zip(*words, strict=True))
    named = {str(number): list(column) for number, column in enumerate(columns)}
    named |= {str(number - len(columns)): list(column) for number, column in enumerate(columns)}
    return Row(f"{path}, line {first}", named, tuple(range(first, first + len(words))))
