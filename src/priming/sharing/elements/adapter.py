"""Bottleneck adapters: those in every layer as `adapters` has them, one after the last layer as plain tensors."""

from collections.abc import Iterator

from priming.sharing.formats import by_adapters, plain
from priming.sharing.interface import Attached, Format, Shared

ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "swish": "silu"}
_AFTER_LAST = """
from torch.nn.functional import {activation}, layer_norm, linear
after = load_file(FILE)
def after_last(module, inputs, output):
    states = output.last_hidden_state
    inner = {activation}(linear(states, after["down.weight"], after["down.bias"]))
    added = linear(inner, after["up.weight"], after["up.bias"])
    found = {found}
    output.last_hidden_state = {normed}
    return output
model.register_forward_hook(after_last)
"""
_NORMED = 'layer_norm(found, found.shape[-1:], after["norm.weight"], after["norm.bias"])'


class SharedAdapter(Shared):
    """By its place."""

    name = "adapter"

    def formats(self, element: Attached) -> Iterator[Format]:
        """No library has one after the last layer."""
        if element.model.after_last is None:
            yield by_adapters(element)
            return
        options = element.options
        code = _AFTER_LAST.format(
            activation=ACTIVATIONS[options.nonlinearity],
            found="states + added" if options.residual else "added",
            normed=_NORMED if options.layer_norm else "found",
        )
        yield plain(element, lambda: {n.removeprefix("after_last."): v for n, v in element.tensors.items()}, code)


SHARED = SharedAdapter()
