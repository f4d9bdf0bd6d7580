"""Layers whose passes are compiled, once for all layers that compute the same.

The pass of a layer, of all runs side by side, is traced to a graph of torch's operations; torch's compiler makes one
function of it, with its backward pass. Layers of equal graphs share it, also those of other models in the process, so
many layers compile as fast as few. A function is for one shape: passes with a gradient are padded to a few lengths
(`Backbone.rounded`), and others are not compiled. Compiled functions have no second derivative.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from priming.backbones.layer_passes import Call, LayerPasses, Output, side_by_side
from priming.backbones.text_model import TextModel

Compiled = Callable[..., tuple[Tensor, ...]]
Dims = tuple[int | None, ...]
Traced = dict[Any, "_Pass"]
FUNCTIONS: dict[Any, Compiled] = {}
"""What was compiled in this process, by graph and by the shapes of its inputs."""


def compile_layers(model: TextModel) -> None:
    """Let passes of the layers of the model's PLM be compiled; call it when elements are attached."""
    for layer in model.backbone.layers(model.plm):
        layer.forward = _compiled(model, layer)
    model.compiled = True


def _compiled(model: TextModel, layer: nn.Module) -> Callable[..., Any]:
    passes, traced = LayerPasses(model, layer, buffers=True), Traced()

    def forward(*args: Any, **kwargs: Any) -> Any:
        """What the layer gives."""
        if not torch.is_grad_enabled() or not passes.reproducible:
            return passes.plain(*args, **kwargs)
        call, tensors = passes.call(args, kwargs)
        of_runs = _OfRuns(call, traced)
        if torch._C._are_functorch_transforms_active():
            found = _SideBySide.apply(of_runs, *tensors)  # type: ignore[no-untyped-call]
        else:
            found = of_runs(None, tensors)
        return call.whole(found, tensors)

    return forward


@dataclass(frozen=True)
class _Pass:
    """A layer's pass at one shape: the function, the inputs that it takes, and what it gives besides tensors."""

    function: Compiled
    used: tuple[int, ...]
    output: Output


@dataclass(frozen=True)
class _OfRuns:
    """A pass of a layer, and what was traced of this layer."""

    call: Call
    traced: Traced

    def __call__(self, in_dims: Dims | None, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What the layer gives for these tensors; with `in_dims`, of all runs, which stand in these dimensions."""
        call = self.call
        key = (call.given, call.spec, call.first_row, in_dims, tuple(map(_described, tensors)))
        with nullcontext() if key in self.traced else _without_warning():
            if key not in self.traced:
                self.traced[key] = self._trace(in_dims, tensors)
            found = self.traced[key]
            call.output = found.output
            # The graph has the casts of autocast, and nothing in it is to be intercepted once more.
            with torch.autocast(tensors[0].device.type, enabled=False), torch._C.DisableTorchFunction():
                return tuple(found.function(*(tensors[place] for place in found.used)))

    def _trace(self, in_dims: Dims | None, tensors: Sequence[Tensor]) -> _Pass:
        whole = self.call if in_dims is None else partial(side_by_side, self.call, in_dims)
        graph = make_fx(whole)(*tensors)
        used = _tidied(graph)
        key = (_text(graph), tuple(_described(tensors[place]) for place in used))
        if key not in FUNCTIONS:
            FUNCTIONS[key] = torch.compile(graph, dynamic=False, fullgraph=True)
        assert self.call.output is not None
        return _Pass(FUNCTIONS[key], used, self.call.output)


@contextmanager
def _without_warning() -> Iterator[None]:
    """Suppress one that users cannot act on: torch's compiler looks for gradients of whatever it is given."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"The \.grad attribute of a Tensor that is not a leaf", UserWarning)
        yield


def _described(tensor: Tensor) -> tuple[Any, ...]:
    """What a compiled function depends on besides values."""
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.requires_grad


def _tidied(graph: GraphModule) -> tuple[int, ...]:
    """Drop inputs that are not used, and name the rest by their place; returns the numbers of the inputs that are."""
    graph.graph.eliminate_dead_code()
    inputs = [node for node in graph.graph.nodes if node.op == "placeholder"]
    used = tuple(number for number, node in enumerate(inputs) if node.users)
    for node in inputs:
        if not node.users:
            graph.graph.erase_node(node)
    for number, node in enumerate(graph.graph.nodes):
        if node.op != "output":
            node.name = f"v{number}"
        if node.op == "placeholder":
            node.target = node.name
    graph.recompile()
    return used


def _text(graph: GraphModule) -> str:
    """What the graph computes; one that has tensors of its own is like no other."""
    own = any(node.op == "get_attr" for node in graph.graph.nodes)
    return f"{graph.code}{id(graph) if own else ''}"


class _SideBySide(torch.autograd.Function):
    """A pass that is compiled outside of `vmap`, with all runs; derivatives are taken outside too."""

    @staticmethod
    def forward(of_runs: _OfRuns, *tensors: Tensor) -> tuple[Tensor, ...]:
        """What the layer gives, in a pass of one run."""
        return of_runs(None, tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Hold nothing: under `vmap`, the compiled function does."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Reached by derivatives inside of `vmap` alone, which nobody takes."""
        raise RuntimeError("compiled layers have no derivative inside of vmap; set compute.compile: off")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], of_runs: _OfRuns, *tensors: Tensor) -> tuple[Any, Any]:
        """One call for all runs."""
        found = of_runs(in_dims[1:], tensors)
        return found, (0,) * len(found)
