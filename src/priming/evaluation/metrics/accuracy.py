"""Accuracy, ignoring case."""

from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.evaluation.metrics.texts import share_of_hits, stripped


def accuracy(predictions: Predictions, references: References) -> float:
    """Fraction of rows whose prediction is a reference, ignoring case and outer white space."""
    return share_of_hits(stripped(predictions), references, str.lower)


METRIC = Metric(accuracy, of_rows=True)
