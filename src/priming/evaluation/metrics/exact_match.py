"""Exact match of normalised texts (Rajpurkar et al., 2016)."""

from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.evaluation.metrics.texts import normalised, share_of_hits


def exact_match(predictions: Predictions, references: References) -> float:
    """Fraction of rows whose normalised prediction is a normalised reference (Rajpurkar et al., 2016)."""
    return share_of_hits(predictions, references, normalised)


METRIC = Metric(exact_match, of_rows=True)
