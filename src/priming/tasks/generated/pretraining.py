"""Plain sentences for the pretraining of a generated PLM: the tasks' words, and what their labels mean, in other sentences than the tasks'."""

import numpy

from priming.errors import DataError
from priming.tasks.generated.grammar import draw_values, spoken
from priming.tasks.generated.statements import OPENINGS, STATEMENTS

LONGEST = 16
_PATIENCE = 50


def pretraining_texts(number: int, seed: int) -> list[str]:
    """At most `number` different sentences of at most 16 words, fixed by `seed`; raises DataError where the grammar has not so many."""
    generator = numpy.random.default_rng([seed, number])
    texts: dict[str, None] = {}
    for _ in range(_PATIENCE * number):
        if len(texts) == number:
            break
        statement = STATEMENTS[int(generator.integers(len(STATEMENTS)))]
        opening = OPENINGS[int(generator.integers(len(OPENINGS)))]
        template = f"{opening} {statement}".strip()
        text = spoken(template, draw_values((template,), {}, generator))
        if len(text.split()) <= LONGEST:
            texts[text] = None
    else:
        raise DataError(f"plms: the grammars give no {number} different pretraining texts; ask for {len(texts)} or fewer")
    return list(texts)
