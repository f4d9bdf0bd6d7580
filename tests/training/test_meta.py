"""Outer gradients against hand-made references: finite differences, plain loops over tasks, and plain autograd."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from priming.algorithms.full_step_reptile import full_way_back
from priming.algorithms.inner_loops import Episode, InnerLoop, InnerLoops
from priming.algorithms.maml import query_gradient
from priming.algorithms.reptile import way_back
from priming.backbones.encoding import Batch, collate, shift_right
from priming.backbones.text_model import TextModel
from priming.forms.batches import disjoint_batches
from priming.runs.parameters import StackedParameters
from priming.runs.update_rules.interpolation import Interpolation
from tests.tiny_bart import examples

Builder = Callable[..., TextModel]
Named = dict[str, Tensor]
TASKS, RATE, STEPS = 3, 0.3, 2
DATA = [examples(20, seed) for seed in range(TASKS)]


def fixed_episode(steps: int) -> Episode:
    """The same episode at every step: a support batch an inner step and a query batch, four examples a task."""
    picks = [disjoint_batches(data, key, [4] * (steps + 1)) for key, data in enumerate(DATA)]
    query, *support = (collate(list(batch), 1) for batch in zip(*picks, strict=True))
    return Episode(support, query, list(range(TASKS)))


def start(model: TextModel, elements: tuple[str, ...]) -> StackedParameters:
    return StackedParameters.repeated(model.owned_by(elements), 1, model.owner)


def plain_loss(model: TextModel, values: Named, batch: Batch, task: int) -> Tensor:
    """The loss of one task by an ordinary forward pass of the module itself, without vmap and without stacking."""
    ids, mask, labels = batch.input_ids[task], batch.mask[task], batch.labels[task]
    logits = torch.func.functional_call(model, values, (ids, mask, shift_right(labels, 2, 1)))
    return cross_entropy(logits.flatten(0, 1), labels.flatten())


def by_hand(
    model: TextModel, values: Named, inner: tuple[str, ...], episode: Episode, task: int, second_order: bool
) -> tuple[Named, Tensor]:
    """Inner SGD of one task, one step after the other, and its query loss."""
    for batch in episode.support:
        moving = {n: v for n, v in values.items() if model.owner(n) in inner}
        gradients = torch.autograd.grad(
            plain_loss(model, values, batch, task), list(moving.values()), create_graph=second_order
        )
        values = values | {
            n: v - RATE * (g if second_order else g.detach())
            for (n, v), g in zip(moving.items(), gradients, strict=True)
        }
    return values, plain_loss(model, values, episode.query, task)


def leaves(model: TextModel, elements: tuple[str, ...]) -> Named:
    return {n: p.detach().clone().requires_grad_() for n, p in model.owned_by(elements)}


CASES = [
    (("adapter",), ("adapter",)),
    (("plm", "adapter"), ("adapter",)),
    (("plm",), ("adapter",)),
    (("plm", "prompt"), ("prompt",)),
    (("plm", "prefix"), ("plm", "prefix")),
]


@pytest.mark.parametrize(("outer", "inner"), CASES)
@pytest.mark.parametrize("second_order", [False, True])
def test_maml_equals_a_loop_over_tasks(
    build: Builder, outer: tuple[str, ...], inner: tuple[str, ...], second_order: bool
) -> None:
    every = ("plm", *dict.fromkeys(e for e in (*outer, *inner) if e != "plm"))
    model = build(every, torch.float64)
    episode, parameters = fixed_episode(STEPS), start(model, outer)
    loss, ours = partial(
        query_gradient,
        InnerLoops(model, InnerLoop(inner, dict.fromkeys(inner, RATE), second_order), lambda step: episode),
    )(parameters, 0)

    values = leaves(model, tuple({*outer, *inner}))
    losses = torch.stack([by_hand(model, values, inner, episode, task, second_order)[1] for task in range(TASKS)])
    tuned = {n: v for n, v in values.items() if model.owner(n) in outer}
    gradients = torch.autograd.grad(losses.mean(), list(tuned.values()), allow_unused=True)
    theirs = parameters.gathered(
        {n: (torch.zeros_like(v) if g is None else g)[None] for (n, v), g in zip(tuned.items(), gradients, strict=True)}
    )
    assert loss.item() == pytest.approx(losses.mean().item(), rel=1e-12)
    for element in outer:
        torch.testing.assert_close(ours[element], theirs[element], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("outer", "inner"), CASES)
def test_second_order_maml_equals_finite_differences(
    build: Builder, outer: tuple[str, ...], inner: tuple[str, ...]
) -> None:
    every = ("plm", *dict.fromkeys(e for e in (*outer, *inner) if e != "plm"))
    model = build(every, torch.float64)
    episode, parameters = fixed_episode(STEPS), start(model, outer)
    maml = partial(
        query_gradient,
        InnerLoops(model, InnerLoop(inner, dict.fromkeys(inner, RATE), second_order=True), lambda step: episode),
    )
    _, gradients = maml(parameters, 0)
    random = torch.Generator().manual_seed(3)
    for element in outer:
        direction = torch.randn(parameters.flat[element].shape, generator=random, dtype=torch.float64)
        size = 1e-5 / direction.norm()
        middle = parameters.flat[element].clone()
        at = []
        for sign in (1, -1):
            parameters.flat[element].copy_(middle + sign * size * direction)
            at.append(maml(parameters, 0)[0].item())
        parameters.flat[element].copy_(middle)
        slope = (at[0] - at[1]) / (2 * size.item())
        assert slope == pytest.approx((gradients[element] * direction).sum().item(), rel=1e-5, abs=1e-8)


def test_first_and_second_order_differ(build: Builder) -> None:
    """Guards the tests above: at this rate the curvature matters."""
    model = build(("plm", "adapter"), torch.float64)
    episode, parameters = fixed_episode(STEPS), start(model, ("adapter",))
    first, second = (
        partial(
            query_gradient, InnerLoops(model, InnerLoop(("adapter",), {"adapter": RATE}, order), lambda step: episode)
        )(parameters, 0)[1]
        for order in (False, True)
    )
    assert (first["adapter"] - second["adapter"]).norm() > 0.01 * second["adapter"].norm()


def test_without_inner_steps_maml_is_multi_task_learning(build: Builder) -> None:
    """The query loss of equally many target tokens a task is the plain loss of all queries in one batch."""
    model = build(("plm", "adapter"), torch.float64)
    episode, parameters = fixed_episode(0), start(model, ("plm", "adapter"))
    assert not episode.support
    _, ours = partial(
        query_gradient, InnerLoops(model, InnerLoop(("adapter",), {"adapter": RATE}), lambda step: episode)
    )(parameters, 0)
    values = leaves(model, ("plm", "adapter"))
    query = episode.query
    pooled = Batch(*(t.reshape(1, -1, t.shape[-1]) for t in (query.input_ids, query.mask, query.labels)))
    gradients = torch.autograd.grad(plain_loss(model, values, pooled, 0), list(values.values()), allow_unused=True)
    theirs = parameters.gathered(
        {
            n: (torch.zeros_like(v) if g is None else g)[None]
            for (n, v), g in zip(values.items(), gradients, strict=True)
        }
    )
    for element, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[element], rtol=1e-9, atol=1e-12)


def test_normalised_inner_steps_have_length_rate(build: Builder) -> None:
    model = build(("plm", "adapter"), torch.float64)
    parameters = start(model, ("adapter",))
    loops = InnerLoops(
        model, InnerLoop(("adapter",), {"adapter": RATE}, normalised=True), lambda step: fixed_episode(1)
    )
    outer = {name: view[0].detach() for name, view in parameters.views.items()}
    moved, _, _ = loops.adapt(outer, fixed_episode(1), 0)
    way = torch.cat([(moved[n] - outer[n]).flatten(1) for n in moved], dim=1)
    torch.testing.assert_close(way.norm(dim=1), torch.full((TASKS,), RATE, dtype=torch.float64), rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [(("adapter",), ("adapter",)), (("plm", "adapter"), ("plm", "adapter")), (("prompt",), ("prompt",))],
)
def test_standard_reptile_moves_towards_the_mean(
    build: Builder, outer: tuple[str, ...], inner: tuple[str, ...]
) -> None:
    """Nichol et al., 2018, algorithm 2: theta + size * mean(theta_k - theta)."""
    model = build(("plm", *(e for e in outer if e != "plm")), torch.float64)
    episode, parameters = fixed_episode(STEPS), start(model, outer)
    reptile = partial(way_back, InnerLoops(model, InnerLoop(inner, dict.fromkeys(inner, RATE)), lambda step: episode))
    before = parameters.row(0)
    _, gradients = reptile(parameters, 0)
    Interpolation(0.5).step(parameters, gradients, 1.0, torch.tensor([True]))
    ends = [by_hand(model, leaves(model, outer), inner, episode, task, False)[0] for task in range(TASKS)]
    for name, value in parameters.row(0).items():
        mean = torch.stack([end[name].detach() for end in ends]).mean(dim=0)
        torch.testing.assert_close(value, before[name] + 0.5 * (mean - before[name]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("outer", "inner"), [(("plm", "prompt"), ("prompt",)), (("adapter",), ("adapter",)), (("plm",), ("prompt",))]
)
def test_full_step_reptile_by_hand(build: Builder, outer: tuple[str, ...], inner: tuple[str, ...]) -> None:
    """Inner steps of inner elements, one step of all outer ones on the query set; theta - mean(theta of the tasks)."""
    every = ("plm", *dict.fromkeys(e for e in (*outer, *inner) if e != "plm"))
    model = build(every, torch.float64)
    episode, parameters = fixed_episode(STEPS), start(model, outer)
    rates = dict.fromkeys((*outer, *inner), RATE)
    _, ours = partial(full_way_back, InnerLoops(model, InnerLoop(inner, rates), lambda step: episode))(parameters, 0)
    ends: list[Named] = []
    for task in range(TASKS):
        values, query = by_hand(model, leaves(model, tuple({*outer, *inner})), inner, episode, task, False)
        tuned = {n: v for n, v in values.items() if model.owner(n) in outer}
        gradients = torch.autograd.grad(query, list(tuned.values()), allow_unused=True)
        ends.append({n: v if g is None else v - RATE * g for (n, v), g in zip(tuned.items(), gradients, strict=True)})
    way = {
        n: (view[0].detach() - torch.stack([end[n].detach() for end in ends]).mean(dim=0))[None]
        for n, view in parameters.views.items()
    }
    for element, gradient in parameters.gathered(way).items():
        torch.testing.assert_close(ours[element], gradient, rtol=1e-9, atol=1e-12)


def test_what_is_not_outer_stays_to_the_bit(build: Builder) -> None:
    model = build(("plm", "adapter", "prompt"), torch.float32)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    parameters = start(model, ("adapter",))
    partial(
        query_gradient, InnerLoops(model, InnerLoop(("prompt",), {"prompt": RATE}), lambda step: fixed_episode(STEPS))
    )(parameters, 0)
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
    assert set(parameters.flat) == {"adapter"}
