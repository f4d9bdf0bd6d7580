"""Beam search side by side over a shared PLM, step by step that of Hugging Face's `generate` without early stopping."""

from dataclasses import dataclass

import torch
from torch import Tensor

from priming.backbones.text_model import TextModel
from priming.forms.decoding import Outputs
from priming.forms.methods import Named


@dataclass
class Beams:
    """The beams of N rows, K each, at one length t.

    Attributes:
        running: ids of those that go on, the start token first [N x K x 1 + t].
        parents: which of those before each goes on from [N x K]; 0 where these were all the start token.
        sums: their summed log-probabilities, best first [N x K].
        ended: ids of the best that have ended, padded [N x K x 1 + t].
        scores: their log-probabilities over their length, best first, -inf where there is none yet [N x K].
        open: whether a row may still find better ones [N].
    """

    running: Tensor
    parents: Tensor
    sums: Tensor
    ended: Tensor
    scores: Tensor
    open: Tensor

    @classmethod
    def start(cls, rows: int, width: int, start_id: int, device: torch.device) -> "Beams":
        """Every beam at the start token; all but the first count for nothing, since they are the same."""
        tokens = torch.full((rows, width, 1), start_id, device=device)
        nothing = torch.full((rows, width), -torch.inf, device=device)
        first = torch.zeros(rows, dtype=torch.long, device=device)
        parents = torch.zeros((rows, width), dtype=torch.long, device=device)
        return cls(tokens, parents, nothing.index_fill(1, first[:1], 0.0), tokens, nothing, first == 0)


@torch.no_grad()
def beam_search(
    model: TextModel,
    stacked: Named,
    states: Tensor,
    mask: Tensor,
    longest: int,
    width: int,
    length_penalty: float = 1.0,
) -> Tensor:
    """The output of the highest log-probability over its length to the power `length_penalty` that `width` beams find.

    A row is done when `width` outputs have ended and none that goes on is better than the worst of them, each over its
    length so far. An output of `longest` tokens ends there.

    Returns ids [R x B x up to `longest`]; after the end token, padding.
    """
    runs, size = states.shape[:2]
    beams = Beams.start(runs * size, width, model.start_id, states.device)
    outputs = Outputs(model, stacked, states, mask)
    logits = outputs.start().expand(-1, -1, width, -1)
    for length in range(1, longest + 1):
        if length > 1:
            logits = outputs.grow(*(own.view(runs, size, width) for own in (beams.running[..., -1], beams.parents)))
        logp = logits.flatten(0, 1).log_softmax(dim=-1)
        _extend(beams, logp, model, length**length_penalty, last=length == longest)
        if not beams.open.any():
            break
    return beams.ended[:, 0, 1:].view(runs, size, -1)


def _extend(beams: Beams, logp: Tensor, model: TextModel, divisor: float, *, last: bool) -> None:
    """Let every beam go on by a token, with log-probabilities `logp` [N x K x V].

    Of a row's 2K best continuations K at the most end, so K go on; only the first K may end.
    """
    width, vocabulary = logp.shape[1:]
    sums, places = (beams.sums[..., None] + logp).flatten(1).topk(2 * width, dim=1)
    tokens = torch.cat([_rows(beams.running, places // vocabulary), (places % vocabulary)[..., None]], dim=-1)
    ends = (tokens[..., -1] == model.end_id) | last
    counted = ends[:, :width] & beams.open[:, None]
    ended = torch.cat([beams.ended, torch.full_like(beams.ended[..., :1], model.pad_id)], dim=-1)
    scores = torch.cat([beams.scores, torch.where(counted, sums[:, :width] / divisor, -torch.inf)], dim=1)
    beams.scores, kept = scores.topk(width, dim=1)
    beams.ended = _rows(torch.cat([ended, tokens[:, :width]], dim=1), kept)
    beams.sums, going_on = sums.masked_fill(ends, -torch.inf).topk(width, dim=1)
    beams.parents = (places // vocabulary).gather(1, going_on) * (beams.running.shape[-1] > 1)
    beams.running = _rows(tokens, going_on)
    beams.open = beams.open & (beams.sums[:, 0] / divisor > beams.scores[:, -1])


def _rows(beams: Tensor, index: Tensor) -> Tensor:
    """Beams [N x K' x T] at `index` [N x K]."""
    return beams.gather(1, index[..., None].expand(-1, -1, beams.shape[-1]))
