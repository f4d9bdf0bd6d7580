"""F1 of entities whose tags follow IOB2."""

from priming.evaluation.metrics.entities import by_type, counts, strict, sums
from priming.evaluation.metrics.interface import Metric, Predictions, References


def entity_f1_strict(predictions: Predictions, references: References) -> float:
    """Micro-F1 of entities that begin with a B: `seqeval` with `mode="strict"` and its scheme IOB2."""
    return counts(predictions, references, strict).f1


METRIC = Metric(
    entity_f1_strict,
    parts=lambda predictions, references: by_type(predictions, references, strict),
    sums=sums(strict),
)
