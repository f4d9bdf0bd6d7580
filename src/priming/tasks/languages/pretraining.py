"""Sentences of all languages for pretraining a generated PLM."""

from itertools import islice

from priming.tasks.languages.grammar import sentences
from priming.tasks.languages.table import LANGUAGES


def language_texts(number: int, seed: int) -> list[str]:
    """About `number` sentences without tags, as many of each language; those that occur again are left out."""
    each = -(-number // len(LANGUAGES))
    drawn = [list(islice(sentences(name, "pretraining", seed), each)) for name in LANGUAGES]
    return list(dict.fromkeys(row.input for rows in zip(*drawn, strict=True) for row in rows))[:number]
