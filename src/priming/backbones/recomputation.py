"""Layers that are computed again in the backward pass, to hold less in between (Chen et al., 2016).

Of each layer only its inputs are held. The second computation happens outside everything that the first one ran in, all
of which is input of a layer's pass (`layer_passes`), so that gradients are those of the first computation.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from priming.backbones.layer_passes import LayerPasses, Passed, side_by_side
from priming.backbones.text_model import TextModel


def recompute_layers(model: TextModel) -> None:
    """Let the layers of the model's PLM be computed again in backward passes; call it when elements are attached."""
    for layer in model.backbone.layers(model.plm):
        layer.forward = _recomputed(model, layer)


def _recomputed(model: TextModel, layer: nn.Module) -> Callable[..., Any]:
    passes = LayerPasses(model, layer)

    def forward(*args: Any, **kwargs: Any) -> Any:
        """What the layer gives."""
        if not torch.is_grad_enabled() or not passes.reproducible:
            return passes.plain(*args, **kwargs)  # nothing is held; or masks that nobody can draw again
        call, tensors = passes.call(args, kwargs)
        return call.whole(_again(call, *tensors), tensors)

    return forward


class _Again(torch.autograd.Function):
    """A function of tensors that holds them alone, and is computed a second time for its gradient."""

    @staticmethod
    def forward(passed: Passed, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the function gives."""
        return passed(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Hold the inputs."""
        ctx.passed = inputs[0]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients in the inputs, of the second computation; RuntimeError where they are to be differentiated."""
        if torch.is_grad_enabled():
            # torch's `once_differentiable` says nothing where only some gradients are asked for.
            raise RuntimeError("layers that are computed again have no second derivative")
        needed = ctx.needs_input_grad[1:]
        inputs = [tensor.detach().requires_grad_(need) for tensor, need in zip(ctx.saved_tensors, needed, strict=True)]
        with torch.enable_grad():
            outputs = ctx.passed(*inputs)
        pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None and o.requires_grad]
        wanted = [tensor for tensor in inputs if tensor.requires_grad]
        found = iter(torch.autograd.grad(*([o for o, _ in pairs], wanted, [g for _, g in pairs]), allow_unused=True))
        return None, *(next(found) if need else None for need in needed)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], passed: Passed, *inputs: Tensor) -> tuple[Any, Any]:
        """Side by side: what is held and computed again is that of all runs together."""
        found = _again(partial(side_by_side, passed, in_dims[1:]), *inputs)
        return found, (0,) * len(found)


def _again(passed: Passed, *inputs: Tensor) -> tuple[Tensor, ...]:
    found: tuple[Tensor, ...] = _Again.apply(passed, *inputs)  # type: ignore[no-untyped-call]
    return found
