"""Scores of decoded predictions against their references, each on a 0-1 scale.

A row has one prediction and one or more references. Accuracy and exact match take the best reference of a row, macro-F1 the first.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from math import fsum

Predictions = Sequence[str]
References = Sequence[Sequence[str]]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def accuracy(predictions: Predictions, references: References) -> float:
    """Share of rows whose prediction is a reference, but for case and outer white space."""
    return _share_of_hits(predictions, references, lambda text: text.strip().casefold())


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


METRICS: dict[str, Callable[[Predictions, References], float]] = {
    "accuracy": accuracy,
    "macro_f1_free": macro_f1_free,
    "macro_f1_labels": macro_f1_labels,
    "exact_match": exact_match,
}


def score(metric: str, predictions: Predictions, references: References) -> float:
    """The score by a metric of METRICS.

    Raises ValueError without rows, where the numbers of rows differ, and for a row without references.
    """
    if not predictions or len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions for {len(references)} rows of references")
    if not all(references):
        raise ValueError(f"row {[bool(row) for row in references].index(False)} has no reference")
    return METRICS[metric](predictions, references)


def majority(references: References) -> tuple[str, list[str]]:
    """The most frequent first reference (the first seen of equals), and the predictions of always giving it."""
    label = Counter(_first(references)).most_common(1)[0][0]
    return label, [label] * len(references)


def _share_of_hits(predictions: Predictions, references: References, form: Callable[[str], str]) -> float:
    hits = sum(form(prediction) in map(form, row) for prediction, row in zip(predictions, references, strict=True))
    return hits / len(predictions)


def _macro_f1(predicted: Sequence[str], gold: Sequence[str], classes: set[str]) -> float:
    """F1 of a class is 2 TP / (predicted + gold), so 0 where either never names it."""
    found = Counter(p for p, g in zip(predicted, gold, strict=True) if p == g)
    predictions, golds = Counter(predicted), Counter(gold)
    # Exactly rounded, since the order of a set of strings differs from process to process.
    return fsum(2 * found[c] / (predictions[c] + golds[c]) for c in classes) / len(classes)


def _stripped(texts: Sequence[str]) -> list[str]:
    return [text.strip() for text in texts]


def _first(references: References) -> list[str]:
    return [row[0].strip() for row in references]
