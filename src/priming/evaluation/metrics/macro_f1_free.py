"""Macro-F1 as in CrossFit, where an invented output is a class (Ye et al., 2021)."""

from priming.evaluation.metrics.f1 import macro_f1
from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.evaluation.metrics.texts import first, stripped


def macro_f1_free(predictions: Predictions, references: References) -> float:
    """Unweighted mean F1 over every gold or predicted string; an invented string is a class with F1 0 (Ye et al.,
    2021).
    """
    gold, predicted = first(references), stripped(predictions)
    return macro_f1(predicted, gold, {*gold, *predicted})


METRIC = Metric(macro_f1_free)
