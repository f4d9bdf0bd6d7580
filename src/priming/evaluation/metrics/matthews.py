"""The Matthews correlation of CoLA."""

from math import isnan

from priming.evaluation.metrics.correlation import correlation
from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.evaluation.metrics.texts import first, stripped


def matthews(predictions: Predictions, references: References) -> float:
    """Matthews correlation of equality with `acceptable`, a label of CoLA; 0 if all predictions, or all references,
    agree.
    """
    predicted, gold = (
        [float(text == "acceptable") for text in texts] for texts in (stripped(predictions), first(references))
    )
    found = correlation(predicted, gold)
    return 0.0 if isnan(found) else found


METRIC = Metric(matthews)
