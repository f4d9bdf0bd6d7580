"""Runs over one shared PLM: the objective of sweeps and of multi-task learning."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn.functional import pad

from priming.backbones.encoding import collate
from priming.backbones.text_model import TextModel
from priming.forms.batches import TokenPair
from priming.forms.loss import MEAN, run_losses
from priming.forms.segments import segments
from priming.forms.training import Loss
from priming.runs.checkpoints import State
from priming.runs.dropout import CoordinateDropout, dropout_keys
from priming.runs.parameters import Gradients, Named, StackedParameters

BatchOfStep = Callable[[int], Sequence[list[TokenPair]]]
"""Maps a step to the examples of each run."""
Shape = tuple[int, int]
"""Input and target tokens of a padded batch."""


class SideBySide:
    """The losses of R runs on their own batches, and the gradients with respect to their own parameters."""

    def __init__(
        self, model: TextModel, picks: BatchOfStep, run_keys: Sequence[int], first_row: int = 0, form: Loss = MEAN
    ) -> None:
        """`run_keys` fix the runs' dropout masks; dropout acts while the model is in training mode.

        `picks` may be of the first runs alone, when the others are done: their losses and gradients are 0.
        `first_row` is the index of the first example in the whole batch, of which this may be a shard. `shapes` are the
        padded shapes of the runs' batches, step by step, from which executed operations are computed. Runs that stand
        together, and whose examples are of like length, are padded alike; all are where layers are compiled.
        """
        self.model, self.picks, self.run_keys, self.form = model, picks, run_keys, form
        self.shapes: list[list[Shape]] = []
        self.masking = partial(CoordinateDropout, first_row=first_row)

    def __call__(
        self, parameters: StackedParameters, step: int, weight: float = 1.0, into: Gradients | None = None
    ) -> tuple[Tensor, Gradients]:
        """Losses [R] and gradients at `step`, these times `weight` and added to `into` where that is given."""
        device, picks = next(iter(parameters.flat.values())).device, self.picks(step)
        whole = self.model.compiled  # for a number of runs, which must not change from step to step
        sizes = [len(picks)] if whole else segments([_longest(own) for own in picks], len(picks[0]), device)
        rest = parameters.runs - len(picks)
        parts = _divided(parameters.views, [*sizes, rest] if rest else sizes)
        found, ends, shapes = [], list(accumulate(sizes)), []
        for views, size, end in zip(parts, sizes, ends, strict=False):
            batch = collate(picks[end - size : end], self.model.pad_id).to(device)
            shapes += [(batch.input_ids.shape[-1], batch.labels.shape[-1])] * size
            keys = dropout_keys(self.run_keys[end - size : end], step, device) if self.model.training else None
            found.append(run_losses(self.model, views, batch, keys=keys, masking=self.masking, form=self.form))
        self.shapes.append(shapes)
        losses = torch.cat(found)
        return pad(losses.detach(), (0, rest)), parameters.gradients(losses, weight, into)

    def state(self) -> State:
        """The shapes so far."""
        return State({}, self.shapes)

    def load_state(self, state: State) -> None:
        """Restore them."""
        self.shapes = [[(inputs, targets) for inputs, targets in step] for step in state.rest]


def _longest(picks: Sequence[TokenPair]) -> int:
    """Tokens of the longest input and the longest target."""
    return max(len(ids) for ids, _ in picks) + max(len(ids) for _, ids in picks)


def _divided(views: Named, sizes: Sequence[int]) -> list[Named]:
    """Parameters [R x ...] of so many runs each."""
    if len(sizes) == 1:
        return [views]
    divided = {name: view.split(list(sizes)) for name, view in views.items()}
    return [{name: parts[place] for name, parts in divided.items()} for place in range(len(sizes))]
