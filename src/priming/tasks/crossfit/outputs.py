"""The correct outputs of a row, by the kind of output in its entry."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from string import ascii_uppercase
from typing import Any

import numpy

from priming.tasks.crossfit.entries import Bands, Joined, Number, Option, Options, References, Text, Words
from priming.tasks.crossfit.language import ColumnError, Values, fill, filtered, value


@dataclass(frozen=True)
class Choices:
    """The options of a row: markers, texts, and all of them as shown in the input."""

    markers: list[str]
    texts: list[str]
    shown: str


def choices(options: Options, row: Values, random: numpy.random.RandomState) -> Choices:
    """The options of a row, shuffled in place if CrossFit does so."""
    found = (
        value(row, options.texts) if isinstance(options.texts, str) else [value(row, text) for text in options.texts]
    )
    texts, markers = list(found), list(ascii_uppercase[: len(found)])
    if options.markers:
        markers = value(row, options.markers)
    if options.embedded:
        markers, texts = [text[:1] for text in texts], [text[2:] for text in texts]
    texts = [filtered(text, options.filter) for text in texts]
    if options.shuffled:
        random.shuffle(texts)
    items = (options.item.replace("{m}", m).replace("{t}", t) for m, t in zip(markers, texts, strict=False))
    return Choices(markers, texts, "".join(items))


@singledispatch
def outputs(output: Any, row: Values, options: Choices | None) -> tuple[str, ...]:
    """The correct outputs of a row; none if the row gives no example. Raises ColumnError."""
    raise TypeError(f"no rule for {type(output).__name__}")


@outputs.register
def _text(output: Text, row: Values, options: Choices | None) -> tuple[str, ...]:
    return (fill(output.text, row),)


@outputs.register
def _number(output: Number, row: Values, options: Choices | None) -> tuple[str, ...]:
    found = value(row, output.value)
    if output.whole or output.plus:
        found = int(found) + output.plus
    return (str(found),)


@outputs.register
def _words(output: Words, row: Values, options: Choices | None) -> tuple[str, ...]:
    found = value(row, output.of)
    if output.majority:
        commonest = Counter(found).most_common(2)
        if len(commonest) == 2 and commonest[0][1] == commonest[1][1]:
            return ()
        found = commonest[0][0]
    return (_word(output, found),)


def _word(output: Words, found: Any) -> str:
    """The word of a class, which a data set may store as an id or as the word."""
    words = output.words if isinstance(output.words, dict) else dict(enumerate(output.words))
    if isinstance(found, str) and found in words.values():
        return found
    try:
        return words[int(found)]
    except (TypeError, ValueError, KeyError):
        known = ", ".join(f"{number} {word!r}" for number, word in list(words.items())[:8])
        raise ColumnError(
            output.of, f"unknown label {found!r}; known: {known}{', ...' if len(words) > 8 else ''}"
        ) from None


@outputs.register
def _bands(output: Bands, row: Values, options: Choices | None) -> tuple[str, ...]:
    number = value(row, output.of)
    for band in output.bands:
        if (band.below is not None and number < band.below) or (band.above is not None and number > band.above):
            return (band.word,)
    return ()


@outputs.register
def _references(output: References, row: Values, options: Choices | None) -> tuple[str, ...]:
    found = list(_leaves(value(row, output.references)))
    if output.nonempty:
        found = [text for text in found if text]
    if output.unique:
        found = list(dict.fromkeys(found))
    if output.unique == "sorted":
        found.sort()
    return tuple(filtered(text, output.filter) for text in found)


def _leaves(found: Any) -> Iterator[str]:
    for member in found if isinstance(found, list) else [found]:
        if isinstance(member, list):
            yield from _leaves(member)
        else:
            yield member


@outputs.register
def _option(output: Option, row: Values, options: Choices | None) -> tuple[str, ...]:
    assert options
    key = value(row, output.option)
    try:
        if output.by == "marker":
            position = options.markers.index(key)
        elif output.by == "letter":
            position = ascii_uppercase.index(key.upper())
        else:
            position = int(key) - (output.by == "number")
        return (options.texts[position],)
    except (ValueError, IndexError, TypeError, AttributeError):
        raise ColumnError(output.option, f"{key!r} names none of the {len(options.texts)} options") from None


@outputs.register
def _joined(output: Joined, row: Values, options: Choices | None) -> tuple[str, ...]:
    found = value(row, output.joined)
    for column, wanted in output.where.items():
        found = [member for member, mark in zip(found, value(row, column), strict=True) if mark == wanted]
    return (output.by.join(found) or output.empty,)
