"""Rows of the user, who asks for their answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from priming.errors import DataError, nearest
from priming.forms.choices import LOSES_LAST
from priming.forms.rows import Example
from priming.forms.table import KINDS, form_of_kind
from priming.forms.tags import OUTSIDE
from priming.study.template import columns_of, fill
from priming.tasks.reading.files import read_rows
from priming.tasks.reading.rows import Row

INPUT, TOKENS, CHOICES = "{input}", "{tokens}", "choices"


@dataclass(frozen=True)
class Asked:
    """Reads rows without answers, as tasks of a kind have them; `template` is how an input is made from columns."""

    kind: str
    template: str | None = None

    def rows(self, path: Path) -> tuple[list[Row], list[Example]]:
        """The rows of a file, and what is asked in each.

        Raises:
            DataError: the file cannot be read, or one of its rows.
        """
        if not path.is_file():
            raise DataError(f"{path} is not there; give a file of rows (.jsonl, .csv, .tsv, .parquet)")
        rows = list(read_rows(path))
        return rows, [self._example(row) for row in rows]

    @property
    def _columns(self) -> tuple[str, ...]:
        try:
            return columns_of(self._template)
        except ValueError as error:
            raise DataError(f"--input: {error}") from None

    @property
    def _template(self) -> str:
        return self.template or (TOKENS if KINDS[self.kind].by_word else INPUT)

    def _example(self, row: Row) -> Example:
        kind, form = KINDS[self.kind], form_of_kind(self.kind)
        value: dict[str, Any] = {"targets": [""]}
        if kind.by_word:
            words = self._words(row)
            value |= {"tokens": words, "tags": [OUTSIDE] * len(words)}
        else:
            value["input"] = self._text(row)
        if kind.own_choices:
            value |= {"choices": self._choices(row), "answer": 0, LOSES_LAST: row.values.get(LOSES_LAST)}
        try:
            return form.read_row(value)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{row.place}: {error}; correct the row") from None

    def _text(self, row: Row) -> str:
        texts = {column: self._value(row, column) for column in self._columns}
        for column, value in texts.items():
            if isinstance(value, list | dict | bytes):
                raise DataError(f"{row.place}, column {column}: a {type(value).__name__} instead of text")
        written = {column: str(value) for column, value in texts.items()}
        if not any(text.strip() for text in written.values()):
            raise DataError(f"{row.place}, column {' and '.join(written)}: empty; fill it in or remove the row")
        found = fill(self._template, written)
        # Rows of a task are stripped when it is prepared; those that it has prepared are as they are.
        return found.strip() if self.template else found

    def _words(self, row: Row) -> list[str]:
        value = self._value(row, self._columns[0])
        words = value.split() if isinstance(value, str) else value
        if not isinstance(words, list) or not words:
            raise DataError(f"{row.place}, column {self._columns[0]}: {value!r} is no list of words; {_LISTS}")
        return words

    def _choices(self, row: Row) -> Sequence[Any]:
        value = self._value(row, CHOICES)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                value = None
        if not isinstance(value, list):
            raise DataError(f"{row.place}, column {CHOICES}: {row.values[CHOICES]!r} is no list of texts; {_LISTS}")
        return value

    def _value(self, row: Row, column: str) -> Any:
        if row.values.get(column) is None:
            there = ", ".join(row.values)
            if column in row.values:
                raise DataError(f"{row.place}, column {column}: empty; fill it in or remove the row")
            name = "" if column == CHOICES else "; name the columns of inputs, as in --input '{text}'"
            raise DataError(f"{row.place} has no column {column!r}{nearest(column, row.values)}; it has {there}{name}")
        return row.values[column]


_LISTS = "write a list in JSON, words also with spaces between them"
