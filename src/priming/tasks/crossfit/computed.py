"""Values that `compute` derives from a row: each function returns them by name, without the star."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from priming.tasks.crossfit.language import Values, fill, value

Made = dict[str, Any]


def coin(row: Values, random: numpy.random.RandomState, *, heads: str, tails: str, words: Sequence[str]) -> Made:
    """Two columns in random order: `first`, `second`, and `which`, the word for the position of `heads`."""
    one, other = value(row, heads), value(row, tails)
    if random.random_sample() > 0.5:
        return {"first": one, "second": other, "which": words[0]}
    return {"first": other, "second": one, "which": words[1]}


def tagged_span(
    row: Values, random: numpy.random.RandomState, *, tokens: str, tags: str, first: int, rest: int, named: str
) -> Made:
    """The token with the tag `first`, and the tokens with the tag `rest` directly after it."""
    words, marks = value(row, tokens), value(row, tags)
    start = marks.index(first)
    end = start + 1
    while end < len(marks) and marks[end] == rest:
        end += 1
    return {named: " ".join(words[start:end])}


def supporting_paragraphs(row: Values, random: numpy.random.RandomState, *, of: str, titles: str, named: str) -> Made:
    """The paragraphs whose title is among the supporting facts, in order."""
    wanted = set(value(row, titles))
    pairs = zip(value(row, f"{of}.title"), value(row, f"{of}.sentences"), strict=True)
    return {named: " ".join("".join(sentences) for title, sentences in pairs if title in wanted).strip()}


def comma_texts(row: Values, random: numpy.random.RandomState, *, of: str, named: str) -> Made:
    """Five options from `a ) 1 , b ) 2 , ...`, split at every comma and by position, as in CrossFit."""
    first, *middle, last = value(row, of).split(",")[:5]
    return {named: [first[4:-1], *(piece[5:-1] for piece in middle), last[5:]]}


def lettered_texts(row: Values, random: numpy.random.RandomState, *, of: str, named: str) -> Made:
    """Five options from `a ) 1,000 , b ) 2,000 , ...`, split at each letter with a bracket."""
    pieces = re.split(r"(?:^|,)\s*[a-e] \)", value(row, of))[1:]
    return {named: [piece.strip() for piece in pieces]}


def inline_option(row: Values, random: numpy.random.RandomState, *, of: str, index: str, named: str) -> Made:
    """The text after (A) or after (B) in a question that contains both."""
    before, _, after = value(row, of).partition("(B)")
    chosen = before.partition("(A) ")[2] if int(value(row, index)) == 0 else after
    return {named: chosen.removesuffix("or ").strip()}


def cut(row: Values, random: numpy.random.RandomState, *, of: str, start: str, end: str, named: str) -> Made:
    """A slice of a text, by character."""
    return {named: value(row, of)[slice(value(row, start), value(row, end))]}


def replaced(
    row: Values, random: numpy.random.RandomState, *, of: str, pairs: Sequence[Sequence[str]], named: str
) -> Made:
    """A text with its marks replaced by templates."""
    text = value(row, of)
    for mark, template in pairs:
        text = text.replace(mark, fill(template, row))
    return {named: text}


def cells(row: Values, random: numpy.random.RandomState, *, headers: str, values: str, named: str) -> Made:
    """A table as `header: value [n] ` for each cell; None if the numbers of headers and values differ."""
    heads, contents = value(row, headers), value(row, values)
    if len(heads) != len(contents):
        return {named: None}
    texts = (content.strip().replace("\n", " ") for content in contents)
    return {named: "".join(f"{head}: {text} [n] " for head, text in zip(heads, texts, strict=True))}


OPERATIONS: dict[str, Callable[..., Made]] = {
    "cells": cells,
    "coin": coin,
    "comma_texts": comma_texts,
    "cut": cut,
    "inline_option": inline_option,
    "lettered_texts": lettered_texts,
    "replaced": replaced,
    "supporting_paragraphs": supporting_paragraphs,
    "tagged_span": tagged_span,
}


def computed(steps: Sequence[dict[str, dict[str, Any]]], row: Values, random: numpy.random.RandomState) -> Made:
    """All values that the steps derive from a row, by name with a star."""
    made: Made = {}
    for step in steps:
        for operation, settings in step.items():
            made |= OPERATIONS[operation](row, random, **settings)
    return {f"*{name}": found for name, found in made.items()}
