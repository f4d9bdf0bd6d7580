"""What R models answer: label ranking and greedy generation, side by side over one shared PLM."""

from collections.abc import Sequence

import torch
from torch import Tensor

from priming.backbones.encoding import IGNORE_INDEX, shift_right
from priming.backbones.text_model import TextModel
from priming.forms.label_tree import LabelTree
from priming.forms.methods import Named, apply


@torch.no_grad()
def encode(model: TextModel, stacked: Named, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """TextTokenizer states [R x B x S x D] of inputs [R x B x S], and their mask."""
    found: tuple[Tensor, Tensor] = apply(model, "encode", stacked, input_ids, mask)
    return found


@torch.no_grad()
def label_scores(
    model: TextModel,
    stacked: Named,
    states: Tensor,
    mask: Tensor,
    trees: Sequence[LabelTree],
    normalised: bool,
    at_once: int = 512,
) -> Tensor:
    """Log-probability of each label as the whole output, end token included [R x B x L].

    Args:
        model: the shared PLM with its elements.
        stacked: parameters of the runs, [R x ...] by name.
        states: what `encode` gave.
        mask: what `encode` gave.
        trees: the labels of each run.
        normalised: the mean over a label's tokens instead of the sum.
        at_once: nodes of all runs and rows whose logits are made at once, if there are as many runs.
    """
    found = []
    labels = torch.cat([tree.labels for tree in trees], dim=1)
    for tree in trees:
        given = (tree.tokens, tree.depths, tree.seen, tree.nodes.flatten(1), tree.targets.flatten(1))
        each = max(1, at_once // len(states))
        logp = apply(model, "score_tree", stacked, states, mask, *given, at_once=each)
        total = logp.unflatten(2, tree.nodes.shape[1:]).sum(dim=-1)
        found.append(total / tree.lengths[:, None] if normalised else total)
    return torch.cat(found, dim=-1).gather(2, labels.argsort(dim=1)[:, None].expand(-1, states.shape[1], -1))


@torch.no_grad()
def target_scores(model: TextModel, stacked: Named, states: Tensor, mask: Tensor, targets: Tensor) -> Tensor:
    """Log-probability of the whole output of each row, end token included [R x B].

    `targets` are [R x B x T] with IGNORE_INDEX at padding.
    """
    inputs = shift_right(targets, model.start_id, model.pad_id)
    return _log_probability(apply(model, "decode", stacked, states, mask, inputs), targets)


def _log_probability(logits: Tensor, targets: Tensor) -> Tensor:
    """The sum over the tokens of `targets` [... x T], which may be broadcast to `logits` [... x T x V]."""
    picked = logits.gather(-1, targets.clamp(min=0).expand(logits.shape[:-1])[..., None])[..., 0]
    return ((picked - logits.logsumexp(dim=-1)) * (targets != IGNORE_INDEX)).sum(dim=-1)


class Outputs:
    """Outputs of R x B rows that grow by K tokens a row at a time; what they begin with passes once.

    The tokens of a row are the nodes of a tree: each goes on from one of those before it, so that outputs which go on
    from the same one need not be copied, and none is moved.
    """

    def __init__(self, model: TextModel, stacked: Named, states: Tensor, mask: Tensor) -> None:
        """Nothing is written yet; `states` and `mask` are what `encode` gave."""
        self.model, self.stacked, self.states, self.mask = model, stacked, states, mask
        self.depths = torch.zeros((len(states), 0), dtype=torch.long, device=states.device)
        self.seen = torch.zeros((*states.shape[:2], 1, 0), dtype=torch.bool, device=states.device)
        self.kept: tuple[Tensor, ...] = ()

    def start(self) -> Tensor:
        """Logits [R x B x 1 x V] of the first token."""
        first = torch.full(self.seen.shape[:3], self.model.start_id, device=self.states.device)
        return self.grow(first, torch.zeros_like(first))

    @torch.no_grad()
    def grow(self, tokens: Tensor, parents: Tensor) -> Tensor:
        """Logits [R x B x K x V] after `tokens` [R x B x K], whose `parents` [R x B x K] are of the last."""
        new = tokens.shape[-1]
        depth = self.depths[:, -1:] + 1 if self.kept else self.depths.new_zeros((len(self.depths), 1))
        self.depths = torch.cat([self.depths, depth.expand(-1, new)], dim=1)
        before = self.seen.gather(2, parents[..., None].expand(-1, -1, -1, self.seen.shape[-1]))
        itself = torch.eye(new, dtype=torch.bool, device=tokens.device).expand(*tokens.shape, -1)
        self.seen = torch.cat([before, itself], dim=-1)
        given = self.states, self.mask, tokens, self.depths, self.seen, *self.kept
        logits, *kept = apply(self.model, "grow", self.stacked, *given)
        self.kept = tuple(kept)
        return logits


@torch.no_grad()
def greedy(model: TextModel, stacked: Named, states: Tensor, mask: Tensor, longest: int) -> Tensor:
    """The most likely token at each step, until every output has ended [R x B x up to `longest`].

    After the end token, padding.
    """
    outputs = Outputs(model, stacked, states, mask)
    logits, found = outputs.start(), []
    ended = torch.zeros(states.shape[:2], dtype=torch.bool, device=states.device)
    while True:
        found.append(logits[:, :, 0].argmax(dim=-1).masked_fill(ended, model.pad_id))
        ended |= found[-1] == model.end_id
        if ended.all() or len(found) == longest:
            return torch.stack(found, dim=-1)
        tokens = found[-1][..., None]
        logits = outputs.grow(tokens, torch.zeros_like(tokens))
