"""T5 1.1 from its tensors alone, without transformers and this project, with vectors in front of every attention."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]


class Sizes(NamedTuple):
    """What the tensors do not tell."""

    heads: int
    buckets: int = 32
    farthest: int = 128
    epsilon: float = 1e-6


class Deep(NamedTuple):
    """Tables [P x L·2·H] of the attentions of the encoder, of the decoder, and from decoder to encoder."""

    encoder: Tensor
    decoder: Tensor
    cross: Tensor


def logits(
    tensors: Tensors, sizes: Sizes, embedded: Tensor, mask: Tensor, outputs: Tensor, deep: Deep | None = None
) -> Tensor:
    """Logits [B x T x V] after each of `outputs` [B x T], for inputs `embedded` [B x S x D] with `mask` [B x S]."""
    hidden = mask[:, None, :] == 0
    states = _stack(tensors, sizes, "encoder", embedded, hidden, deep and deep.encoder)
    begun = tensors["shared.weight"][outputs]
    later = torch.ones(outputs.shape[1], outputs.shape[1]).triu(1).bool().expand(len(outputs), -1, -1)
    return (
        _stack(tensors, sizes, "decoder", begun, later, deep and deep.decoder, (states, hidden, deep and deep.cross))
        @ tensors["lm_head.weight"].T
    )


def _stack(
    tensors: Tensors,
    sizes: Sizes,
    name: str,
    states: Tensor,
    hidden: Tensor,
    table: Tensor | None,
    source: tuple[Tensor, Tensor, Tensor | None] | None = None,
) -> Tensor:
    layers = 1 + max(int(key.split(".")[2]) for key in tensors if key.startswith(f"{name}.block."))
    bias = _biases(tensors[f"{name}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"], sizes, states, name)
    for layer in range(layers):
        at = f"{name}.block.{layer}.layer"
        normed = _norm(states, tensors[f"{at}.0.layer_norm.weight"], sizes)
        pairs = _of_layer(table, layer, layers)
        states = states + _attention(tensors, f"{at}.0.SelfAttention", sizes, normed, normed, hidden, bias, pairs)
        if source is not None:
            normed = _norm(states, tensors[f"{at}.1.layer_norm.weight"], sizes)
            others, unseen, cross = source
            none = torch.zeros(sizes.heads, 1, 1)
            pairs = _of_layer(cross, layer, layers)
            states = states + _attention(tensors, f"{at}.1.EncDecAttention", sizes, normed, others, unseen, none, pairs)
        last = f"{at}.{1 if source is None else 2}"
        normed = _norm(states, tensors[f"{last}.layer_norm.weight"], sizes)
        inner = normed @ tensors[f"{last}.DenseReluDense.wi_0.weight"].T
        gate = 0.5 * inner * (1 + torch.tanh(math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3)))
        wide = gate * (normed @ tensors[f"{last}.DenseReluDense.wi_1.weight"].T)
        states = states + wide @ tensors[f"{last}.DenseReluDense.wo.weight"].T
    return _norm(states, tensors[f"{name}.final_layer_norm.weight"], sizes)


def _of_layer(table: Tensor | None, layer: int, layers: int) -> tuple[Tensor, Tensor] | None:
    """Keys and values [P x H] of a layer: a row of the table has keys and values of each layer, one layer after the
    other."""
    if table is None:
        return None
    width = table.shape[1] // (2 * layers)
    start = 2 * layer * width
    return table[:, start : start + width], table[:, start + width : start + 2 * width]


def _attention(
    tensors: Tensors,
    name: str,
    sizes: Sizes,
    states: Tensor,
    source: Tensor,
    hidden: Tensor,
    bias: Tensor,
    pairs: tuple[Tensor, Tensor] | None,
) -> Tensor:
    """Attention of one example and one head at a time; the vectors of a prompt are seen by all, and have no bias."""
    examples = []
    for row in range(len(states)):
        queries, keys, values = (
            given[row] @ tensors[f"{name}.{part}.weight"].T
            for part, given in (("q", states), ("k", source), ("v", source))
        )
        width = queries.shape[1] // sizes.heads
        heads = []
        for head in range(sizes.heads):
            own = slice(head * width, (head + 1) * width)
            scores = queries[:, own] @ keys[:, own].T + bias[head]
            scores = scores.masked_fill(hidden[row].expand_as(scores), -math.inf)
            seen = values[:, own]
            if pairs is not None:
                scores = torch.cat([queries[:, own] @ pairs[0][:, own].T, scores], dim=1)
                seen = torch.cat([pairs[1][:, own], seen])
            heads.append(scores.softmax(dim=1) @ seen)
        examples.append(torch.cat(heads, dim=1))
    return torch.stack(examples) @ tensors[f"{name}.o.weight"].T


def _norm(states: Tensor, weight: Tensor, sizes: Sizes) -> Tensor:
    return weight * states / (states.square().mean(dim=-1, keepdim=True) + sizes.epsilon).sqrt()


def _biases(weight: Tensor, sizes: Sizes, states: Tensor, name: str) -> Tensor:
    """The bias of each head for each pair of tokens [heads x S x S]."""
    length, both = states.shape[1], name == "encoder"
    rows = [[_bucket(key - query, sizes, both) for key in range(length)] for query in range(length)]
    return weight[torch.tensor(rows)].permute(2, 0, 1)


def _bucket(distance: int, sizes: Sizes, both: bool) -> int:
    """The bucket of a distance: in the encoder half of them are for what follows, in the decoder all for what is past;
    half of a side's are for one distance each, and the others grow by the same factor."""
    number = sizes.buckets // 2 if both else sizes.buckets
    first = number if both and distance > 0 else 0
    steps = abs(distance) if both else max(-distance, 0)
    exact = number // 2
    if steps < exact:
        return first + steps
    grown = exact + int(math.log(steps / exact) / math.log(sizes.farthest / exact) * (number - exact))
    return first + min(grown, number - 1)
