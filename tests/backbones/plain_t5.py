"""T5 with a prefix, written out: transformers' model, its attentions replaced by plain ones with explicit prefixes."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class PrefixedAttention(nn.Module):
    """An attention of T5, softmax(q [k_prefix; k_tokens] + [0; bias + mask]) [v_prefix; v_tokens], a head at a time."""

    def __init__(self, attention: Any, length: int) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = attention.q, attention.k, attention.v, attention.o
        self.heads, self.causal = attention.n_heads, attention.is_decoder
        self.relative_attention_bias = (
            attention.relative_attention_bias if attention.has_relative_attention_bias else None
        )
        self.buckets, self.farthest = (
            attention.relative_attention_num_buckets,
            attention.relative_attention_max_distance,
        )
        width = attention.inner_dim // self.heads
        self.prefix_keys = nn.Parameter(torch.zeros(self.heads, length, width))
        self.prefix_values = nn.Parameter(torch.zeros(self.heads, length, width))
        self.weights: Tensor | None = None

    def forward(
        self,
        hidden_states: Tensor,
        mask: Tensor,
        key_value_states: Tensor | None = None,
        position_bias: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor, Tensor]:
        """What is attended to, and the biases of the tokens, which the first layer hands on to the others."""
        source = hidden_states if key_value_states is None else key_value_states
        queries, keys, values = (
            self._heads(layer(states))
            for layer, states in ((self.q, hidden_states), (self.k, source), (self.v, source))
        )
        if position_bias is None:
            position_bias = self._bias(hidden_states.shape[1], source.shape[1]) + mask
        outputs, weights = [], []
        for head in range(self.heads):
            of_prefix = queries[:, head] @ self.prefix_keys[head].T
            of_tokens = (
                queries[:, head] @ keys[:, head].transpose(1, 2) + position_bias.expand(-1, self.heads, -1, -1)[:, head]
            )
            shares = torch.cat([of_prefix, of_tokens], dim=-1).softmax(dim=-1)
            length = of_prefix.shape[-1]
            outputs.append(shares[..., :length] @ self.prefix_values[head] + shares[..., length:] @ values[:, head])
            weights.append(shares)
        self.weights = torch.stack(weights, dim=1)
        return self.o(torch.cat(outputs, dim=-1)), position_bias

    def _heads(self, states: Tensor) -> Tensor:
        return states.view(*states.shape[:2], self.heads, -1).transpose(1, 2)

    def _bias(self, queries: int, keys: int) -> Tensor:
        """The bias of each pair of tokens [1 x heads x queries x keys]; none in cross-attention."""
        if self.relative_attention_bias is None:
            return torch.zeros(1, 1, queries, keys, dtype=self.q.weight.dtype)
        buckets = torch.tensor([[self._bucket(key - query) for key in range(keys)] for query in range(queries)])
        return self.relative_attention_bias.weight[buckets].permute(2, 0, 1)[None]

    def _bucket(self, distance: int) -> int:
        """Half of each side's buckets hold one distance each; the others are logarithmic, up to the largest one."""
        side = self.buckets if self.causal else self.buckets // 2
        far = max(-distance, 0) if self.causal else abs(distance)
        near = side // 2
        if far >= near:
            far = min(near + int(math.log(far / near) / math.log(self.farthest / near) * (side - near)), side - 1)
        return far + (side if distance > 0 and not self.causal else 0)


def prefixed(plain: PreTrainedModel, length: int) -> dict[str, list[PrefixedAttention]]:
    """Replace every attention of a T5; they are returned by the kind that the project has one parameter for."""
    model: Any = plain
    found: dict[str, list[PrefixedAttention]] = {"encoder": [], "self": [], "cross": []}
    for stack, kind in ((model.encoder, "encoder"), (model.decoder, "self")):
        for block in stack.block:
            block.layer[0].SelfAttention = PrefixedAttention(block.layer[0].SelfAttention, length)
            found[kind].append(block.layer[0].SelfAttention)
    for block in model.decoder.block:
        block.layer[1].EncDecAttention = PrefixedAttention(block.layer[1].EncDecAttention, length)
        found["cross"].append(block.layer[1].EncDecAttention)
    return found
