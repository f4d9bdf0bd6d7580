"""ROUGE-L, the best of the references of each row."""

from priming.evaluation.metrics.interface import Metric, Predictions, References
from priming.evaluation.metrics.rouge import rouge_l as rouge_l_of
from priming.evaluation.metrics.texts import PUNCTUATION, mean_of_best


def rouge_l(predictions: Predictions, references: References) -> float:
    """Mean ROUGE-L; 0 for a prediction of nothing but punctuation."""
    return mean_of_best(predictions, references, _likeness)


def _likeness(text: str, gold: str) -> float:
    return rouge_l_of(text, gold) if text.translate(PUNCTUATION).strip() else 0.0


METRIC = Metric(rouge_l, of_rows=True)
