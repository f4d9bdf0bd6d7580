"""The loss of R runs in one forward pass over one shared PLM."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy

from priming.models.encoding import IGNORED, Batch, shifted
from priming.models.text_model import TextModel
from priming.study.base import Reduction

Masking = Callable[[Tensor], AbstractContextManager[object]]
"""From a run's dropout key to the context in which its dropout draws masks."""


@dataclass(frozen=True)
class LossForm:
    """Cross-entropy over the target tokens of a batch, padding left out: their mean or their sum.

    With `smoothing` e a token of probability p costs -(1 - e) log p - e/V sum(log q), over the probabilities q of all V
    entries of the vocabulary, as fairseq has it.
    """

    smoothing: float = 0.0
    reduction: Reduction = "mean"


MEAN = LossForm()


def run_losses(
    model: TextModel,
    stacked: Mapping[str, Tensor],
    batch: Batch,
    shared: Mapping[str, Tensor] | None = None,
    keys: Tensor | None = None,
    masking: Masking | None = None,
    form: LossForm = MEAN,
) -> Tensor:
    """The loss of each run [R] on its batch.

    Args:
        model: holds what neither `stacked` nor `shared` replaces.
        stacked: parameters of the runs, [R x ...] by name.
        batch: [R x B x ...].
        shared: parameters that all runs share but that want a gradient, [...] by name.
        keys: dropout keys [R], int32; without them the model must be in evaluation mode.
        masking: the context for dropout that goes with `keys`.
        form: mean or sum over target tokens, label smoothing.
    """
    decoder_ids = shifted(batch.labels, model.start_id, model.pad_id)

    def one(own: Mapping[str, Tensor], ids: Tensor, mask: Tensor, inputs: Tensor, labels: Tensor, key: Tensor | None) -> Tensor:
        """The loss of one run, a scalar."""
        with masking(key) if masking is not None and key is not None else nullcontext():
            logits = functional_call(model, {**(shared or {}), **own}, (ids, mask, inputs))
        return cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction=form.reduction, label_smoothing=form.smoothing)

    if len(batch.input_ids) == 1:  # the same without the cost of vmap, which a run alone would carry by itself
        own = {name: value.squeeze(0) for name, value in stacked.items()}
        return one(own, batch.input_ids[0], batch.mask[0], decoder_ids[0], batch.labels[0], None if keys is None else keys[0])[None]
    in_dims = (0, 0, 0, 0, 0, None if keys is None else 0)
    return vmap(one, in_dims=in_dims)(dict(stacked), batch.input_ids, batch.mask, decoder_ids, batch.labels, keys)
