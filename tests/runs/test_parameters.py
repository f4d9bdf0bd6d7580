"""Gradients of stacked parameters, gathered or put in their places one by one, and what shares memory."""

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn

from priming.runs import parameters as module
from priming.runs.parameters import Gradients, StackedParameters, only_row

SHAPES = {"plm.a": (4, 3), "plm.b": (3,), "adapter.c": (3, 5), "adapter.unused": (2,)}
RUNS = [1, 3]


def stacked(runs: int) -> StackedParameters:
    random = torch.Generator().manual_seed(0)
    drawn = {n: torch.randn(runs, *shape, generator=random, dtype=torch.float64) for n, shape in SHAPES.items()}
    return StackedParameters(drawn, lambda name: name.split(".")[0])


def losses_of(parameters: StackedParameters, factor: float = 1.0) -> Tensor:
    """A loss [R] in which each parameter but one has a part, one of them two."""
    own = {n: only_row(v)[None] if parameters.runs == 1 else v for n, v in parameters.views.items()}
    inner = torch.tanh(torch.einsum("rij,rj->ri", own["plm.a"], own["plm.b"]) * factor)
    return inner.square().sum(dim=1) + (own["adapter.c"].mean(dim=(1, 2)) * own["plm.b"].sum(dim=1)).exp()


def by_torch(parameters: StackedParameters, factor: float) -> Gradients:
    """By an ordinary call of autograd."""
    grads = torch.autograd.grad(losses_of(parameters, factor).sum(), list(parameters.views.values()), allow_unused=True)
    named = zip(parameters.views.items(), grads, strict=True)
    return parameters.gathered({n: torch.zeros_like(v) if g is None else g for (n, v), g in named})


@pytest.fixture(params=[0, 10**9], ids=["one by one", "gathered"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MANY", request.param)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("runs", RUNS)
def test_gradients_are_torchs_to_the_bit(runs: int) -> None:
    parameters = stacked(runs)
    found = parameters.gradients(losses_of(parameters))
    for element, gradient in by_torch(parameters, 1.0).items():
        assert torch.equal(found[element], gradient)
    assert all(view.grad is None for view in parameters.views.values())


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("runs", RUNS)
def test_parts_are_added_in_place(runs: int) -> None:
    """To the bit what two products and a sum are."""
    parameters = stacked(runs)
    first = parameters.gradients(losses_of(parameters), 0.3)
    memory = {element: gradient.data_ptr() for element, gradient in first.items()}
    second = parameters.gradients(losses_of(parameters, 2.0), 0.7, first)
    one, other = by_torch(parameters, 1.0), by_torch(parameters, 2.0)
    for element, gradient in second.items():
        assert gradient.data_ptr() == memory[element]
        assert torch.equal(gradient, one[element] * 0.3 + other[element] * 0.7)


def test_a_gradient_is_let_go_before_the_next_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten parameters, used in turn, there are never the gradients of more than two beside the buffer."""
    monkeypatch.setattr(module, "MANY", 0)
    parameters = StackedParameters({f"plm.{n}": torch.randn(1, 8, 8) for n in range(10)}, lambda _: "plm")
    alive: list[weakref.ref[Tensor]] = []
    most = 0

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, states: Tensor, weight: Tensor) -> Tensor:
            return states @ weight

        @staticmethod
        def backward(ctx: object, gradient: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            nonlocal most
            made = torch.ones(8, 8)
            alive.append(weakref.ref(made))
            gc.collect()
            most = max(most, sum(1 for one in alive if one() is not None))
            return gradient, made

    rows = [only_row(view) for view in parameters.views.values()]
    states = torch.randn(2, 8, requires_grad=True)
    for row in rows:
        states = Layer.apply(states, row)  # type: ignore[no-untyped-call]
    found = parameters.gradients(states.sum()[None])["plm"]
    assert torch.equal(found, torch.ones(1, 640))
    assert len(alive) == 10
    assert most <= 2


def test_a_lent_module_has_no_values_of_its_own() -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    parameters = StackedParameters.repeated(layer.named_parameters(), 1, lambda _: "plm")
    parameters.lend(layer)
    flat = parameters.flat["plm"]
    assert {p.untyped_storage().data_ptr() for p in layer.parameters()} == {flat.untyped_storage().data_ptr()}
    assert torch.equal(layer.weight, before)
    flat.fill_(5.0)
    assert torch.equal(layer.weight, torch.full((2, 3), 5.0))
    assert parameters.shared_row(0)["bias"].tolist() == [5.0, 5.0]
