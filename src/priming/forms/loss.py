"""The loss of R runs in one forward pass over one shared PLM; the loss of texts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy

from priming.backbones.encoding import IGNORE_INDEX, Batch, shift_right
from priming.backbones.text_model import TextModel
from priming.forms.training import Loss
from priming.runs.parameters import only_row
from priming.section import Reduction

Masking = Callable[[Tensor], AbstractContextManager[object]]
"""Maps a run's dropout key to the context that determines its dropout masks."""


@dataclass(frozen=True)
class LossForm:
    """Mean or sum of the cross-entropy over the target tokens of a batch, without padding.

    With `smoothing` e a token of probability p costs -(1 - e) log p - e/V sum(log q), over the probabilities q of all V
    entries of the vocabulary, as in fairseq.
    """

    smoothing: float = 0.0
    reduction: Reduction = "mean"

    def inputs(self, model: TextModel, batch: Batch) -> tuple[Tensor, ...]:
        """Input ids, mask, the decoder's inputs and the labels."""
        return batch.input_ids, batch.mask, shift_right(batch.labels, model.start_id, model.pad_id), batch.labels

    def logits(self, model: TextModel, values: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
        """The logits [B x T x V]."""
        found: Tensor = functional_call(model, dict(values), inputs[:3])
        return found

    def of(self, logits: Tensor, *inputs: Tensor) -> Tensor:
        """The loss over the tokens of one run."""
        tokens, labels = logits.flatten(0, 1), inputs[3].flatten()
        return cross_entropy(
            tokens, labels, ignore_index=IGNORE_INDEX, reduction=self.reduction, label_smoothing=self.smoothing
        )

    def terms(self, target: Sequence[int]) -> int:
        """Its tokens."""
        return len(target)


MEAN = LossForm()


def run_losses(
    model: TextModel,
    stacked: Mapping[str, Tensor],
    batch: Batch,
    shared: Mapping[str, Tensor] | None = None,
    keys: Tensor | None = None,
    masking: Masking | None = None,
    form: Loss = MEAN,
) -> Tensor:
    """The loss of each run [R] on its batch.

    Args:
        model: provides the parameters that neither `stacked` nor `shared` replaces.
        stacked: parameters of the runs, [R x ...] by name.
        batch: [R x B x ...].
        shared: parameters that all runs share and that need a gradient, [...] by name.
        keys: dropout keys [R], int32; without them the model must be in evaluation mode.
        masking: the dropout context that uses `keys`.
        form: which loss to compute.
    """
    inputs = form.inputs(model, batch)

    def one(own: Mapping[str, Tensor], key: Tensor | None, *of_run: Tensor) -> Tensor:
        """The loss of one run, a scalar."""
        with masking(key) if masking is not None and key is not None else nullcontext():
            logits = form.logits(model, {**(shared or {}), **own}, *of_run)
        return form.of(logits, *of_run)

    if len(batch.input_ids) == 1:  # same result, but a single run need not pay for vmap
        own = {name: only_row(value) for name, value in stacked.items()}
        return one(own, None if keys is None else keys[0], *(value[0] for value in inputs))[None]
    in_dims = (0, None if keys is None else 0, *(0 for _ in inputs))
    return vmap(one, in_dims=in_dims)(dict(stacked), keys, *inputs)
