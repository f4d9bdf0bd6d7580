"""Reptile as in continued pretraining for promptability (Wu et al., 2022): `update: full_step` in section `reptile`."""

from typing import TYPE_CHECKING

from priming.algorithms.meta import Meta, MetaLearner

if TYPE_CHECKING:
    from torch import Tensor

    from priming.algorithms.inner_loops import InnerLoops
    from priming.runs.parameters import Gradients, StackedParameters


class FullStepReptile(MetaLearner):
    """Inner loops move the inner elements; each task then takes one step of all outer elements on its query set.

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
    """The mean query loss [1] and the pseudo-gradient."""
    outer = {name: view[0].detach() for name, view in parameters.views.items()}
    loss, ways = loops.full_ways(outer, loops.episodes(step), step)
    return loss, parameters.gathered(ways)
