"""ROUGE-L against the package that CrossFit scores with."""

import random

import pytest
from rouge import Rouge

from priming.evaluation.metrics import score
from priming.evaluation.metrics.rouge import rouge_l

WORDS = ["a", "b", "c", "the", "The", "dog.", "cat", ".", "  ", "..", "x.y", "é"]


@pytest.mark.parametrize("seed", range(200))
def test_it_is_that_of_the_package(seed: int) -> None:
    draw = random.Random(seed)
    prediction, reference = (
        " ".join(draw.choices(WORDS, k=draw.randint(1, 25))) + draw.choice([" end", "b", " c."]) for _ in range(2)
    )
    expected = Rouge(metrics=["rouge-l"]).get_scores(prediction, reference)[0]["rouge-l"]["f"]
    assert rouge_l(prediction, reference) == pytest.approx(expected, abs=1e-15)


def test_by_hand() -> None:
    # Common: the, cat, sat; 3 of 5 different words of the reference, 3 of 4 of the prediction.
    assert rouge_l("the cat sat the down", "the big cat sat there") == pytest.approx(2 * 0.6 * 0.75 / 1.35, abs=1e-7)
    assert rouge_l("The cat", "the dog") == 0


def test_no_sentence_scores_zero() -> None:
    assert rouge_l("...", "a") == rouge_l("a", "") == rouge_l("", "") == 0
    assert score("rouge_l", ["!?"], [["!?"]]) == 0
    assert score("rouge_l", ["a b"], [["c", "a b"]]) == pytest.approx(1, abs=1e-7)
