"""Baselines of the average relative gain (ARG), of which the literature has four.

Ye et al. (2021, CrossFit) use the un-primed PLM, tuned in full, which is a strategy like any other. A course report
uses the PLM primed and tuned in full by the same algorithm, Wu et al. (2022) the accuracy of guessing.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

from priming.elements.table import ELEMENTS
from priming.strategies import Strategy
from priming.study.base import canonical

SAME_ALGORITHM, CHANCE, MAJORITY, NO_BASELINE = NAMED = ("same algorithm", "chance", "majority", "none")
DEFAULT = "none -> plm"
"""The default baseline of a study that has this strategy; other studies then have no ARG."""
CONSTANT = (CHANCE, MAJORITY)
COUNTS_HITS = ("accuracy", "exact_match")
"""Metrics on which guessing one of L labels scores 1/L."""


def _baseline(text: str) -> str:
    return text if text in NAMED else canonical(text)


BaselineText = Annotated[str, AfterValidator(_baseline)]


def in_full(strategy: Strategy, strategies: Sequence[Strategy]) -> list[Strategy]:
    """The `strategies` that prime and tune the PLM in full by the algorithm of `strategy`, or the un-primed one if it
    has none.

    A variant without such a strategy has that of its algorithm. Of several that differ in inner steps, the one with as
    many inner steps as `strategy`.
    """
    whole = [s for s in strategies if _all_in_full(s)]
    found = [s for s in whole if _section(s) == _section(strategy)]
    if not found and strategy.priming:
        found = [s for s in whole if _section(s) == strategy.priming.algorithm]
    return [s for s in found if _inner_steps(s) == _inner_steps(strategy)] or found


def _all_in_full(strategy: Strategy) -> bool:
    """Whether the PLM is all that it primes, if it does, and tunes, whatever stands on it for one task alone."""
    primed = strategy.priming.elements if strategy.priming else ("plm",)
    return all(_whole(elements) for elements in (primed, strategy.tuned, strategy.elements))


def _whole(elements: Sequence[str]) -> bool:
    return [element for element in elements if ELEMENTS[element].carried] == ["plm"]


def _section(strategy: Strategy) -> str:
    return strategy.priming.section if strategy.priming else "none"


def _inner_steps(strategy: Strategy) -> int:
    return strategy.priming.inner_steps if strategy.priming else 0
