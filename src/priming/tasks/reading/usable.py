"""Unusable rows: an error, or dropped and counted as far as the study allows."""

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

from priming.errors import DataError
from priming.forms.rows import Example
from priming.study.definition import TaskDefinition

R = TypeVar("R")
WORDS = {"train": "training", "test": "test", "dev": "development"}


class UnusableRowError(DataError):
    """An unusable row; `why` is its place and the problem, the message adds what to do."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(f"{why}; {advice}")
        self.why = why


class Usable:
    """The usable rows of a task.

    `dropped` counts the others by part, and is empty where none may be dropped; `skipped` counts the rows of which the
    task makes no example. `notes` tell the user of them.
    """

    def __init__(self, name: str, definition: TaskDefinition) -> None:
        self.name, self.key = name, definition.key(name)
        self.allowed = definition.dropped_share
        self.dropped: dict[str, int] = {}
        self.skipped: dict[str, int] = {}
        self.notes: list[str] = []

    def examples(self, part: str, rows: Iterable[R], read: Callable[[R], Example | None]) -> list[Example]:
        """The examples that `read` makes of the rows of a part, `train`, `test` or `dev`; of some it may make none.

        Raises UnusableRowError where no row may be dropped, DataError where too many would be or no example is made.
        """
        found: list[Example] = []
        first, number, skipped = "", 0, 0
        for row in rows:
            try:
                if (example := read(row)) is None:
                    skipped += 1
                else:
                    found.append(_of_characters(example, row))
            except UnusableRowError as error:
                if self.allowed is None:
                    raise
                first, number = first or error.why, number + 1
        if self.allowed is not None:
            self.dropped[part] = number
        if number:
            self._judge(part, number, len(found) + number + skipped, first)
        if skipped:
            self._tell_of_skipped(part, skipped, len(found) + number + skipped)
        return found

    def _tell_of_skipped(self, part: str, number: int, total: int) -> None:
        """Record rows without an example; raises DataError if that is all."""
        self.skipped[part] = number
        said = f"{number} of {total} {WORDS[part]} rows"
        if number == total:
            raise DataError(f"task {self.name}: its template writes no output for any of the {said}; correct it")
        self.notes.append(f"task {self.name}: {said} are left out, for which its template writes no output")

    def _judge(self, part: str, number: int, total: int, first: str) -> None:
        """Record dropped rows; raises DataError if there are too many."""
        allowed = self.allowed or 0.0
        said = f"{number} of {total} {WORDS[part]} rows are unusable"
        if number / total > allowed:
            problem = f"{self.key}: {said} ({number / total:.2%}), the first: {first}"
            raise DataError(
                f"{problem}; {self.key}.unusable_share allows {allowed:.2%}; {self._advice(number / total)}"
            )
        self.notes.append(f"task {self.name}: {said} and were dropped; the first: {first}")

    def _advice(self, share: float) -> str:
        enough = math.ceil(share * 10_000) / 10_000
        correct = f"correct {self.key}.input, output or labels"
        return f"set it to {enough:g} or more, or {correct}" if enough < 1 else correct


def _of_characters(example: Example, row: object) -> Example:
    """The example, if its text can be written to a file; raises UnusableRowError for halves of pairs of UTF-16."""
    text = "".join([example.identity, *example.targets])
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        where = getattr(row, "place", "a row")
        problem = f"{where}: half of a character (\\u{ord(text[error.start]):x}), which no file can hold"
        raise UnusableRowError(problem, "write the whole character, or remove the row") from None
    return example
