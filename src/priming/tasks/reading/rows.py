"""From rows to examples: the input template, the output column, the words of the labels."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from priming.errors import DataError, nearest
from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.study.definition import Label, TaskDefinition
from priming.study.template import columns_of, fill
from priming.tasks.reading.classes import Classes, class_name, class_of_key, is_class_id
from priming.tasks.reading.usable import UnusableRowError
from priming.tasks.task import label_counts

REMOVE = "fill it in or remove the row"
NONE: Classes = {}


@dataclass(frozen=True)
class Row:
    """One row and its place for messages: a file and a line."""

    place: str
    values: Mapping[str, Any]
    lines: tuple[int, ...] = ()
    """Of a row with a line a word, the lines."""


class TextReader:
    """Reads the rows of one task."""

    def __init__(self, name: str, definition: TaskDefinition, classes: Classes) -> None:
        self.name, self.key = name, definition.key(name)
        self.definition = definition
        self.columns = columns_of(definition.input) if definition.input else ()
        self.classes = classes
        self.words = None if definition.labels is None else self._words(definition.labels)
        self.known: tuple[str, ...] | None = None

    def _words(self, labels: Mapping[Label, str]) -> dict[str, str]:
        """The word of each value, a class being given by name; raises DataError if two keys denote the same value."""
        names = self.classes.get(self.definition.output, ())
        keys: dict[str, Label] = {}
        for key in labels:
            first = keys.setdefault(_key(class_of_key(names, key)), key)
            if first is not key:
                problem = f"{first!r} and {key!r} are the same value of {self.definition.output}"
                raise DataError(f"{self.key}.labels: {problem}; remove one")
        return {value: labels[key] for value, key in keys.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """That the input has the output in it: prompts may list the choices, so it is no error."""
        if self.definition.output not in self.columns:
            return ()
        return (f"task {self.name}: its input contains the column {self.definition.output!r}, which is its output",)

    def example(self, row: Row) -> Example | None:
        """A row as input and targets, None where it makes no example; raises DataError, UnusableRowError."""
        return Example(self._input(row), self._targets(row))

    def _input(self, row: Row) -> str:
        values = {column: self._text(row, column) for column in self.columns}
        if not any(value.strip() for value in values.values()):
            raise self._unusable(row, " and ".join(self.columns), "empty input", REMOVE)
        return fill(self.definition.input, values).strip()

    def labels(self, train: list[Example]) -> tuple[str, ...] | None:
        """The labels in the study's order, else the data set's own of its classes, else sorted; every one has a row.

        Raises DataError for a label without a row, and for a single label.
        """
        if not KINDS[self.definition.kind].labelled:
            return None
        counts = label_counts(train)
        found = self._labels(counts)
        if len(found) == 1:
            problem = f"{self.key}: all {counts[found[0]]} training rows have the label {found[0]!r}"
            raise DataError(f"{problem}; add rows of another, name another column as output, or leave the task out")
        return found

    def _labels(self, counts: Counter[str]) -> tuple[str, ...]:
        if self.words is None:
            names = [name.strip() for name in self.classes.get(self.definition.output, ())]
            return tuple(dict.fromkeys([*(name for name in names if name in counts), *sorted(counts, key=_natural)]))
        for value, word in self.words.items():
            if not counts[word]:
                problem = f"no training row has the value {value} ({word!r})"
                raise DataError(f"{self.key}.labels: {problem}; remove it from labels or add rows of it")
        return tuple(dict.fromkeys(self.words.values()))

    def _text(self, row: Row, column: str) -> str:
        value = self._named(row, column, self._value(row, column, "input"))
        return written(self._single(row, column, value, "input"))

    def _single(self, row: Row, column: str, value: Any, key: str) -> Any:
        """The value, if it is text or a number; raises DataError."""
        if isinstance(value, list | dict):
            problem = f"{row.place}, column {column}: a {type(value).__name__} instead of text"
            raise DataError(f"{problem}; name a column of text in {self.key}.{key}")
        if isinstance(value, bytes):
            problem = f"{row.place}, column {column}: binary data instead of text"
            fix = f"name another column in {self.key}.{key}, or write it as text (pandas: .str.decode('utf-8'))"
            raise DataError(f"{problem}; {fix}")
        return value

    def _targets(self, row: Row) -> tuple[str, ...]:
        column = self.definition.output
        value = self._value(row, column, "output")
        if not KINDS[self.definition.kind].labelled:
            values = value if isinstance(value, list) else [value]
            named = (None if one is None else self._named(row, column, one) for one in values)
            targets = tuple(
                "" if one is None else written(self._single(row, column, one, "output")).strip() for one in named
            )
            if not targets or not all(targets):
                raise self._unusable(row, column, "empty output", REMOVE)
            return targets
        if self.definition.threshold is not None:
            value = self._reaches(row, column, value, self.definition.threshold)
        return (self._label(row, column, value),)

    def _label(self, row: Row, column: str, value: Any) -> str:
        value = self._single(row, column, value, "output")
        if self.words is None:
            return self._own_label(row, column, value)
        return self._word(row, column, value, self.words)

    def _own_label(self, row: Row, column: str, value: Any) -> str:
        """The value as label, without `labels`."""
        value = self._named(row, column, value)
        label = value.strip() if column in self.classes and isinstance(value, str) else _key(value)
        if not label or (self.known is not None and label not in self.known):
            raise self._unusable(row, column, f"unknown label value {label!r}", self._listed(label, self.known or ()))
        return label

    def _word(self, row: Row, column: str, value: Any, words: Mapping[str, str]) -> str:
        """The word of the value in `labels`; a value missing there is a mistake in them, unless it means no class."""
        text = _key(class_name(self.classes.get(column, ()), value))
        if text not in words:
            self._named(row, column, value)
            if not text:
                raise self._unusable(row, column, f"unknown label value {text!r}", self._listed(text, words))
            raise DataError(f"{row.place}, column {column}: unknown label value {text!r}; {self._listed(text, words)}")
        return words[text]

    def _listed(self, text: str, allowed: Iterable[str]) -> str:
        """What to do about an unknown label."""
        fix = f"list it in {self.key}.labels" if text else "fill it in"
        return f"known labels: {', '.join(allowed)}{nearest(text, allowed)}; {fix} or correct the row"

    def _named(self, row: Row, column: str, value: Any) -> Any:
        """The name of a class id, other values unchanged; raises UnusableRowError for an id without a name."""
        if column not in self.classes:
            return value
        if isinstance(value, list):
            return [self._named(row, column, one) for one in value]
        named = class_name(self.classes[column], value)
        if is_class_id(named):
            raise self._unusable(row, column, f"the class id {named} has no name", "remove the row")
        return named

    def _value(self, row: Row, column: str, key: str) -> Any:
        if column not in row.values:
            there = f"the row has {', '.join(row.values)}{nearest(column, row.values)}"
            raise DataError(f"{row.place}: there is no column {column!r}, used in {self.key}.{key}; {there}")
        value = row.values[column]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise self._unusable(row, column, "no value", REMOVE)
        return value

    def _reaches(self, row: Row, column: str, value: Any, threshold: float) -> bool:
        """Whether the value is at or above the threshold, up to the rounding of 32-bit floats."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            problem = f"{value!r} is not a number, but the task has a threshold"
            raise self._unusable(row, column, problem, "mend the row")
        return number >= threshold or math.isclose(number, threshold, rel_tol=1e-6)

    def _unusable(self, row: Row, column: str, problem: str, advice: str) -> UnusableRowError:
        """The error for an unusable row, which is dropped if the study allows it."""
        why = f"{row.place}, column {column}: {problem}"
        return UnusableRowError(why, f"{advice}, or write {self.key}.unusable: drop")


def written(value: Any) -> str:
    """A value as written in a text file, so that rows of CSV, JSON and Parquet agree: 1 for 1.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _key(value: Any) -> str:
    """A label's value as text, `true` for True and TRUE."""
    text = written(value).strip()
    return text.lower() if text.lower() in ("true", "false") else text


def _natural(label: str) -> tuple[int, float, str]:
    """Sort key: numbers in order, before words."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)
