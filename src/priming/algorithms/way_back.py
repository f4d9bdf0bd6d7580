"""The way from where inner loops end back to where they began, for the updates of Reptile that go it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from priming.algorithms.interface import Complaint, Moves

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from priming.algorithms.inner_loops import InnerLoops
    from priming.runs.parameters import Gradients, StackedParameters


def unmoved(name: str, moves: Moves, update: str) -> Iterator[Complaint]:
    """Outer elements that the inner loop leaves alone, where only that moves any."""
    if still := [element for element in moves.outer if element not in moves.inner or not moves.inner_steps]:
        head, outer, inner = name.partition("[")[0], "+".join(moves.outer), "+".join(moves.elements)
        fix = f"write {head}[{outer} | {inner} x5], or set update: full_step"
        moved = (
            f"{name!r} would never move {'+'.join(still)}: with update {update!r} only the inner steps move anything"
        )
        yield Complaint(("strategies",), f"{moved}; {fix}", from_top=True)


def to_mean(theta: "Tensor", ends: "Tensor") -> "Tensor":
    """Theta [...] less the mean of where the tasks' inner loops end [tasks x ...]."""
    return theta - ends.mean(dim=0)


def way_back(
    loops: "InnerLoops",
    parameters: "StackedParameters",
    step: int,
    way_of: "Callable[[Tensor, Tensor], Tensor]" = to_mean,
) -> "tuple[Tensor, Gradients]":
    """The mean loss of the last inner step [seeds], and what `way_of` finds between theta and where inner loops end."""
    import torch

    outer = {name: value.detach() for name, value in loops.outer(parameters).items()}
    moved, _, loss = loops.adapt(outer, loops.episodes(step), step)
    way = {name: torch.zeros_like(view, requires_grad=False) for name, view in parameters.views.items()}
    for name, ends in moved.items():
        if name in way:
            of_seeds = ends.detach().view(loops.seeds, -1, *ends.shape[1:])
            starts = outer[name].view(loops.seeds, *ends.shape[1:])
            for seed, (start, own) in enumerate(zip(starts, of_seeds, strict=True)):
                way[name][seed] = way_of(start, own)
    return loss, parameters.gathered(way)
