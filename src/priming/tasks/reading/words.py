"""From rows to sentences: a column of words, and one of their tags."""

from collections.abc import Iterable, Sequence
from typing import Any

from priming.errors import DataError, nearest
from priming.forms.rows import Example
from priming.forms.tags import OUTSIDE, sentence
from priming.study.definition import TaskDefinition
from priming.study.template import columns_of
from priming.tasks.reading.classes import Classes, class_name, class_of_key
from priming.tasks.reading.rows import NONE, Row
from priming.tasks.reading.schemes import SCHEMES, TagError
from priming.tasks.reading.usable import UnusableRowError


class WordReader:
    """Reads the rows of one task whose words have a tag each; tags become those of IOB2."""

    notes: tuple[str, ...] = ()

    def __init__(self, name: str, definition: TaskDefinition, classes: Classes = NONE) -> None:
        self.key = definition.key(name)
        self.definition = definition
        self.column = columns_of(definition.input)[0]
        self.names = classes.get(definition.output, ())
        self.scheme = SCHEMES[definition.scheme or "iob2"]
        given = definition.labels
        self.tags = None if given is None else {str(class_of_key(self.names, key)): tag for key, tag in given.items()}
        self.known: tuple[str, ...] | None = None

    def example(self, row: Row) -> Example:
        """A row as a sentence; raises DataError, UnusableRowError."""
        words = self._words(row)
        tags = [self._tag(row, place, value) for place, value in enumerate(self._list(row, "output"))]
        if len(words) != len(tags):
            raise self._unusable(row, None, f"{len(words)} words and {len(tags)} tags", "give each word one")
        try:
            tags = self.scheme(tags)
        except TagError as error:
            why = str(error).replace("scheme:", f"{self.key}.scheme:")
            raise self._unusable(row, error.place, *why.split("; ", 1)) from None
        if self.known and (unknown := [place for place, tag in enumerate(tags) if tag not in self.known]):
            tag = tags[unknown[0]]
            known = ", ".join(self.known)
            advice = (
                f"known tags: {known}{nearest(tag, self.known)}; list all tags in {self.key}.labels or correct the row"
            )
            raise self._unusable(row, unknown[0], f"the tag {tag!r} occurs in no training row", advice)
        return sentence(words, tags)

    def labels(self, train: Sequence[Example]) -> tuple[str, ...]:
        """OUTSIDE, then B and I of each type of entity: in the study's order, else the data set's, else sorted."""
        if self.tags is not None:
            named: Iterable[str] = self.tags.values()
        else:
            named = self.names or sorted({tag for row in train for tag in row.targets[0].split(" ")} - {OUTSIDE})
        types = dict.fromkeys(tag.partition("-")[2] for tag in named if "-" in tag)
        if not types:
            column = f"{self.key}.output names the column {self.definition.output}"
            raise DataError(
                f"{self.key}: no training row has an entity; {column}; name that of the tags, or rows that have some"
            )
        return (OUTSIDE, *(f"{mark}-{kind}" for kind in types for mark in "BI"))

    def _words(self, row: Row) -> list[str]:
        words = self._list(row, "input")
        if not words:
            raise self._unusable(row, None, "a sentence without words", "fill it in or remove the row")
        for place, word in enumerate(words):
            if not isinstance(word, str) or not word.strip() or " " in word:
                raise self._unusable(row, place, f"{word!r} is no word", "write text without spaces")
        return words

    def _tag(self, row: Row, place: int, value: Any) -> str:
        named = class_name(self.names, value)
        tag = named.strip() if isinstance(named, str) else str(named)
        if value is None or not tag:
            raise self._unusable(row, place, "no tag", f"write one, {OUTSIDE} for a word outside all entities")
        if " " in tag:
            raise self._unusable(row, place, f"{tag!r} has a space in it", "write a mark and a type, as in B-PER")
        if self.tags is None:
            if isinstance(named, str):
                return tag
            text = f"the class id {tag} has no name"
            raise self._unusable(row, place, text, f"name the tags in {self.key}.labels, as in {{0: O, 1: B-PER}}")
        if tag not in self.tags:
            known = ", ".join(self.tags)
            advice = f"known: {known}{nearest(tag, self.tags)}; list it in {self.key}.labels or correct the row"
            raise self._unusable(row, place, f"unknown tag {tag!r}", advice)
        return self.tags[tag]

    def _list(self, row: Row, key: str) -> list[Any]:
        column = self.column if key == "input" else self.definition.output
        if column not in row.values:
            there = f"the row has {', '.join(row.values)}{nearest(column, row.values)}"
            raise DataError(f"{row.place}: there is no column {column!r}, used in {self.key}.{key}; {there}")
        value = row.values[column]
        if not isinstance(value, list):
            found = "nothing" if value is None else f"a {type(value).__name__}"
            raise DataError(
                f"{row.place}, column {column}: {found} instead of a list with an entry for each word; name another "
                f"column in {self.key}.{key}, or write kind: classification"
            )
        return value

    def _unusable(self, row: Row, place: int | None, problem: str, advice: str) -> UnusableRowError:
        """The error for an unusable row, and the word that is wrong in it, if it is one."""
        where = row.place
        if place is not None:
            file = row.place.rpartition(", line ")[0]
            where = f"{file}, line {row.lines[place]}" if row.lines else f"{row.place}, word {place + 1}"
        return UnusableRowError(f"{where}: {problem}", f"{advice}, or write {self.key}.unusable: drop")
