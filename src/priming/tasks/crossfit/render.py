"""From rows to examples, in row order, following an entry of the registry."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy

from priming.errors import DataError, nearest
from priming.forms.rows import Example
from priming.tasks.crossfit.computed import computed
from priming.tasks.crossfit.entries import Entry, Merge, Relation
from priming.tasks.crossfit.language import ColumnError, Values, fill, filtered, value
from priming.tasks.crossfit.outputs import choices, outputs
from priming.tasks.reading.rows import Row

SHUFFLE = 42

_HOLDS: dict[Relation, Callable[[Any, Any], bool]] = {
    "is": lambda found, operand: found == operand,
    "is_not": lambda found, operand: found != operand,
    "above": lambda found, operand: found > operand,
    "below": lambda found, operand: found < operand,
    "contains": lambda found, operand: operand in found,
    "begins": lambda found, operand: found.startswith(operand),
    "not_once": lambda found, operand: found.count(operand) != 1,
    "fraction": lambda found, operand: found % 1 != 0,
}


def rendered(entry: Entry, rows: Iterable[Row]) -> Iterator[Example]:
    """The examples of a split; random choices use numpy's legacy generator, seeded anew for each split.

    Raises DataError that names data set, split, row and column.
    """
    random = numpy.random.RandomState(SHUFFLE)
    kept = (row for row in rows if not _skipped(entry, row, row.values, made=False))
    for row in _merged(entry.merge, kept) if entry.merge else kept:
        try:
            example = _example(entry, row, random)
        except ColumnError as error:
            raise _located(entry, row, error) from None
        if example:
            yield example


def _example(entry: Entry, row: Row, random: numpy.random.RandomState) -> Example | None:
    values: dict[str, Any] = {**row.values}
    values |= computed(entry.compute, values, random)
    options = choices(entry.options, values, random) if entry.options else None
    if options:
        values["*options"] = options.shown
    targets = outputs(entry.output, values, options)
    values["*answer"] = targets[0] if targets else ""
    if (not targets and _needs_output(entry)) or _skipped(entry, row, values, made=True):
        return None
    return Example(filtered(fill(entry.input, values), entry.input_filter), targets)


def _needs_output(entry: Entry) -> bool:
    """Whether a row without output is excluded; CrossFit keeps rows with an empty list of references."""
    return not hasattr(entry.output, "references")


def _skipped(entry: Entry, row: Row, values: Values, *, made: bool) -> bool:
    """Whether a condition on columns or derived values excludes the row."""
    try:
        return any(
            _HOLDS[relation](value(values, named), operand)
            for named, relation, operand in entry.skip
            if named.startswith("*") == made
        )
    except ColumnError as error:
        raise _located(entry, row, error) from None


def _merged(merge: Merge, rows: Iterable[Row]) -> list[Row]:
    """The first row of each group, with lists for the gathered columns."""
    groups: dict[str, Row] = {}
    for row in rows:
        key = fill(merge.by, row.values)
        if key not in groups:
            groups[key] = Row(row.place, {**row.values, **{column: [] for column in merge.gather}})
        for column in merge.gather:
            groups[key].values[column].append(value(row.values, column))
    return list(groups.values())


def _located(entry: Entry, row: Row, error: ColumnError) -> DataError:
    hint = nearest(error.column, row.values) if "no such column" in error.what else ""
    there = f"; the row has {', '.join(row.values)}{hint}" if "no such column" in error.what else ""
    return DataError(f"{row.place}, column {error.column}: {error.what}{there}; the task {entry.name} reads it")
