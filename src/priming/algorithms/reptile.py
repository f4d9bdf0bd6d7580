"""Reptile (Nichol et al., 2018)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priming.algorithms.interface import Algorithm, Complaint, Moves, Sources, Upstream
from priming.algorithms.meta import Meta, MetaLearner
from priming.algorithms.way_back import unmoved, way_back
from priming.section import Rate

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from priming.algorithms.inner_loops import InnerLoops
    from priming.runs.parameters import Gradients, StackedParameters
    from priming.runs.update_rules.interface import UpdateRule


class Reptile(Meta):
    """Reptile: the outer gradient is the way from where the inner loop ended back to where it began."""

    update: Literal["standard", "optimizer", "full_step"] = Field(
        "standard",
        description="`standard` (Nichol et al., 2018): SGD inner steps on the inner elements, "
        "then a move of `step_size` towards their mean. `optimizer` (CrossFit's branch `fo`): the way back from there "
        "is clipped and goes to the outer optimizer, as a gradient would. `full_step`: the inner steps, "
        "one more step of all outer elements on the query set, then the outer optimizer on the mean difference.",
    )
    step_size: Rate = Field(
        0.5,
        description="Largest share of the way that `standard` moves. Like a learning rate, it warms up over the share "
        "`warmup` of the steps and decays linearly to zero; with `warmup: 0` it decays from the first step, as in "
        "Nichol et al. (2018).",
    )


class StandardReptile(MetaLearner):
    """A move towards the mean of where the inner loops end."""

    section, colour, fill = Reptile, "#009E73", "left"
    settings: Reptile

    @classmethod
    def bound(cls, settings: Upstream, moves: Moves) -> Algorithm:
        """This one, or another update, each of which has a file of its own."""
        from priming.algorithms.full_step_reptile import FullStepReptile
        from priming.algorithms.optimizer_reptile import OptimizerReptile

        assert isinstance(settings, Reptile)
        others = {"full_step": FullStepReptile, "optimizer": OptimizerReptile}
        return others.get(settings.update, cls)(settings, moves)

    @property
    def seeded(self) -> bool:
        """Each seed goes a way of its own."""
        return True

    @property
    def has_query(self) -> bool:
        """There is no loss beside that of the inner steps."""
        return False

    @property
    def rated(self) -> dict[str, tuple[str, ...]]:
        """Inner elements alone."""
        return {"inner_learning_rates": self.moves.inner}

    def complaints(self, name: str, sources: Sources) -> Iterator[Complaint]:
        """Outer elements that the inner loop leaves alone never move; there is no optimizer to choose, and no sum."""
        yield from super().complaints(name, sources)
        if (chosen := self.settings.optimizer) != Reptile.model_fields["optimizer"].default:
            text = f"{chosen!r} moves nothing, since update 'standard' goes a share of the way (step_size)"
            yield Complaint(("optimizer",), f"{text}; leave it out, or set update: full_step")
        if self.settings.over_tasks == "sum":
            text = "a share of the way (step_size) is taken to the tasks' mean; leave it out, or set update: optimizer"
            yield Complaint(("over_tasks",), text)
        yield from unmoved(name, self.moves, "standard")

    @property
    def clip(self) -> float | None:
        """None: the way is no gradient."""
        return None

    @property
    def optimizer(self) -> None:
        """None: values move a share of the way."""

    def update_rule(self, device: "torch.device", runs: int = 1) -> "UpdateRule":
        """A move of `step_size` of the way."""
        from priming.runs.update_rules.interpolation import Interpolation

        return Interpolation(self.settings.step_size)

    def gradient(self, loops: "InnerLoops", parameters: "StackedParameters", step: int) -> "tuple[Tensor, Gradients]":
        """The mean loss of the last inner step [1], and theta less the mean over tasks of where the inner loops end."""
        return way_back(loops, parameters, step)


ALGORITHM = StandardReptile
