"""The loss of R runs in one forward pass over one shared PLM; the loss of texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from priming.backbones.encoding import IGNORE_INDEX, Batch, shift_right
from priming.backbones.text_model import TextModel
from priming.forms.training import Loss
from priming.runs.side_by_side import Masking, for_each_run
from priming.section import Reduction


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

    def one(own: Mapping[str, Tensor], *of_run: Tensor) -> Tensor:
        """The loss of one run, a scalar."""
        return form.of(form.logits(model, {**(shared or {}), **own}, *of_run), *of_run)

    return for_each_run(one, len(batch.input_ids), stacked, inputs, keys, masking)
