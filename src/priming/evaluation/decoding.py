"""What R models answer: label ranking and greedy generation, side by side over one shared PLM."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from priming.models.encoding import IGNORED, pad, shifted
from priming.models.text_model import TextModel

Named = Mapping[str, Tensor]


@torch.no_grad()
def encode(model: TextModel, stacked: Named, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Encoder states [R x B x S x D] of inputs [R x B x S], and their mask."""
    return _vmapped(model, stacked, "encode", input_ids, mask)


@torch.no_grad()
def label_scores(model: TextModel, stacked: Named, states: Tensor, mask: Tensor, labels: Sequence[Sequence[int]], normalised: bool) -> Tensor:
    """Log-probability of each label as the whole output, end token included [R x B x L].

    Args:
        states, mask: what `encode` gave.
        labels: token ids of each of L labels.
        normalised: the mean over a label's tokens instead of the sum.
    """
    config = model.plm.config
    targets = pad(labels, IGNORED).to(states.device)
    inputs = shifted(targets, config.decoder_start_token_id, config.pad_token_id)
    runs, size, count = *states.shape[:2], len(labels)
    tiled = inputs.repeat(size, 1).expand(runs, -1, -1)
    logits = _vmapped(model, stacked, "decode", states.repeat_interleave(count, 1), mask.repeat_interleave(count, 1), tiled)
    logp = torch.log_softmax(logits.float() if logits.dtype == torch.bfloat16 else logits, dim=-1).view(runs, size, count, *logits.shape[-2:])
    kept = targets != IGNORED
    picked = logp.gather(-1, targets.clamp(min=0).expand(runs, size, -1, -1)[..., None])[..., 0] * kept
    total = picked.sum(dim=-1)
    return total / kept.sum(dim=-1) if normalised else total


@torch.no_grad()
def greedy(model: TextModel, stacked: Named, states: Tensor, mask: Tensor, longest: int) -> Tensor:
    """The most likely token at each step, until every output has ended [R x B x up to `longest`]; after the end token, padding."""
    config = model.plm.config
    outputs = torch.full((*states.shape[:2], 1), config.decoder_start_token_id, device=states.device)
    ended = torch.zeros(states.shape[:2], dtype=torch.bool, device=states.device)
    for _ in range(longest):
        logits = _vmapped(model, stacked, "decode", states, mask, outputs)[..., -1, :]
        token = logits.argmax(dim=-1).masked_fill(ended, config.pad_token_id)
        outputs = torch.cat([outputs, token[..., None]], dim=-1)
        ended |= token == config.eos_token_id
        if ended.all():
            break
    return outputs[..., 1:]


class _Method(torch.nn.Module):
    """A method of the model as a forward pass, so that its parameters can be replaced."""

    def __init__(self, model: TextModel, method: str) -> None:
        super().__init__()
        self.model, self.method = model, method

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return getattr(self.model, self.method)(*inputs)


def _vmapped(model: TextModel, stacked: Named, method: str, *inputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    module = _Method(model, method)
    named = {f"model.{name}": value for name, value in stacked.items()}
    return vmap(lambda own, *rest: functional_call(module, own, rest))(named, *inputs)
