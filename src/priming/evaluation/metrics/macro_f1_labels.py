"""Macro-F1 over the gold classes."""

from priming.evaluation.metrics.f1 import macro_f1
from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.evaluation.metrics.texts import first, stripped


def macro_f1_labels(predictions: Predictions, references: References) -> float:
    """Unweighted mean F1 over the classes that are gold in some row; any other prediction is wrong but not a class."""
    gold = first(references)
    return macro_f1(stripped(predictions), gold, set(gold))


METRIC = Metric(macro_f1_labels)
