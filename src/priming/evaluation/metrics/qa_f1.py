"""F1 of the words of an answer (Rajpurkar et al., 2016)."""

from collections import Counter

from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.evaluation.metrics.texts import mean_of_best, normalised


def qa_f1(predictions: Predictions, references: References) -> float:
    """Mean F1 of the bags of words of normalised texts, 0 without a common word (Rajpurkar et al., 2016)."""
    return mean_of_best(predictions, references, _shared_words)


def _shared_words(prediction: str, reference: str) -> float:
    predicted, gold = Counter(normalised(prediction).split()), Counter(normalised(reference).split())
    shared = (predicted & gold).total()
    return 2 * shared / (predicted.total() + gold.total()) if shared else 0.0


METRIC = Metric(qa_f1, of_rows=True)
