"""Summary-level ROUGE-L as in version 1.0.0 of the package `rouge`, which CrossFit uses.

It counts different words: R is the fraction of the reference's words on a longest common subsequence of some pair of a
reference and a prediction sentence, P the same fraction of the prediction's words.
"""

from collections.abc import Sequence

_EPSILON = 1e-8


def rouge_l(prediction: str, reference: str) -> float:
    """F = 2 P R / (P + R + 1e-8); 0 if either has no sentence. Sentences end at dots, words at white space;
    case-sensitive.
    """
    predicted, gold = _sentences(prediction), _sentences(reference)
    if not predicted or not gold:
        return 0.0
    common = {word for sentence in gold for other in predicted for word in _common_words(sentence, other)}
    recall, precision = len(common) / _different(gold), len(common) / _different(predicted)
    return 2 * precision * recall / (precision + recall + _EPSILON)


def _sentences(text: str) -> list[list[str]]:
    """The words of each piece between dots; a piece of only white space has one word, the empty one."""
    return [piece.split() or [""] for piece in text.split(".") if piece]


def _different(sentences: Sequence[Sequence[str]]) -> int:
    return len({word for sentence in sentences for word in sentence})


def _common_words(gold: Sequence[str], predicted: Sequence[str]) -> list[str]:
    """A longest common subsequence; in a tie, the one that first drops words from the end of the prediction."""
    lengths = _lengths(gold, predicted)
    i, j, words = len(gold), len(predicted), []
    while i and j:
        if gold[i - 1] == predicted[j - 1]:
            words.append(gold[i - 1])
            i, j = i - 1, j - 1
        elif lengths[i - 1][j] > lengths[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return words


def _lengths(gold: Sequence[str], predicted: Sequence[str]) -> list[list[int]]:
    """The length of the longest common subsequence of the first i and the first j words, at [i][j]."""
    rows = [[0] * (len(predicted) + 1)]
    for word in gold:
        above, row = rows[-1], [0]
        for j, other in enumerate(predicted):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
        rows.append(row)
    return rows
