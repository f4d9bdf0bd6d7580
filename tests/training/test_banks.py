"""A run trained in a bank gives what it gives alone: for every element, with and without dropout."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from priming.backbones.text_model import TextModel
from priming.forms.batches import epoch_batch
from priming.forms.side_by_side import SideBySide
from priming.runs.loop import Course, train
from priming.runs.parameters import StackedParameters
from priming.runs.update_rules.adamw import AdamW
from tests.tiny_bart import examples

Builder = Callable[..., TextModel]
STEPS = 25
RUNS = (  # key, learning rate, examples: other samples, other tasks (longer, more), other rates
    (11, 1e-2, examples(8, 1)),
    (11, 2e-3, examples(8, 1)),
    (12, 1e-2, examples(9, 2, longest=12)),
    (13, 5e-3, examples(16, 3, longest=4, target=3)),
    (14, 1e-2, examples(6, 4)),
)
# The softmax over keys does not change when every key moves alike: the exact gradient of a key bias is zero, and what
# float arithmetic leaves of it Adam scales up to whole steps. It moves no output.
NO_GRADIENT = "k_proj.bias"


def trained(model: TextModel, element: str, runs: list[int]) -> tuple[Tensor, StackedParameters]:
    """Losses [STEPS x R] and parameters of some of RUNS, trained side by side."""
    start = model.owned_by((element,))
    parameters = StackedParameters.repeated(start, len(runs), model.owner)
    chosen = [RUNS[i] for i in runs]
    objective = SideBySide(
        model, lambda step: [epoch_batch(data, key, step, 4) for key, _, data in chosen], [key for key, _, _ in chosen]
    )
    curve: list[Tensor] = []
    rates = torch.tensor([rate for _, rate, _ in chosen], dtype=torch.float64)
    outcome = train(
        parameters,
        objective,
        AdamW({element: rates}, 0.01),
        Course(STEPS, 0.1, 1.0),
        lambda step, losses: curve.append(losses.clone()),
    )
    assert not outcome.failures
    return torch.stack(curve), parameters


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("element", ["adapter", "prompt", "prefix", "plm"])
def test_a_bank_changes_nothing(
    build: Builder, element: str, dtype: torch.dtype, tolerance: float, dropout: float
) -> None:
    elements = ("plm",) if element == "plm" else ("plm", element)
    model = build(elements, dtype, dropout)
    losses, together = trained(model, element, list(range(len(RUNS))))
    assert losses[-5:].mean() < losses[:5].mean()
    for run in range(len(RUNS)):
        alone, single = trained(model, element, [run])
        assert relative(losses[:, run], alone[:, 0]) < tolerance
        ours, theirs = together.row(run), single.row(0)
        kept = [name for name in ours if NO_GRADIENT not in name]
        assert len(kept) < len(ours) or element != "plm"
        assert relative(flat(ours, kept), flat(theirs, kept)) < tolerance
        for name in kept:
            assert relative(ours[name], theirs[name]) < tolerance, name


@pytest.mark.parametrize("element", ["adapter", "plm"])
def test_dropout_depends_on_the_run_key(build: Builder, element: str) -> None:
    """Guards the test above: with dropout, equal runs under other keys do differ."""
    elements = ("plm",) if element == "plm" else ("plm", element)
    with_dropout, _ = trained(build(elements, torch.float64, 0.5), element, [0])
    without, _ = trained(build(elements, torch.float64, 0.0), element, [0])
    assert relative(with_dropout[1:], without[1:]) > 1e-2


def flat(named: dict[str, Tensor], names: list[str]) -> Tensor:
    return torch.cat([named[name].flatten() for name in names])


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())
