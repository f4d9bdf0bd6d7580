"""The mean F1 of classes."""

from collections import Counter
from collections.abc import Sequence
from math import fsum


def macro_f1(predicted: Sequence[str], gold: Sequence[str], classes: set[str]) -> float:
    """Unweighted mean over `classes`. The F1 of a class is 2 TP / (predicted + gold), so 0 if it is missing on either
    side.
    """
    found = Counter(p for p, g in zip(predicted, gold, strict=True) if p == g)
    predictions, golds = Counter(predicted), Counter(gold)
    # Exact summation, since the order of a set of strings differs between processes.
    return fsum(2 * found[c] / (predictions[c] + golds[c]) for c in classes) / len(classes)
