"""MAML (Finn et al., 2017), of first and of second order."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priming.algorithms.meta import Meta, MetaLearner

if TYPE_CHECKING:
    from torch import Tensor

    from priming.algorithms.inner_loops import InnerLoops
    from priming.runs.parameters import Gradients, StackedParameters


class Maml(Meta):
    """MAML (Finn et al., 2017): the outer gradient of the query loss after the inner SGD steps."""

    order: Literal["first", "second"] = Field(
        "second", description="With `first`, inner gradients count as constants (FOMAML)."
    )


class MamlLearner(MetaLearner):
    """The gradient of the mean query loss in the values from which the inner loops began."""

    section, colour, fill = Maml, "#D55E00", "none"
    settings: Maml

    @property
    def seeded(self) -> bool:
        """Each seed has a mean loss of its own."""
        return True

    @property
    def through_inner_steps(self) -> bool:
        """In second order; in first, inner gradients count as constants."""
        return self.settings.order == "second"

    def gradient(self, loops: "InnerLoops", parameters: "StackedParameters", step: int) -> "tuple[Tensor, Gradients]":
        """The mean query loss [1] and its gradient."""
        return query_gradient(loops, parameters, step)


def query_gradient(loops: "InnerLoops", parameters: "StackedParameters", step: int) -> "tuple[Tensor, Gradients]":
    """The mean query loss [seeds] after the inner loops, and its gradient in the outer parameters of all runs."""
    outer = loops.outer(parameters)
    episode = loops.episodes(step)
    moved, shared, _ = loops.adapt(outer, episode, step)
    loss = loops.mean(loops.losses(moved, shared, episode.query, episode, f"{step}.query"))
    return loss.detach(), parameters.gradients(loss)


ALGORITHM = MamlLearner
