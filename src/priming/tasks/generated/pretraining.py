"""Sentences for pretraining a generated PLM: the tasks' words and the meaning of their labels, in other sentences."""

import numpy

from priming.errors import DataError
from priming.tasks.generated.grammar import draw_values, spoken
from priming.tasks.generated.statements import OPENINGS, STATEMENTS

LONGEST = 16
_PATIENCE = 50


def pretraining_texts(number: int, seed: int) -> list[str]:
    """`number` different sentences of at most 16 words, determined by `seed`; raises DataError if the grammar has
    fewer.
    """
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
        raise DataError(
            f"plms: the grammars give no {number} different pretraining texts; ask for {len(texts)} or fewer"
        )
    return list(texts)
