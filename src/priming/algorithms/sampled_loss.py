"""The loss after an inner loop on each of some samples, by which `keep: loss` chooses a checkpoint."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from priming.algorithms.inner_loops import InnerLoops
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.forms.batches import MetaBatch
from priming.forms.training import FormTraining
from priming.runs.keys import key
from priming.runs.parameters import Named

if TYPE_CHECKING:
    from priming.algorithms.meta import MetaLearner


def sampled_loss(
    learner: "MetaLearner", model: TextModel, form: FormTraining, sets: Sequence[TokenizedDataset], run_key: int
) -> Callable[[Named], float]:
    """From values of the outer elements to their mean loss over the samples, with dropout off.

    The learner's episodes are pairs. The draws of each sample are the same every time.
    """
    size = max(1, learner.settings.tasks // learner.settings.accumulation_steps)
    loops = learner.loops(model, form, lambda part: _meta_batch(learner, sets, run_key, part * size, size))

    def loss(values: Named) -> float:
        """The mean over all samples, with dropout off."""
        was, total = model.training, 0.0
        model.eval()
        for part in range(-(-len(sets) // size)):
            total += _adapted_loss(learner, loops, values, part) * len(sets[part * size : (part + 1) * size])
        model.train(was)
        return total / len(sets)

    return loss


def _meta_batch(
    learner: "MetaLearner", sets: Sequence[TokenizedDataset], run_key: int, first: int, size: int
) -> MetaBatch:
    """A meta-batch of the sets from `first` on."""
    keys = [key(run_key, "development", place) for place in range(first, min(first + size, len(sets)))]
    drawn = [learner.batches(data, k) for data, k in zip(sets[first : first + size], keys, strict=True)]
    query, *support = (list(batch) for batch in zip(*drawn, strict=True))
    return MetaBatch(learner.each_step(support), query, keys)


def _adapted_loss(learner: "MetaLearner", loops: InnerLoops, values: Named, step: int) -> float:
    """The mean loss of a meta-batch after its inner loops."""
    episode = loops.episodes(step)
    moved, shared, last = loops.adapt(values, episode, step)
    if not learner.has_query:
        return last.item()
    with torch.no_grad():
        return loops.losses(moved, shared, episode.query, episode, f"{step}.query").mean().item()
