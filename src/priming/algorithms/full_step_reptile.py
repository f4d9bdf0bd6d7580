"""Reptile as in continued pretraining for promptability (Wu et al., 2022): `update: full_step` in section `reptile`."""

from typing import TYPE_CHECKING

from priming.algorithms.meta import Meta, MetaLearner

if TYPE_CHECKING:
    from torch import Tensor

    from priming.algorithms.inner_loops import InnerLoops
    from priming.runs.parameters import Gradients, StackedParameters


class FullStepReptile(MetaLearner):
    """Inner loops move the inner elements; each task then takes one SGD step of all outer elements on its query set.

    The pseudo-gradient theta - mean(theta of the tasks) goes to the outer optimizer.
    """

    settings: Meta

    @property
    def rated(self) -> dict[str, tuple[str, ...]]:
        """The last step moves all elements at their inner rates."""
        return {"learning_rates": self.moves.outer, "inner_learning_rates": self.moves.elements}

    def gradient(self, loops: "InnerLoops", parameters: "StackedParameters", step: int) -> "tuple[Tensor, Gradients]":
        """The mean query loss [1] and the pseudo-gradient."""
        return full_way_back(loops, parameters, step)


def full_way_back(loops: "InnerLoops", parameters: "StackedParameters", step: int) -> "tuple[Tensor, Gradients]":
    """The mean query loss [1] and the pseudo-gradient.

    The last step's mean needs only the mean of the tasks' gradients, so the PLM is not stacked for it.
    """
    import torch

    outer = {name: view[0].detach() for name, view in parameters.views.items()}
    episode = loops.episodes(step)
    moved, shared, _ = loops.adapt(outer, episode, step)
    moved = {n: v.detach().requires_grad_() for n, v in moved.items()}
    shared = {n: v.detach().requires_grad_() for n, v in shared.items()}
    losses = loops.losses(moved, shared, episode.query, episode, f"{step}.query")
    names = [*(n for n in moved if n in outer), *shared]
    gradients = torch.autograd.grad(losses.sum(), [{**shared, **moved}[n] for n in names], allow_unused=True)
    way = {
        n: _way(outer[n], moved.get(n), g, losses.shape[0], loops.rate(n))
        for n, g in zip(names, gradients, strict=True)
    }
    return losses.detach().mean()[None], parameters.gathered(way)


def _way(start: "Tensor", moved: "Tensor | None", gradient: "Tensor | None", tasks: int, rate: float) -> "Tensor":
    if gradient is None:
        return start.new_zeros(start.shape)[None]
    end = moved.detach().mean(dim=0) if moved is not None else start
    mean = gradient.mean(dim=0) if moved is not None else gradient / tasks
    return (start - (end - rate * mean))[None]
