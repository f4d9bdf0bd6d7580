"""All that is wrong with the rows of a task of the user's own files, at once."""

from collections.abc import Iterator
from pathlib import Path

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.fewshot import Protocol, draw_sample
from priming.tasks.reading import built
from priming.tasks.reading.files import data_files, read_rows
from priming.tasks.reading.rows import NONE, Row
from priming.tasks.reading.usable import UnusableRowError
from priming.tasks.sources.table import source_of

PLACES = 5
"""Rows that are named of those with the same mistake."""


class Mistakes:
    """The places of each mistake of a file, by file and message, in the order in which they were found."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, str], list[str]] = {}

    def add(self, error: DataError, place: str) -> None:
        """Note an error, of a row if its message begins with the row's place."""
        said = str(error)
        own = place if place and said.startswith(place) else ""
        message = said.removeprefix(own).lstrip(":, ")
        places = self.places.setdefault((own.rpartition(", ")[0], message), [])
        if own not in places:  # of a file that is read twice
            places.append(own)

    def said(self) -> Iterator[str]:
        """A line for each message."""
        for (_, message), places in self.places.items():
            named = [place for place in places if place]
            if not named:
                yield message
                continue
            first, *others = named
            more = ", ".join(place.rpartition(", ")[2] for place in others[:PLACES])
            rest = f" and {len(others) - PLACES} more" if len(others) > PLACES else ""
            also = f" (also in {more}{rest})" if others else ""
            yield f"{first}: {message}{also}"


def row_problems(task: str, tasks: Tasks, base: Path, *, drawn: bool) -> tuple[list[str], list[str]]:
    """What is wrong with a task's rows, and else notes on them; `drawn` says whether samples are drawn of it."""
    definition = tasks.defined(task)
    assert definition.files is not None
    mistakes = Mistakes()
    try:
        files = data_files(task, definition.files, base)
        reader = built._reader(definition)(task, definition, NONE)
        for file in files.values():
            for row in _rows(file, mistakes):
                try:
                    reader.example(row)
                except UnusableRowError as error:
                    if definition.dropped_share is None:
                        mistakes.add(error, row.place)
                except DataError as error:
                    mistakes.add(error, row.place)
    except DataError as error:
        mistakes.add(error, "")
    if mistakes.places:
        return list(mistakes.said()), []
    return _as_a_whole(task, tasks, base, drawn=drawn)


def _rows(file: Path, mistakes: Mistakes) -> Iterator[Row]:
    """The rows of a file, up to one that cannot be read."""
    try:
        yield from read_rows(file)
    except DataError as error:
        mistakes.add(error, "")


def _as_a_whole(task: str, tasks: Tasks, base: Path, *, drawn: bool) -> tuple[list[str], list[str]]:
    """What is wrong with the task's labels and samples, and else its notes."""
    try:
        made = source_of(tasks, task).load(base)
        protocol = Protocol.of_kind(tasks, made.kind)
        for number in tasks.samples if drawn else ():
            draw_sample(made, number, protocol)
    except DataError as error:
        return [str(error)], []
    return [], [f"task {task}: {len(made.train)} training rows, {len(made.test)} test rows", *made.notes]
