"""The tuned parameters of R runs, stacked in a leading dimension."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from priming.runs.checkpoints import State
from priming.tensor_files import all_finite

MANY = 2**22
"""Parameters of all runs together whose gradients are put in their places one by one, which takes longer for few."""
_LAST = 2**62
Gradients = dict[str, Tensor]
Named = dict[str, Tensor]
Owner = Callable[[str], str]
"""Maps a parameter's name to its element."""


class Block(NamedTuple):
    """Parameters that an update rule updates as one tensor.

    The values [R x ...] share the memory of the parameters. Weight decay applies to the first `decayed` numbers of
    each run, those of matrices.
    """

    name: str
    element: str
    values: Tensor
    gradient: Tensor
    decayed: int


class StackedParameters:
    """R sets of the same parameters.

    `flat` holds one buffer [R x parameters] an element, matrices first; `views` are leaves [R x ...] by parameter name
    that share its memory, so that the optimizer works on one tensor an element and the model sees the update.
    """

    def __init__(self, initial: Mapping[str, Tensor], owner: Owner) -> None:
        """Copy `initial`, tensors [R x ...] by parameter name; `owner` tells the element of each."""
        self._slices: dict[str, list[tuple[str, slice]]] = {}
        self.flat: dict[str, Tensor] = {}
        self.views: Named = {}
        self._decayed: dict[str, int] = {}
        for element in dict.fromkeys(map(owner, initial)):
            self._add(element, {name: t for name, t in initial.items() if owner(name) == element})

    def _add(self, element: str, tensors: Named) -> None:
        runs = next(iter(tensors.values())).shape[0]
        ordered = dict(sorted(tensors.items(), key=lambda named: not _decays(named[1])))
        flat = torch.cat([t.detach().reshape(runs, -1) for t in ordered.values()], dim=1)
        self.flat[element] = flat
        start, slices, views = 0, [], {}
        for name, tensor in ordered.items():
            stop = start + tensor[0].numel()
            views[name] = flat[:, start:stop].view(tensor.shape).detach().requires_grad_()
            slices.append((name, slice(start, stop)))
            start = stop
        self.views |= {name: views[name] for name in tensors}
        self._slices[element] = slices
        self._decayed[element] = sum(tensor[0].numel() for tensor in tensors.values() if _decays(tensor))

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
            flat = self.flat[element]
            if not shaped:
                yield Block(element, element, flat, gradient, self._decayed[element])
                continue
            for name, part in self._slices[element]:
                shape = self.views[name].shape
                own = (flat[:, part].view(shape), gradient[:, part].view(shape))
                yield Block(name, element, *own, own[0][0].numel() if _decays(self.views[name]) else 0)

    def gradients(self, losses: Tensor, weight: float = 1.0, into: Gradients | None = None) -> Gradients:
        """The gradient of each run's loss with respect to its own parameters, times `weight`; `losses` [R].

        It is added to `into`, where that is given. Where there are many parameters, the gradient of each is put in its
        place as soon as it is known, so that those of all are held once.
        """
        if sum(flat.numel() for flat in self.flat.values()) >= MANY:
            return self._gradients_in_place(losses, weight, into)
        grads = torch.autograd.grad(losses.sum(), list(self.views.values()), allow_unused=True)
        filled = {
            name: torch.zeros_like(view) if g is None else g
            for (name, view), g in zip(self.views.items(), grads, strict=True)
        }
        return weighted(self.gathered(filled), weight, into)

    def _gradients_in_place(self, losses: Tensor, weight: float, into: Gradients | None) -> Gradients:
        found = {element: torch.empty_like(flat) for element, flat in self.flat.items()} if into is None else into
        places, empty = self._in_shape(found), set(self.views) if into is None else set()
        hooks = [v.register_post_accumulate_grad_hook(_put(places, n, weight, empty)) for n, v in self.views.items()]
        try:
            losses.sum().backward(inputs=list(self.views.values()))
        finally:
            for hook in hooks:
                hook.remove()
        for name in empty:
            places[name].zero_()
        return found

    def _in_shape(self, flat: Mapping[str, Tensor]) -> Named:
        """Parts [R x ...] of flat buffers, by parameter name, which share their memory."""
        return {
            name: flat[element][:, part].view(self.views[name].shape)
            for element, slices in self._slices.items()
            for name, part in slices
        }

    def shared_row(self, run: int) -> Named:
        """One run's parameters by name, which share the memory of all and so follow every update."""
        return {name: view.detach()[run] for name, view in self.views.items()}

    def row(self, run: int) -> Named:
        """A copy of one run's parameters by name."""
        return {name: view.detach()[run].clone() for name, view in self.views.items()}

    def lend(self, module: nn.Module) -> dict[str, nn.Parameter]:
        """Let the named parameters of `module` share run 0's memory from now on, so that there is one copy of them."""
        lent = {name: parameter for name, parameter in module.named_parameters() if name in self.views}
        for name, own in self.shared_row(0).items():
            if name in lent:
                lent[name].data = own
        return lent

    @contextmanager
    def lent_to(self, module: nn.Module) -> Iterator[dict[str, nn.Parameter]]:
        """In its body, the named parameters of `module` share run 0's memory and so follow every update; yields them.

        A single run then needs no parameters replaced in its forward pass. The module keeps the values afterwards.
        """
        lent = self.lend(module)
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

    def wrong(self, state: State, step: int) -> str | None:
        """Values of other names, shapes or types, or that are not finite."""
        if {name: (value.shape, value.dtype) for name, value in state.tensors.items()} != {
            name: (value.shape, value.dtype) for name, value in self.flat.items()
        }:
            return "its parameters are not those of this training"
        return None if all(map(all_finite, state.tensors.values())) else "it has weights that are not finite"

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


def weighted(gradients: Gradients, weight: float, into: Gradients | None) -> Gradients:
    """Gradients times `weight`, in place; added to `into`, where that is given."""
    for element, gradient in gradients.items():
        if weight != 1.0:
            gradient.mul_(weight)
        if into is not None:
            into[element].add_(gradient)
    return gradients if into is None else into


def only_row(stacked: Tensor) -> Tensor:
    """The parameter [...] of a single run, from [1 x ...].

    A backward pass visits what was made first last, which would be these views: gradients of all parameters would wait
    for them, beside those that are already in their places. So they count as made last.
    """
    row = stacked.squeeze(0)
    if row.grad_fn is not None:
        row.grad_fn._set_sequence_nr(_LAST)  # type: ignore[attr-defined]
    return row


def _put(places: Named, name: str, weight: float, empty: set[str]) -> Callable[[Tensor], None]:
    """What puts a parameter's gradient, once it is whole, into its place or adds it there, and lets go of it."""

    def put(view: Tensor) -> None:
        """Take the gradient of the parameter."""
        assert view.grad is not None
        if name in empty:
            torch.mul(view.grad, weight, out=places[name])
            empty.remove(name)
        else:
            places[name].add_(view.grad.mul_(weight))
        view.grad = None

    return put


def _decays(stacked: Tensor) -> bool:
    """Whether weight decay applies to a parameter [R x ...]: to matrices, not to vectors (biases, norms)."""
    return stacked.dim() > 2
