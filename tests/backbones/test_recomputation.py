"""Activations that are computed again in the backward pass: the same gradients, with the same dropout masks."""

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from priming.backbones.text_model import TextModel
from priming.forms.loss import run_losses
from priming.runs.dropout import CoordinateDropout
from tests.backbones.families import FAMILIES, LAYERS, Built, batch_of, form_of, losses_of, parameters_of

FLOAT32_NORMS = {"llama", "qwen2"}
KEY = torch.tensor(3, dtype=torch.int32)
each_family = pytest.mark.parametrize("family", FAMILIES)


@each_family
@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("elements", [(), ("adapter", "prompt", "prefix"), ("lora",), ("ia3",)], ids="+".join)
def test_gradients_are_those_of_held_activations(
    built: Built, family: str, runs: int, elements: tuple[str, ...]
) -> None:
    """Those of the whole PLM and of what is attached to it, with dropout."""
    found = []
    for checkpointing in (False, True):
        model = built(family, *elements, checkpointing=checkpointing)
        parameters = parameters_of(model, runs)
        losses = losses_of(model, parameters)
        found.append((losses.detach(), parameters.gradients(losses)))
    (losses, gradients), (again, of_again) = found
    assert torch.equal(losses, again)
    assert gradients.keys() == of_again.keys()
    for element, gradient in gradients.items():
        assert gradient.abs().max() > 0, element
        torch.testing.assert_close(of_again[element], gradient, rtol=1e-6, atol=1e-6 * gradient.abs().max().item())


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in FLOAT32_NORMS])
@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.usefixtures("float64_throughout")
def test_gradients_are_those_of_finite_differences(built: Built, family: str, runs: int) -> None:
    """The masks are fixed by the key, so the loss is a function; its slope in a direction is the gradient's."""
    model = built(family, "adapter", checkpointing=True).double()
    parameters = parameters_of(model, runs)
    gradients = parameters.gradients(losses_of(model, parameters))
    random = torch.Generator().manual_seed(4)
    for element, flat in parameters.flat.items():
        direction = torch.randn(flat.shape, generator=random, dtype=flat.dtype)
        size, middle, at = 1e-6 / direction.norm(), flat.clone(), []
        for sign in (1, -1):
            flat.copy_(middle + sign * size * direction)
            at.append(losses_of(model, parameters).sum().item())
        flat.copy_(middle)
        slope = (at[0] - at[1]) / (2 * size.item())
        assert slope == pytest.approx((gradients[element] * direction).sum().item(), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("family", ["bart", "t5", "bert"])
@pytest.mark.filterwarnings("ignore:`past_key_value` is deprecated:FutureWarning")  # of the plain pass of T5
def test_torchs_checkpointing_would_draw_other_masks(built: Built, family: str) -> None:
    """What this is for: the masks of a second computation depend on where it begins to count. Losses are equal."""

    def found(model: TextModel) -> tuple[Tensor, Tensor]:
        model.requires_grad_(True)
        form, batch = form_of(model), batch_of(model, 1)
        inputs = [value[0] for value in form.inputs(model, batch)]
        with CoordinateDropout(KEY):
            loss = form.of(form.logits(model, {}, *inputs), *inputs)
        loss.backward()
        return loss.detach(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    loss, gradient = found(built(family, checkpointing=False))
    ours, of_ours = found(built(family, checkpointing=True))
    theirs = built(family, checkpointing=False)
    for layer in theirs.backbone.layers(theirs.plm):
        anew = partial(checkpoint, layer.forward, use_reentrant=False, context_fn=contexts)
        layer.forward = anew  # type: ignore[method-assign]
    naive, of_naive = found(theirs)
    assert loss == ours == naive
    torch.testing.assert_close(of_ours, gradient, rtol=1e-6, atol=1e-6 * gradient.abs().max().item())
    assert (of_naive - gradient).norm() > 0.1 * gradient.norm()


def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Those of the first and the second computation, the second with the same key."""
    return nullcontext(), CoordinateDropout(KEY)


def held(model: TextModel, runs: int) -> int:
    """Bytes of the tensors that a loss holds for its backward pass, without parameters."""
    parameters, found = parameters_of(model, runs), dict[int, int]()
    own = {t.untyped_storage().data_ptr() for t in (*parameters.flat.values(), *model.parameters())}

    def note(value: Any) -> None:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()

    if runs == 1:
        with torch.autograd.graph.saved_tensors_hooks(lambda value: (note(value), value)[1], lambda value: value):
            losses = losses_of(model, parameters)
    else:  # vmap has no such hooks: what the nodes of the graph hold
        losses = losses_of(model, parameters)
        for node in nodes(losses.grad_fn):
            saved = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
            for value in (*saved, *getattr(node, "saved_tensors", ())):
                for tensor in value if isinstance(value, tuple | list) else (value,):
                    if isinstance(tensor, Tensor):
                        note(tensor)
    return sum(found.values()) if losses.requires_grad else 0


def nodes(last: Any) -> set[Any]:
    """All nodes of a graph."""
    found, left = set(), [last]
    while left:
        if (node := left.pop()) not in found:
            found.add(node)
            left += [before for before, _ in node.next_functions if before is not None]
    return found


@each_family
@pytest.mark.parametrize("runs", [1, 3])
def test_activations_of_layers_are_not_held(built: Built, family: str, runs: int) -> None:
    """With two layers a stack, and an output layer that holds its own: less than half."""
    whole, again = (held(built(family, checkpointing=on), runs) for on in (False, True))
    assert 0 < again < whole / 2


@each_family
def test_each_layer_is_one(built: Built, family: str) -> None:
    model = built(family, checkpointing=True)
    stacks = model.backbone.stacks
    assert len(model.backbone.layers(model.plm)) == stacks * LAYERS
    assert all("forward" in vars(layer) for layer in model.backbone.layers(model.plm))
    assert not any("forward" in vars(layer) for layer in model.backbone.layers(built(family, checkpointing=False).plm))


def test_masks_that_nobody_can_draw_again_are_held(built: Built) -> None:
    """Without a context of dropout, torch draws them; the gradient is that of the masks that were drawn."""
    found = []
    for checkpointing in (False, True):
        model = built("bart", checkpointing=checkpointing)
        parameters = parameters_of(model, 1)
        torch.manual_seed(0)
        losses = run_losses(model, parameters.views, batch_of(model, 1))
        found.append((losses.detach(), parameters.gradients(losses)["plm"]))
    (losses, gradient), (again, of_again) = found
    assert torch.equal(losses, again)
    assert torch.equal(gradient, of_again)


def test_a_second_derivative_is_refused(built: Built) -> None:
    model = built("bart", checkpointing=True)
    parameters = parameters_of(model, 1)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(losses_of(model, parameters).sum(), list(parameters.views.values()), create_graph=True)


@pytest.mark.parametrize("family", ["bart", "t5", "bert"])
def test_passes_in_bfloat16_are_computed_again_in_it(built: Built, family: str) -> None:
    found = []
    for checkpointing in (False, True):
        model = built(family, "adapter", checkpointing=checkpointing)
        model.precision = "bfloat16"
        parameters = parameters_of(model, 2)
        losses = losses_of(model, parameters)
        found.append((losses.detach(), parameters.gradients(losses)["plm"]))
    (losses, gradient), (again, of_again) = found
    assert torch.equal(losses, again)
    torch.testing.assert_close(of_again, gradient, rtol=1e-6, atol=1e-6 * gradient.abs().max().item())
