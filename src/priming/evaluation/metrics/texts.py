"""Functions shared by metrics on texts: comparison of texts, and means over rows."""

import re
import string
from collections.abc import Callable
from math import fsum

from priming.evaluation.metrics.interface import Predictions, References

PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalised(text: str) -> str:
    """`text` in lower case, without ASCII punctuation, then without articles, then with single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def share_of_hits(predictions: Predictions, references: References, form: Callable[[str], str]) -> float:
    """Fraction of rows whose prediction is one of the references, both mapped by `form`."""
    hits = sum(form(prediction) in map(form, row) for prediction, row in zip(predictions, references, strict=True))
    return hits / len(predictions)


def mean_of_best(predictions: Predictions, references: References, likeness: Callable[[str, str], float]) -> float:
    """Mean over rows of the best similarity to a reference."""
    best = (max(likeness(text, gold) for gold in row) for text, row in zip(predictions, references, strict=True))
    return fsum(best) / len(predictions)


def stripped(texts: Predictions) -> list[str]:
    """Texts without outer white space."""
    return [text.strip() for text in texts]


def first(references: References) -> list[str]:
    """The first reference of each row."""
    return [row[0] for row in references]
