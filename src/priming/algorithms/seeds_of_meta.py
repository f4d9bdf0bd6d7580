"""Seeds of a meta-learner side by side: one meta-batch that holds those of all of them."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn.functional import pad

from priming.backbones.encoding import TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.forms.batches import MetaBatch
from priming.forms.training import FormTraining
from priming.runs.loop import Objective
from priming.runs.parameters import Gradients, StackedParameters, weighted

if TYPE_CHECKING:
    from priming.algorithms.meta import MetaLearner


def seeds_objective(
    learner: "MetaLearner",
    model: TextModel,
    form: FormTraining,
    sets: Sequence[TokenizedDataset],
    run_keys: Sequence[int],
    lengths: Sequence[int],
) -> Objective:
    """The losses and gradients of a step of several seeds, those of most steps first."""

    def active(step: int) -> Sequence[int]:
        """The keys of the seeds that are not done."""
        return [run_key for run_key, steps in zip(run_keys, lengths, strict=True) if steps > step]

    loops = learner.loops(model, form, lambda step: _meta_batch(learner, sets, active(step), step))
    weight = float(learner.settings.tasks) if learner.settings.over_tasks == "sum" else 1.0

    def objective(parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """The mean loss of each seed, and the gradient of the mean or sum over its tasks."""
        loops.seeds = len(active(step))
        losses, gradients = learner.gradient(loops, parameters, step)
        return pad(losses, (0, len(run_keys) - loops.seeds)), weighted(gradients, weight, None)

    return objective


def _meta_batch(
    learner: "MetaLearner", sets: Sequence[TokenizedDataset], run_keys: Sequence[int], step: int
) -> MetaBatch:
    """The meta-batches of several seeds, one after the other."""
    drawn = [learner.meta_batch(sets, run_key, step) for run_key in run_keys]
    support = [[*chain.from_iterable(one.support[i] for one in drawn)] for i in range(learner.different_sets)]
    return MetaBatch(
        learner.each_step(support),
        [pairs for one in drawn for pairs in one.query],
        [key for one in drawn for key in one.keys],
        [task for one in drawn for task in one.tasks],
    )
