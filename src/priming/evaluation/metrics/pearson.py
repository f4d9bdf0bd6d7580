"""Pearson's correlation of texts read as numbers."""

from math import nan

from priming.evaluation.metrics.correlation import correlation
from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.evaluation.metrics.texts import first


def pearson(predictions: Predictions, references: References) -> float:
    """Pearson correlation; NaN if a text is not a number, or if all predictions, or all references, are equal."""
    return correlation([_number(text) for text in predictions], [_number(text) for text in first(references)])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


METRIC = Metric(pearson)
