"""Layers that are computed again in the backward pass, to hold less in between (Chen et al., 2016).

Of each layer only its inputs are held. The second computation happens outside everything that the first one ran in:
replaced parameters, autocast, the context of `adapters`, and the one that dropout masks depend on. Here all of that is
input or is entered again, so that gradients are those of the first computation.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from adapters.context import ForwardContext
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from priming.backbones.text_model import TextModel
from priming.runs.dropout import CoordinateDropout

Passed = Callable[..., tuple[Tensor, ...]]
"""From tensors to tensors, and depending on nothing else."""


def recompute_layers(model: TextModel) -> None:
    """Let the layers of the model's PLM be computed again in backward passes; call it when elements are attached."""
    for layer in model.backbone.layers(model.plm):
        layer.forward = _Layer(model, layer).forward


class _Layer:
    """A layer of a model, and the parameters that it may use."""

    def __init__(self, model: TextModel, layer: nn.Module) -> None:
        self.model, self.layer, self.plain = model, layer, layer.forward
        self.within = _Within(model, self.plain)
        own = {id(parameter) for parameter in layer.parameters()}
        of_layers = {id(p) for other in model.backbone.layers(model.plm) for p in other.parameters()} - own
        self.places = [
            (f"model.{prefix}.{name}" if prefix else f"model.{name}", module, name)
            for prefix, module in model.named_modules()
            for name, parameter in module._parameters.items()
            if parameter is not None and id(parameter) not in of_layers
        ]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer gives."""
        dropout = CoordinateDropout.current()
        if not torch.is_grad_enabled() or (dropout is None and self.layer.training):
            return self.plain(*args, **kwargs)  # nothing is held; or masks that nobody can draw again
        context = ForwardContext.get_context()
        values = {name: value for name, module, leaf in self.places if (value := module._parameters[leaf]) is not None}
        key = None if dropout is None else dropout.key
        given, spec = tree_flatten((args, kwargs, vars(context) if context else None, values, key))
        tensors = [value for value in given if isinstance(value, Tensor)]
        call = _Call(self, given, spec, 0 if dropout is None else dropout.first_row, dropout.calls if dropout else 0)
        found = _again(call, *tensors)
        if dropout is not None:
            dropout.calls = call.calls_after
        return call.whole(found, tensors)


class _Within(nn.Module):
    """A layer's pass as that of a module that has all parameters of the model, so that they can be replaced."""

    def __init__(self, model: TextModel, plain: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.plain = model, plain

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer gives."""
        return self.plain(*args, **kwargs)


@dataclass
class _Call:
    """One pass of a layer as a function of tensors: of all tensors among what it was `given`, in their order."""

    layer: _Layer
    given: list[Any]
    spec: TreeSpec
    first_row: int
    calls: int
    calls_after: int = 0
    outputs: list[Any] = field(default_factory=list)
    """What it gives, without the tensors: at their place the number of an input, where it is one, or None."""
    out_spec: TreeSpec | None = None

    def __post_init__(self) -> None:
        self.given = [None if isinstance(value, Tensor) else (value,) for value in self.given]

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The tensors that the layer gives, those left out that are inputs."""
        left = iter(tensors)
        whole = [next(left) if value is None else value[0] for value in self.given]
        args, kwargs, context, values, key = tree_unflatten(whole, self.spec)
        with self.layer.model.passing(tensors[0].device), _context(context):
            if key is None:
                found = functional_call(self.layer.within, values, args, kwargs, tie_weights=False)
            else:
                with CoordinateDropout(key, self.first_row, self.calls) as dropout:
                    found = functional_call(self.layer.within, values, args, kwargs, tie_weights=False)
                self.calls_after = dropout.calls
        flat, self.out_spec = tree_flatten(found)
        numbers = {id(tensor): number for number, tensor in enumerate(tensors)}
        self.outputs = [numbers.get(id(v)) if isinstance(v, Tensor) else (v,) for v in flat]
        return tuple(v for v, place in zip(flat, self.outputs, strict=True) if place is None)

    def whole(self, found: Sequence[Tensor], inputs: Sequence[Tensor]) -> Any:
        """What the layer gives, from what this gave for these inputs."""
        assert self.out_spec is not None
        left = iter(found)
        flat = [next(left) if p is None else p[0] if isinstance(p, tuple) else inputs[p] for p in self.outputs]
        return tree_unflatten(flat, self.out_spec)


@contextmanager
def _context(attributes: dict[str, Any] | None) -> Iterator[None]:
    """In its body the context of `adapters` has these attributes; it is left as it is where there was none."""
    contexts = ForwardContext.get_contexts() if attributes is not None else []
    contexts.append(SimpleNamespace(**(attributes or {})))
    try:
        yield
    finally:
        contexts.pop()


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
        found = _again(partial(_side_by_side, passed, in_dims[1:]), *inputs)
        return found, (0,) * len(found)


def _again(passed: Passed, *inputs: Tensor) -> tuple[Tensor, ...]:
    found: tuple[Tensor, ...] = _Again.apply(passed, *inputs)  # type: ignore[no-untyped-call]
    return found


def _side_by_side(passed: Passed, in_dims: Sequence[int | None], *inputs: Tensor) -> tuple[Tensor, ...]:
    found: tuple[Tensor, ...] = vmap(passed, in_dims=tuple(in_dims))(*inputs)
    return found
