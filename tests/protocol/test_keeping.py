"""The last step of a run, beside the best, on parameters that hold the step."""

from math import nan

import torch

from priming.protocol.keeping.interface import Choice
from priming.protocol.keeping.table import KEEPINGS
from priming.runs.parameters import StackedParameters

SCORES = [[0.9, 0.5, nan], [0.2, 0.7, nan], [0.4, 0.7, nan]]
"""At steps 0, 5 and 10, of three runs."""


def followed(name: str) -> tuple[list[tuple[int | None, float | None]], list[float]]:
    """Step and score of the choice of each run, and the value that it keeps."""
    parameters = StackedParameters({"plm.step": torch.zeros(3, 1)}, lambda _: "plm")
    selector = KEEPINGS[name].selector(parameters, None)
    for index, scores in enumerate(SCORES):
        parameters.flat["plm"].fill_(5.0 * index)
        selector.note(5 * index, scores)
    choices = [(choice.step, choice.score) for choice in selector.choices]
    return choices, [float(selector.values(run)["plm.step"]) for run in range(3)]


def test_the_last_step_is_kept_whatever_the_scores() -> None:
    choices, values = followed("last")
    assert choices == [(10, 0.4), (10, 0.7), (10, None)]
    assert values == [10.0, 10.0, 10.0]


def test_the_best_is_the_first_of_the_highest_and_a_run_without_a_score_has_none() -> None:
    choices, values = followed("best")
    assert choices == [(0, 0.9), (5, 0.7), (None, None)]
    assert values[:2] == [0.0, 5.0]


def test_only_the_best_needs_development_sets() -> None:
    assert {name: keeping.needs_dev for name, keeping in KEEPINGS.items()} == {"best": True, "last": False}
    assert Choice(3, 0.5).by_loss is False
