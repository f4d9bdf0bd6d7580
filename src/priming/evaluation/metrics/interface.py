"""A metric: a function of predictions and references, with properties used by the tables.

Scores are between 0 and 1, correlations between -1 and 1. A row has one prediction and one or more references:
accuracy, exact match, QA-F1 and ROUGE-L use the best reference of a row, macro-F1 and the correlations the first. An
undefined score is NaN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Predictions = Sequence[str]
References = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Metric:
    """A score of predictions against references; `of_rows` if it is a mean over rows.

    `parts` gives the same score of parts of what is scored, by name, such as of each type of entity. `sums` says how
    the score follows from numbers that are counted in each row and added up, so that scores of many subsets are cheap.
    """

    score: Callable[[Predictions, References], float]
    of_rows: bool = False
    parts: Callable[[Predictions, References], dict[str, float]] | None = None
    sums: "Sums | None" = None


@dataclass(frozen=True)
class Sums:
    """Numbers of each row [rows x numbers], and the score from their sums [numbers]."""

    of_rows: Callable[[Predictions, References], Sequence[Sequence[float]]]
    score: Callable[[Sequence[float]], float]
