"""Rows of a kind of question, fixed by a seed; all templates of the kind are written from the same rows."""

from collections.abc import Iterator
from typing import Any

import numpy

from priming.tasks.generated.grammar import draw_values, seeded, spoken
from priming.tasks.prompted.kinds import QUESTION_KINDS, Case

_PATIENCE = 300
"""Consecutive draws without a new text after which a kind counts as exhausted."""

Values = dict[str, Any]


def rows_of(kind: str, number: int, seed: int) -> list[Values]:
    """At most `number` rows with different texts, fewer where the kind has no more.

    Each has `text`, `about`, `options` in random order, and `label`, the number of the right one from 0. The first rows
    do not depend on the number.
    """
    found: dict[tuple[str, str], Values] = {}
    missed = 0
    for row in _drawn(kind, seed):
        key = row["text"], row["about"]
        missed = missed + 1 if key in found else 0
        found.setdefault(key, row)
        if len(found) == number or missed == _PATIENCE:
            break
    return list(found.values())


def _drawn(kind: str, seed: int) -> Iterator[Values]:
    own, generator = QUESTION_KINDS[kind], seeded(kind, seed)
    while True:
        yield _row(own.cases[int(generator.integers(len(own.cases)))], own.options, generator)


def _row(case: Case, options: int, generator: numpy.random.Generator) -> Values:
    text = case.texts[int(generator.integers(len(case.texts)))]
    wrong = [case.others[i] for i in generator.permutation(len(case.others))[: options - 1]]
    values = draw_values((text, case.about, case.answer, *wrong), case.classes, generator)
    written = [spoken(option, values) for option in (case.answer, *wrong)]
    order = [int(place) for place in generator.permutation(len(written))]
    return {
        "text": spoken(text, values),
        "about": spoken(case.about, values),
        "options": [written[place] for place in order],
        "label": order.index(0),
    }
