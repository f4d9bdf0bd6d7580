"""Rows to examples: the template of the input, the column of the output, the words of the labels."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from priming.errors import DataError, nearest
from priming.study.tasks import TaskDefinition
from priming.study.template import columns_of, fill
from priming.tasks.task import Example, Origin, Task, label_counts


@dataclass(frozen=True)
class Row:
    """One row, and where it stands for whoever has to mend it: a file and a line."""

    place: str
    values: Mapping[str, Any]


def task_from_rows(name: str, definition: TaskDefinition, origin: Origin, train: Iterable[Row], test: Iterable[Row]) -> Task:
    """Turn rows into a task as `definition` says; raises DataError naming the row and the column."""
    reader = _Reader(name, definition)
    train_examples = [reader.example(row) for row in train]
    labels = reader.labels(train_examples)
    reader.known = labels if definition.labels is None else None
    test_examples = [reader.example(row) for row in test]
    return Task(name, definition.kind, labels, train_examples, test_examples, origin)


class _Reader:
    """Reads the rows of one task."""

    def __init__(self, name: str, definition: TaskDefinition) -> None:
        self.key = f"tasks.define.{name}"
        self.definition = definition
        self.columns = columns_of(definition.input)
        self.words = None if definition.labels is None else {_key(value): word for value, word in definition.labels.items()}
        self.known: tuple[str, ...] | None = None

    def example(self, row: Row) -> Example:
        """A row as input and targets; raises DataError."""
        values = {column: self._text(row, column) for column in self.columns}
        if not any(value.strip() for value in values.values()):
            raise DataError(f"{row.place}, column {' and '.join(self.columns)}: empty input; fill it in or remove the row")
        return Example(fill(self.definition.input, values).strip(), self._targets(row))

    def labels(self, train: list[Example]) -> tuple[str, ...] | None:
        """The labels in fixed order: as the study lists them, else sorted; every one has a row."""
        if self.definition.kind == "text_to_text":
            return None
        counts = label_counts(train)
        if self.words is None:
            return tuple(sorted(counts, key=_natural))
        for value, word in self.words.items():
            if not counts[word]:
                raise DataError(f"{self.key}.labels: no training row has the value {value} ({word!r}); remove it from labels or add rows of it")
        return tuple(dict.fromkeys(self.words.values()))

    def _text(self, row: Row, column: str) -> str:
        value = self._value(row, column, "input")
        if isinstance(value, list | dict):
            raise DataError(f"{row.place}, column {column}: a {type(value).__name__} where text belongs; name a column of text in {self.key}.input")
        return written(value)

    def _targets(self, row: Row) -> tuple[str, ...]:
        column = self.definition.output
        value = self._value(row, column, "output")
        if self.definition.kind == "text_to_text":
            values = value if isinstance(value, list) else [value]
            targets = tuple("" if one is None else written(one).strip() for one in values)
            if not targets or not all(targets):
                raise DataError(f"{row.place}, column {column}: empty output; fill it in or remove the row")
            return targets
        return (self._label(row, column, value),)

    def _label(self, row: Row, column: str, value: Any) -> str:
        if self.definition.threshold is not None:
            value = _reaches(row, column, value, self.definition.threshold)
        text = _key(value)
        if self.words is not None:
            allowed: Iterable[str] = self.words
            word = self.words.get(text)
        else:
            allowed = self.known if self.known is not None else (text,)
            word = text if text and text in allowed else None
        if word is None:
            hint = f"known labels: {', '.join(allowed)}{nearest(text, allowed)}"
            fix = f"list it in {self.key}.labels" if text else "fill it in"
            raise DataError(f"{row.place}, column {column}: unknown label value {text!r}; {hint}; {fix} or mend the row")
        return word

    def _value(self, row: Row, column: str, key: str) -> Any:
        if column not in row.values:
            there = f"the row has {', '.join(row.values)}{nearest(column, row.values)}"
            raise DataError(f"{row.place}: there is no column {column!r}, named by {self.key}.{key}; {there}")
        value = row.values[column]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise DataError(f"{row.place}, column {column}: no value; fill it in or remove the row")
        return value


def written(value: Any) -> str:
    """A value as it is written in a text file, so that rows of CSV, JSON and Parquet agree: 1 for 1.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _key(value: Any) -> str:
    """A label's value as text, `true` for True and TRUE."""
    text = written(value).strip()
    return text.lower() if text.lower() in ("true", "false") else text


def _reaches(row: Row, column: str, value: Any, threshold: float) -> bool:
    """Whether the value is at or above the threshold, up to the rounding of 32-bit floats."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise DataError(f"{row.place}, column {column}: {value!r} is not a number, and the task has a threshold")
    return number >= threshold or math.isclose(number, threshold, rel_tol=1e-6)


def _natural(label: str) -> tuple[int, float, str]:
    """Numbers in their order, before words."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)
