"""A layer's pass as a function of tensors, which depends on nothing else.

A layer runs inside much that is not among its arguments: replaced parameters, autocast, the context of `adapters`, and
the one that dropout masks depend on. Here all of that is input or is entered again, so that a pass can be computed
again later, or be compiled.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

from adapters.context import ForwardContext
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from priming.backbones.text_model import TextModel
from priming.runs.dropout import CoordinateDropout

Passed = Callable[..., tuple[Tensor, ...]]
"""From tensors to tensors, and depending on nothing else."""


class LayerPasses:
    """A layer of a model, and the parameters that it may use."""

    def __init__(self, model: TextModel, layer: nn.Module, buffers: bool = False) -> None:
        """With `buffers` these are inputs of a pass too, and else are part of it."""
        self.model, self.layer, self.plain = model, layer, layer.forward
        self.within = _Within(model, self.plain)
        kinds = ("_parameters", "_buffers") if buffers else ("_parameters",)
        own = {id(tensor) for tensor in _tensors(layer)}
        elsewhere = {id(t) for other in model.backbone.layers(model.plm) for t in _tensors(other)} - own
        self.places = [
            (f"model.{prefix}.{name}" if prefix else f"model.{name}", held, name)
            for prefix, module in model.named_modules()
            for held in (getattr(module, kind) for kind in kinds)
            for name, tensor in held.items()
            if tensor is not None and id(tensor) not in elsewhere
        ]

    @property
    def reproducible(self) -> bool:
        """Whether a pass now drops nothing, or by masks that can be drawn again."""
        return CoordinateDropout.current() is not None or not self.layer.training

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple["Call", list[Tensor]]:
        """A pass with these arguments, as things are now, and the tensors that it is a function of."""
        dropout, context = CoordinateDropout.current(), ForwardContext.get_context()
        values = {name: held[leaf] for name, held, leaf in self.places}
        key = None if dropout is None else dropout.key_from_here
        given, spec = tree_flatten((args, kwargs, vars(context) if context else None, values, key))
        tensors = [value for value in given if isinstance(value, Tensor)]
        others = tuple(None if isinstance(value, Tensor) else (value,) for value in given)
        return Call(self, others, spec, 0 if dropout is None else dropout.first_row), tensors


class _Within(nn.Module):
    """A layer's pass as that of a module that has all parameters of the model, so that they can be replaced."""

    def __init__(self, model: TextModel, plain: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.plain = model, plain

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer gives."""
        return self.plain(*args, **kwargs)


class Output(NamedTuple):
    """What a pass gives besides tensors."""

    flat: tuple[Any, ...]
    """Values; at the place of a tensor the number of an input, where it is one, or None."""
    spec: TreeSpec
    dropouts: int
    """Calls of dropout in it."""


@dataclass
class Call:
    """One pass of a layer as a function of tensors: of all tensors among what it was `given`, in their order."""

    layer: LayerPasses
    given: tuple[tuple[Any] | None, ...]
    spec: TreeSpec
    first_row: int
    output: Output | None = None

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The tensors that the layer gives, those left out that are inputs."""
        left = iter(tensors)
        whole = [next(left) if value is None else value[0] for value in self.given]
        args, kwargs, context, values, key = tree_unflatten(whole, self.spec)
        dropouts = 0
        with self.layer.model.passing(tensors[0].device), _context(context):
            if key is None:
                found = functional_call(self.layer.within, values, args, kwargs, tie_weights=False)
            else:
                with CoordinateDropout(key, self.first_row) as dropout:
                    found = functional_call(self.layer.within, values, args, kwargs, tie_weights=False)
                dropouts = dropout.calls
        flat, spec = tree_flatten(found)
        numbers = {id(tensor): number for number, tensor in enumerate(tensors)}
        others = tuple(numbers.get(id(v)) if isinstance(v, Tensor) else (v,) for v in flat)
        self.output = Output(others, spec, dropouts)
        return tuple(v for v, place in zip(flat, others, strict=True) if place is None)

    def whole(self, found: Sequence[Tensor], inputs: Sequence[Tensor]) -> Any:
        """What the layer gives, from what this gave for these inputs; later masks are those after its own."""
        assert self.output is not None
        left, dropout = iter(found), CoordinateDropout.current()
        if dropout is not None:
            dropout.calls += self.output.dropouts
        flat = [next(left) if p is None else p[0] if isinstance(p, tuple) else inputs[p] for p in self.output.flat]
        return tree_unflatten(flat, self.output.spec)


def side_by_side(passed: Passed, in_dims: Sequence[int | None], *inputs: Tensor) -> tuple[Tensor, ...]:
    """What a function of tensors gives for all runs."""
    found: tuple[Tensor, ...] = vmap(passed, in_dims=tuple(in_dims))(*inputs)
    return found


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


@contextmanager
def _context(attributes: dict[str, Any] | None) -> Iterator[None]:
    """In its body the context of `adapters` has these attributes; it is left as it is where there was none."""
    contexts = ForwardContext.get_contexts() if attributes is not None else []
    contexts.append(SimpleNamespace(**(attributes or {})))
    try:
        yield
    finally:
        contexts.pop()
