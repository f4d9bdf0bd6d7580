"""F1 of entities, as conlleval reads them (Tjong Kim Sang and Buchholz, 2000)."""

from priming.evaluation.metrics.entities import by_type, counts, lenient, sums
from priming.evaluation.metrics.interface import Metric, Predictions, References


def entity_f1(predictions: Predictions, references: References) -> float:
    """Micro-F1 of entities that agree in type and in both ends: the default of the package `seqeval`."""
    return counts(predictions, references, lenient).f1


METRIC = Metric(
    entity_f1,
    parts=lambda predictions, references: by_type(predictions, references, lenient),
    sums=sums(lenient),
)
