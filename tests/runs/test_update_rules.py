"""Update rules, clipping and the schedule against torch's and transformers' own, a run at a time."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import get_linear_schedule_with_warmup
from transformers.optimization import Adafactor as LibraryAdafactor

from priming.runs.checkpoints import State
from priming.runs.clipping import clip, norms
from priming.runs.loop import Course
from priming.runs.parameters import StackedParameters
from priming.runs.schedules import Linear
from priming.runs.update_rules import adamw, interface
from priming.runs.update_rules.interface import UpdateRule
from priming.runs.update_rules.interpolation import Interpolation
from priming.runs.update_rules.table import MODULES, update_rule

SHAPES = {"prompt": (3, 4), "plm.model.bias": (5,), "plm.model.weight": (4, 5)}
RATES = {"prompt": torch.tensor([0.1, 0.01, 0.3]), "plm": torch.tensor([1e-3, 2e-3, 0.0])}
Optimizer = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


def owner(name: str) -> str:
    return "prompt" if name == "prompt" else "plm"


def stacked(runs: int) -> StackedParameters:
    random = torch.Generator().manual_seed(1)
    drawn = {name: torch.randn(runs, *shape, generator=random, dtype=torch.float64) for name, shape in SHAPES.items()}
    return StackedParameters(drawn, owner)


def gradients(runs: int, step: int) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(100 + step)
    return {
        name: 3 * torch.randn(runs, *shape, generator=random, dtype=torch.float64) for name, shape in SHAPES.items()
    }


def groups(own: Mapping[str, Tensor], run: int, decay: float) -> list[dict[str, Any]]:
    """The parameters of one run as groups of a torch optimizer; vectors are not decayed."""
    return [
        {
            "params": [value],
            "lr": float(RATES[owner(name)][run]),
            "weight_decay": decay if value.dim() > 1 else 0.0,
        }
        for name, value in own.items()
    ]


def follows(rule: UpdateRule, theirs_of: Optimizer, decay: float) -> None:
    """Ten steps of three runs side by side by `rule` and, one after the other, by torch's optimizer."""
    parameters = stacked(3)
    alone = [
        {name: view[run].detach().clone().requires_grad_() for name, view in parameters.views.items()}
        for run in range(3)
    ]
    theirs = [theirs_of(groups(own, run, decay)) for run, own in enumerate(alone)]
    schedules = [get_linear_schedule_with_warmup(optimizer, 2, 10) for optimizer in theirs]
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
        rule.step(parameters, flat, Linear(10, 0.2).factor(step), torch.ones(3, dtype=torch.bool))
    before = stacked(3)
    for run, own in enumerate(alone):
        for name, value in own.items():
            torch.testing.assert_close(parameters.views[name][run], value, rtol=1e-11, atol=1e-13)
            assert torch.equal(value, before.views[name][run]) is (float(RATES[owner(name)][run]) == 0)


def rates() -> dict[str, Tensor]:
    return {name: rate.double() for name, rate in RATES.items()}


@pytest.mark.parametrize("piece", [3, 30, interface.PIECE])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("fused", [adamw.FUSED, frozenset()])
@pytest.mark.parametrize(("name", "theirs"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_each_run_follows_torch(
    name: str, theirs: Optimizer, fused: frozenset[str], decay: float, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a run moves in several pieces, and by the operations of other devices."""
    monkeypatch.setattr(interface, "PIECE", piece)
    monkeypatch.setattr(adamw, "FUSED", fused)
    follows(update_rule(name)(rates(), weight_decay=decay), theirs, decay)


@pytest.mark.parametrize("piece", [3, 30, 80])
@pytest.mark.parametrize("name", [name for name in MODULES if not update_rule(name).shaped])
def test_pieces_move_to_the_bit_as_the_whole(name: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a run, of one run or of two."""

    def moved() -> StackedParameters:
        parameters, rule = stacked(3), update_rule(name)(rates(), 0.1)
        for step in range(3):
            rule.step(parameters, parameters.gathered(gradients(3, step)), 0.5, torch.tensor([True, True, False]))
        return parameters

    monkeypatch.setattr(adamw, "FUSED", frozenset())
    whole = moved()
    monkeypatch.setattr(interface, "PIECE", piece)
    pieces = moved()
    assert all(torch.equal(pieces.flat[element], whole.flat[element]) for element in whole.flat)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adafactor_follows_that_of_transformers(decay: float) -> None:
    """At a rate that is given, with updates that are clipped, and without."""

    def theirs(own: list[dict[str, Any]]) -> torch.optim.Optimizer:
        return LibraryAdafactor(own, lr=1.0, scale_parameter=False, relative_step=False)

    follows(update_rule("adafactor")(rates(), weight_decay=decay), theirs, decay)


@pytest.mark.parametrize("rule", list(map(update_rule, MODULES)))
def test_a_run_that_is_not_alive_stays(rule: type[UpdateRule]) -> None:
    parameters = stacked(2)
    before = parameters.row(1)
    of_two = {"prompt": torch.tensor([0.1, 0.1]), "plm": torch.tensor([0.1, 0.1])}
    drawn = parameters.gathered(gradients(2, 0))
    rule(of_two, 0.1).step(parameters, drawn, 1.0, torch.tensor([True, False]))
    assert all(torch.equal(parameters.row(1)[name], value) for name, value in before.items())
    assert not torch.equal(parameters.row(0)["prompt"], before["prompt"])


@pytest.mark.parametrize("rule", list(map(update_rule, MODULES)))
def test_a_rule_goes_on_from_its_state(rule: type[UpdateRule]) -> None:
    whole, halves = stacked(3), stacked(3)
    alive = torch.ones(3, dtype=torch.bool)
    through, first, second = rule(rates(), 0.1), rule(rates(), 0.1), rule(rates(), 0.1)
    for step in range(4):
        drawn = whole.gathered(gradients(3, step))
        through.step(whole, {name: value.clone() for name, value in drawn.items()}, 1.0, alive)
        if step == 2:
            state = first.state()
            second.load_state(State({name: tensor.clone() for name, tensor in state.tensors.items()}, state.rest))
        (first if step < 2 else second).step(halves, drawn, 1.0, alive)
    assert all(torch.equal(whole.flat[element], halves.flat[element]) for element in whole.flat)


def test_blocks_are_views_of_the_parameters_with_their_gradients() -> None:
    parameters, drawn = stacked(2), gradients(2, 0)
    flat = parameters.gathered(drawn)
    shaped = {block.name: block for block in parameters.blocks(flat, shaped=True)}
    assert set(shaped) == set(SHAPES)
    for name, shape in SHAPES.items():
        block = shaped[name]
        assert block.values.shape == (2, *shape)
        assert torch.equal(block.gradient, drawn[name])
        assert (block.element, block.decayed) == (owner(name), math.prod(shape) if len(shape) > 1 else 0)
        block.values.fill_(7.0)
        assert torch.equal(parameters.views[name], torch.full((2, *shape), 7.0, dtype=torch.float64))
    whole = {block.name: block for block in parameters.blocks(flat)}
    assert {name: tuple(block.values.shape) for name, block in whole.items()} == {"prompt": (2, 12), "plm": (2, 25)}
    assert all(block.values is parameters.flat[name] for name, block in whole.items())


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
    assert Course(10, 0.2, None).factor(step, torch.device("cpu")) == pytest.approx(factor)
