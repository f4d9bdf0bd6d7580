"""What average relative gains (ARG) can stand against: the literature has four baselines.

Ye et al. (2021, CrossFit) take the un-primed PLM, tuned in full, which is a strategy like any other. A course report takes
the PLM primed and tuned in full by the same algorithm, Wu et al. (2022) the accuracy of guessing.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

from priming.strategies import Strategy
from priming.study.base import canonical

SAME_ALGORITHM, CHANCE, MAJORITY = NAMED = ("same algorithm", "chance", "majority")
CONSTANT = (CHANCE, MAJORITY)
COUNTS_HITS = ("accuracy", "exact_match")
"""Metrics of which guessing one of L labels scores 1/L."""


def _baseline(text: str) -> str:
    return text if text in NAMED else canonical(text)


BaselineText = Annotated[str, AfterValidator(_baseline)]


def in_full(strategy: Strategy, strategies: Sequence[Strategy]) -> list[Strategy]:
    """Those of `strategies` that prime and tune the PLM in full with the algorithm of `strategy`; the un-primed one if it has none.

    Of several that differ in inner steps, the one with as many as `strategy` has.
    """
    section = _section(strategy)
    found = [s for s in strategies if _section(s) == section and s.elements == ("plm",) and (s.priming is None or s.priming.elements == ("plm",))]
    return [s for s in found if _inner_steps(s) == _inner_steps(strategy)] or found


def _section(strategy: Strategy) -> str:
    return strategy.priming.section if strategy.priming else "none"


def _inner_steps(strategy: Strategy) -> int:
    return strategy.priming.inner_steps if strategy.priming else 0
