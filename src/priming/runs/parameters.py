"""The tuned parameters of R runs, stacked in a leading dimension."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from priming.runs.checkpoints import State

Gradients = dict[str, Tensor]
Named = dict[str, Tensor]
Owner = Callable[[str], str]
"""Maps a parameter's name to its element."""


class Block(NamedTuple):
    """Parameters that an update rule updates as one tensor.

    The values [R x ...] share the memory of the parameters; `decayed`, a scalar or [...], is 1 where weight decay
    applies and 0 elsewhere.
    """

    name: str
    element: str
    values: Tensor
    gradient: Tensor
    decayed: Tensor


class StackedParameters:
    """R sets of the same parameters.

    `flat` holds one buffer [R x parameters] an element; `views` are leaves [R x ...] by parameter name that share its
    memory, so that the optimizer works on one tensor an element and the model sees the update.
    """

    def __init__(self, initial: Mapping[str, Tensor], owner: Owner) -> None:
        """Copy `initial`, tensors [R x ...] by parameter name; `owner` tells the element of each."""
        self._slices: dict[str, list[tuple[str, slice]]] = {}
        self.flat: dict[str, Tensor] = {}
        self.views: Named = {}
        self.decayed: dict[str, Tensor] = {}
        for element in dict.fromkeys(map(owner, initial)):
            self._add(element, {name: t for name, t in initial.items() if owner(name) == element})

    def _add(self, element: str, tensors: Named) -> None:
        runs = next(iter(tensors.values())).shape[0]
        flat = torch.cat([t.detach().reshape(runs, -1) for t in tensors.values()], dim=1)
        self.flat[element] = flat
        self.decayed[element] = torch.cat(
            [torch.full((t[0].numel(),), float(t.dim() > 2), device=t.device) for t in tensors.values()]
        ).to(flat.dtype)
        start, slices = 0, []
        for name, tensor in tensors.items():
            stop = start + tensor[0].numel()
            self.views[name] = flat[:, start:stop].view(tensor.shape).detach().requires_grad_()
            slices.append((name, slice(start, stop)))
            start = stop
        self._slices[element] = slices

    @classmethod
    def repeated(cls, parameters: Iterable[tuple[str, Tensor]], runs: int, owner: Owner) -> Self:
        """R equal copies of `parameters`."""
        return cls({name: tensor.detach().expand(runs, *tensor.shape) for name, tensor in parameters}, owner)

    @property
    def runs(self) -> int:
        """R."""
        return next(iter(self.flat.values())).shape[0]

    def gathered(self, tensors: Mapping[str, Tensor]) -> Gradients:
        """Tensors [R x ...] by parameter name as one [R x parameters] an element."""
        return {
            element: torch.cat([tensors[name].reshape(self.runs, -1) for name, _ in slices], dim=1)
            for element, slices in self._slices.items()
        }

    def blocks(self, gradients: Gradients, shaped: bool = False) -> Iterator[Block]:
        """Parameters with gradients: a block [R x parameters] per element or, if `shaped`, [R x ...] per parameter."""
        for element, gradient in gradients.items():
            flat, decayed = self.flat[element], self.decayed[element]
            if not shaped:
                yield Block(element, element, flat, gradient, decayed)
                continue
            for name, part in self._slices[element]:
                shape = self.views[name].shape
                own = (flat[:, part].view(shape), gradient[:, part].view(shape))
                yield Block(name, element, *own, decayed[part.start])

    def gradients(self, losses: Tensor) -> Gradients:
        """The gradient of each run's loss with respect to its own parameters; `losses` [R]."""
        grads = torch.autograd.grad(losses.sum(), list(self.views.values()), allow_unused=True)
        filled = {
            name: torch.zeros_like(view) if g is None else g
            for (name, view), g in zip(self.views.items(), grads, strict=True)
        }
        return self.gathered(filled)

    def row(self, run: int) -> Named:
        """A copy of one run's parameters by name."""
        return {name: view.detach()[run].clone() for name, view in self.views.items()}

    @contextmanager
    def lent_to(self, module: nn.Module) -> Iterator[dict[str, nn.Parameter]]:
        """In its body, the named parameters of `module` share run 0's memory and so follow every update; yields them.

        A single run then needs no parameters replaced in its forward pass. The module keeps the values afterwards.
        """
        lent = {name: parameter for name, parameter in module.named_parameters() if name in self.views}
        for name, parameter in lent.items():
            parameter.data = self.views[name].detach()[0]
        try:
            yield lent
        finally:
            for parameter in lent.values():
                parameter.data = parameter.data.clone()

    def state(self) -> State:
        """All values."""
        return State(self.flat)

    def load_state(self, state: State) -> None:
        """Restore values."""
        self.restore(dict(state.tensors))

    def snapshot(self, rows: Sequence[int] | None = None) -> dict[str, Tensor]:
        """A copy of the flat buffers; only of the runs in `rows`, if given."""
        return {element: flat.clone() if rows is None else flat[list(rows)] for element, flat in self.flat.items()}

    def named(self, flat: Mapping[str, Tensor], rows: Sequence[int]) -> Named:
        """The tensors [n x ...] of n `rows` of flat buffers such as a snapshot, by parameter name."""
        chosen = {element: values[list(rows)] for element, values in flat.items()}
        return {
            name: chosen[element][:, part].view(len(rows), *self.views[name].shape[1:])
            for element, slices in self._slices.items()
            for name, part in slices
        }

    def keep_rows(self, kept: dict[str, Tensor], rows: Tensor) -> None:
        """Overwrite the `rows` (mask [R]) of a snapshot with the current values."""
        for element, flat in self.flat.items():
            kept[element][rows] = flat[rows]

    def restore(self, kept: dict[str, Tensor]) -> None:
        """Go back to a snapshot."""
        for element, flat in self.flat.items():
            flat.copy_(kept[element])
