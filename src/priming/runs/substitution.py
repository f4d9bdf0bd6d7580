"""Other tensors in the places of a module's parameters, for as long as a pass takes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn


class Places:
    """Where each parameter of a module stands: under every name, in every submodule that holds it.

    Each submodule is visited once. So a submodule that is registered at several places, as the library of adapters
    registers its prefixes, and parameters that submodules share, are both replaced everywhere.
    """

    def __init__(self, module: nn.Module) -> None:
        """Find them; `module` may get no new parameters afterwards."""
        held: dict[int, list[tuple[nn.Module, str]]] = {}
        for owner in module.modules():
            for name, parameter in owner._parameters.items():
                if parameter is not None:
                    held.setdefault(id(parameter), []).append((owner, name))
        self._places = {name: held[id(parameter)] for name, parameter in module.named_parameters()}

    @contextmanager
    def taken_by(self, values: Mapping[str, Tensor]) -> Iterator[None]:
        """Within it, `values` stand in the places of the parameters of these names."""
        before = [(owner, name, owner._parameters[name]) for own in values for owner, name in self._places[own]]
        try:
            for own, value in values.items():
                for owner, name in self._places[own]:
                    owner._parameters[name] = value  # type: ignore[assignment]
            yield
        finally:
            for owner, name, parameter in before:
                owner._parameters[name] = parameter
