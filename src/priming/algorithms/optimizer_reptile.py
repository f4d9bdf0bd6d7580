"""Reptile whose way back is a gradient, as in CrossFit's public code: `update: optimizer` in section `reptile`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from priming.algorithms.interface import Complaint, Sources
from priming.algorithms.meta import Meta, MetaLearner
from priming.algorithms.way_back import unmoved, way_back

if TYPE_CHECKING:
    from torch import Tensor

    from priming.algorithms.inner_loops import InnerLoops
    from priming.runs.parameters import Gradients, StackedParameters


class OptimizerReptile(MetaLearner):
    """The outer optimizer gets theta less where the inner loops end, which is clipped as a gradient is."""

    settings: Meta

    @property
    def seeded(self) -> bool:
        """Each seed goes a way of its own."""
        return True

    @property
    def has_query(self) -> bool:
        """There is no loss beside that of the inner steps."""
        return False

    def complaints(self, name: str, sources: Sources) -> Iterator[Complaint]:
        """Outer elements that the inner loop leaves alone never move, and keys of the other updates do nothing."""
        yield from super().complaints(name, sources)
        if ":" not in name.partition("[")[0]:
            for key in sorted({"step_size", "query"} & self.settings.model_fields_set):
                yield Complaint((key,), "does nothing with update 'optimizer'; leave it out")
        yield from unmoved(name, self.moves, "optimizer")

    def gradient(self, loops: "InnerLoops", parameters: "StackedParameters", step: int) -> "tuple[Tensor, Gradients]":
        """The mean loss of the last inner step [1], and the mean over tasks of theta less where the inner loop ends.

        The differences come first: they are small beside theta, and the mean of ends rounds as theta does.
        """
        return way_back(loops, parameters, step, lambda theta, ends: (theta - ends).mean(dim=0))
