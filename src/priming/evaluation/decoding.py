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
    module, named = _named(model, "encode", stacked)
    return vmap(lambda own, *rest: functional_call(module, own, rest))(named, input_ids, mask)


@torch.no_grad()
def label_scores(
    model: TextModel, stacked: Named, states: Tensor, mask: Tensor, labels: Sequence[Sequence[Sequence[int]]], normalised: bool
) -> Tensor:
    """Log-probability of each label as the whole output, end token included [R x B x L].

    Args:
        model: the shared PLM with its elements.
        stacked: parameters of the runs, [R x ...] by name.
        states: what `encode` gave.
        mask: what `encode` gave.
        labels: token ids of the L labels of each run.
        normalised: the mean over a label's tokens instead of the sum.
    """
    runs, size, count = *states.shape[:2], len(labels[0])
    targets = pad([ids for own in labels for ids in own], IGNORED).view(runs, 1, count, -1).to(states.device)
    inputs = shifted(targets, model.start_id, model.pad_id).expand(runs, size, count, -1).flatten(1, 2)
    logits = _apply(model, "decode", stacked, states.repeat_interleave(count, 1), mask.repeat_interleave(count, 1), inputs)
    logits = logits.view(runs, size, count, *logits.shape[-2:])
    total = _log_probability(logits, targets)
    return total / (targets != IGNORED).sum(dim=-1) if normalised else total


@torch.no_grad()
def target_scores(model: TextModel, stacked: Named, states: Tensor, mask: Tensor, targets: Tensor) -> Tensor:
    """Log-probability of the whole output of each row, end token included [R x B]; `targets` [R x B x T] with IGNORED at padding."""
    inputs = shifted(targets, model.start_id, model.pad_id)
    return _log_probability(_apply(model, "decode", stacked, states, mask, inputs), targets)


def _log_probability(logits: Tensor, targets: Tensor) -> Tensor:
    """The sum over the tokens of `targets` [... x T], which may be broadcast to `logits` [... x T x V]."""
    picked = logits.gather(-1, targets.clamp(min=0).expand(logits.shape[:-1])[..., None])[..., 0]
    return ((picked - logits.logsumexp(dim=-1)) * (targets != IGNORED)).sum(dim=-1)


@torch.no_grad()
def greedy(model: TextModel, stacked: Named, states: Tensor, mask: Tensor, longest: int) -> Tensor:
    """The most likely token at each step, until every output has ended [R x B x up to `longest`]; after the end token, padding."""
    outputs = torch.full((*states.shape[:2], 1), model.start_id, device=states.device)
    ended = torch.zeros(states.shape[:2], dtype=torch.bool, device=states.device)
    for _ in range(longest):
        logits = next_logits(model, stacked, states, mask, outputs)
        token = logits.argmax(dim=-1).masked_fill(ended, model.pad_id)
        outputs = torch.cat([outputs, token[..., None]], dim=-1)
        ended |= token == model.end_id
        if ended.all():
            break
    return outputs[..., 1:]


class _Method(torch.nn.Module):
    """A method of the model as a forward pass, so that its parameters can be replaced."""

    def __init__(self, model: TextModel, method: str) -> None:
        super().__init__()
        self.model, self.method = model, method

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """What the method gives."""
        return getattr(self.model, self.method)(*inputs)


def _named(model: TextModel, method: str, stacked: Named) -> tuple[_Method, dict[str, Tensor]]:
    return _Method(model, method), {f"model.{name}": value for name, value in stacked.items()}


def next_logits(model: TextModel, stacked: Named, states: Tensor, mask: Tensor, outputs: Tensor) -> Tensor:
    """Logits [R x B x V] of the token after `outputs` [R x B x T]."""
    return _apply(model, "decode_next", stacked, states, mask, outputs)


def _apply(model: TextModel, method: str, stacked: Named, *inputs: Tensor) -> Tensor:
    """What a method of the model gives for each run, with its own parameters."""
    module, named = _named(model, method, stacked)
    found: Tensor = vmap(lambda own, *rest: functional_call(module, own, rest))(named, *inputs)
    return found
