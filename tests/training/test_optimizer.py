"""AdamW, clipping and the schedule against torch's and transformers' own, a run at a time."""

import pytest
import torch
from transformers import get_linear_schedule_with_warmup

from priming.training.optimizer import AdamW, Interpolation, clip, linear_schedule, norms
from priming.training.parameters import StackedParameters

SHAPES = {"prompt": (3, 4), "plm.model.bias": (5,), "plm.model.weight": (4, 5)}


def stacked(runs: int) -> StackedParameters:
    random = torch.Generator().manual_seed(1)
    return StackedParameters({name: torch.randn(runs, *shape, generator=random, dtype=torch.float64) for name, shape in SHAPES.items()})


def gradients(runs: int, step: int) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(100 + step)
    return {name: 3 * torch.randn(runs, *shape, generator=random, dtype=torch.float64) for name, shape in SHAPES.items()}


def test_each_run_follows_torch() -> None:
    parameters = stacked(3)
    rates = {"prompt": torch.tensor([0.1, 0.01, 0.3]), "plm": torch.tensor([1e-3, 2e-3, 0.0])}
    alone = [{name: view[run].detach().clone().requires_grad_() for name, view in parameters.views.items()} for run in range(3)]
    theirs = [
        torch.optim.AdamW(
            [
                {"params": [own["prompt"]], "lr": float(rates["prompt"][run]), "weight_decay": 0.1},
                {"params": [own["plm.model.weight"]], "lr": float(rates["plm"][run]), "weight_decay": 0.1},
                {"params": [own["plm.model.bias"]], "lr": float(rates["plm"][run]), "weight_decay": 0.0},
            ]
        )
        for run, own in enumerate(alone)
    ]
    schedules = [get_linear_schedule_with_warmup(optimizer, 2, 10) for optimizer in theirs]
    ours = AdamW({name: rate.double() for name, rate in rates.items()}, weight_decay=0.1)
    for step in range(10):
        drawn = gradients(3, step)
        for run, own in enumerate(alone):
            for name, value in own.items():
                value.grad = drawn[name][run].clone()
            torch.nn.utils.clip_grad_norm_(own.values(), 1.0)
            theirs[run].step()
            schedules[run].step()
        flat = parameters.gathered(drawn)
        clip(flat, 1.0, norms(flat))
        ours.step(parameters, flat, linear_schedule(step, 10, 0.2), torch.ones(3, dtype=torch.bool))
    for run, own in enumerate(alone):
        for name, value in own.items():
            torch.testing.assert_close(parameters.views[name][run], value, rtol=1e-12, atol=1e-14)


def test_a_run_that_is_not_alive_stays() -> None:
    parameters = stacked(2)
    before = parameters.row(1)
    AdamW({"prompt": torch.tensor([0.1, 0.1]), "plm": torch.tensor([0.1, 0.1])}).step(
        parameters, parameters.gathered(gradients(2, 0)), 1.0, torch.tensor([True, False])
    )
    assert all(torch.equal(parameters.row(1)[name], value) for name, value in before.items())
    assert not torch.equal(parameters.row(0)["prompt"], before["prompt"])


def test_interpolation_moves_a_share_of_the_way() -> None:
    parameters = stacked(1)
    goal = {name: torch.zeros_like(view) for name, view in parameters.views.items()}
    before = parameters.row(0)
    way = parameters.gathered({name: (parameters.views[name] - goal[name]).detach() for name in goal})
    Interpolation(0.25).step(parameters, way, 0.5, torch.tensor([True]))
    for name, value in before.items():
        torch.testing.assert_close(parameters.row(0)[name], value * (1 - 0.125))


@pytest.mark.parametrize(("step", "factor"), [(0, 0.0), (1, 0.5), (2, 1.0), (6, 0.5), (9, 0.125)])
def test_schedule_by_hand(step: int, factor: float) -> None:
    assert linear_schedule(step, 10, 0.2) == pytest.approx(factor)
