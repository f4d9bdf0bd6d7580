"""Scores of decoded predictions against their references, as CrossFit defines them (Ye et al., 2021).

All lie between 0 and 1, the correlations between -1 and 1. A row has one prediction and one or more references: accuracy, exact match,
QA-F1 and ROUGE-L take the best reference of a row, macro-F1 and the correlations the first. A score that is not defined is NaN.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from math import fsum, isfinite, isnan, nan, sqrt

from priming.evaluation.rouge import rouge_l as rouge_l_of

Predictions = Sequence[str]
References = Sequence[Sequence[str]]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def accuracy(predictions: Predictions, references: References) -> float:
    """Share of rows whose prediction, without outer white space, is a reference but for case."""
    return _share_of_hits(_stripped(predictions), references, str.lower)


def exact_match(predictions: Predictions, references: References) -> float:
    """Share of rows whose normalised prediction is a normalised reference (Rajpurkar et al., 2016)."""
    return _share_of_hits(predictions, references, normalised)


def normalised(text: str) -> str:
    """`text` in lower case, without ASCII punctuation, then without articles, then with single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def macro_f1_free(predictions: Predictions, references: References) -> float:
    """Unweighted mean F1 over every string that is gold or predicted; an invented string is a class with F1 0 (Ye et al., 2021)."""
    gold, predicted = _first(references), _stripped(predictions)
    return _macro_f1(predicted, gold, {*gold, *predicted})


def macro_f1_labels(predictions: Predictions, references: References) -> float:
    """Unweighted mean F1 over the classes that are gold in some row; any other prediction is wrong and no class of its own."""
    gold = _first(references)
    return _macro_f1(_stripped(predictions), gold, set(gold))


def qa_f1(predictions: Predictions, references: References) -> float:
    """Mean F1 of the bags of words of normalised texts, 0 without a common word (Rajpurkar et al., 2016)."""
    return _mean_of_best(predictions, references, _shared_words)


def rouge_l(predictions: Predictions, references: References) -> float:
    """Mean ROUGE-L; 0 for a prediction of nothing but punctuation."""
    return _mean_of_best(predictions, references, lambda text, gold: rouge_l_of(text, gold) if text.translate(_PUNCTUATION).strip() else 0.0)


def matthews(predictions: Predictions, references: References) -> float:
    """Matthews correlation of being exactly `acceptable` or not, the labels of CoLA; 0 where all predictions, or all references, agree."""
    predicted, gold = ([float(text == "acceptable") for text in texts] for texts in (_stripped(predictions), _first(references)))
    correlation = _correlation(predicted, gold)
    return 0.0 if isnan(correlation) else correlation


def pearson(predictions: Predictions, references: References) -> float:
    """Pearson correlation of the numbers; NaN where a text is none, and where all predictions, or all references, are equal."""
    return _correlation([_number(text) for text in predictions], [_number(text) for text in _first(references)])


METRICS: dict[str, Callable[[Predictions, References], float]] = {
    "accuracy": accuracy,
    "macro_f1_free": macro_f1_free,
    "macro_f1_labels": macro_f1_labels,
    "exact_match": exact_match,
    "qa_f1": qa_f1,
    "rouge_l": rouge_l,
    "matthews": matthews,
    "pearson": pearson,
}
OF_ROWS = frozenset({"accuracy", "exact_match", "qa_f1", "rouge_l"})
"""Those that are means over rows."""


def score(metric: str, predictions: Predictions, references: References) -> float:
    """The score by a metric of METRICS.

    Raises ValueError without rows, where the numbers of rows differ, and for a row without references.
    """
    if not predictions or len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions for {len(references)} rows of references")
    if not all(references):
        raise ValueError(f"row {[bool(row) for row in references].index(False)} has no reference")
    return METRICS[metric](predictions, references)


def own_metric(metric: str, of_task: str) -> str:
    """The metric of METRICS that is meant where a study names `metric`: each task's own by `task`."""
    return of_task if metric == "task" else metric


def majority(references: References) -> tuple[str, list[str]]:
    """The most frequent first reference (the first seen of equals), and the predictions of always giving it."""
    label = Counter(_first(references)).most_common(1)[0][0]
    return label, [label] * len(references)


def _share_of_hits(predictions: Predictions, references: References, form: Callable[[str], str]) -> float:
    hits = sum(form(prediction) in map(form, row) for prediction, row in zip(predictions, references, strict=True))
    return hits / len(predictions)


def _mean_of_best(predictions: Predictions, references: References, likeness: Callable[[str, str], float]) -> float:
    """Mean over rows of the best likeness to a reference."""
    best = (max(likeness(text, gold) for gold in row) for text, row in zip(predictions, references, strict=True))
    return fsum(best) / len(predictions)


def _shared_words(prediction: str, reference: str) -> float:
    predicted, gold = Counter(normalised(prediction).split()), Counter(normalised(reference).split())
    shared = (predicted & gold).total()
    return 2 * shared / (predicted.total() + gold.total()) if shared else 0.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson correlation; NaN where a number is missing or infinite, or where all numbers of a side are equal."""
    if not all(map(isfinite, [*a, *b])) or len(set(a)) == 1 or len(set(b)) == 1:
        return nan
    mean_a, mean_b = fsum(a) / len(a), fsum(b) / len(b)
    apart_a, apart_b = [x - mean_a for x in a], [y - mean_b for y in b]
    spread = sqrt(fsum(x * x for x in apart_a)) * sqrt(fsum(y * y for y in apart_b))
    return max(-1.0, min(1.0, fsum(x * y for x, y in zip(apart_a, apart_b, strict=True)) / spread)) if spread else nan


def _macro_f1(predicted: Sequence[str], gold: Sequence[str], classes: set[str]) -> float:
    """F1 of a class is 2 TP / (predicted + gold), so 0 where either never names it."""
    found = Counter(p for p, g in zip(predicted, gold, strict=True) if p == g)
    predictions, golds = Counter(predicted), Counter(gold)
    # Exactly rounded, since the order of a set of strings differs from process to process.
    return fsum(2 * found[c] / (predictions[c] + golds[c]) for c in classes) / len(classes)


def _stripped(texts: Sequence[str]) -> list[str]:
    return [text.strip() for text in texts]


def _first(references: References) -> list[str]:
    return [row[0] for row in references]
