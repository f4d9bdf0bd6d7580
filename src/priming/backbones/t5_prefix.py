"""The prefix of T5 and mT5: key and value vectors in front of those of every attention, the same for all inputs.

The `adapters` library counts its prefix among the positions: the relative distances of tokens, and so their biases,
would depend on its length.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


class T5Prefix(nn.Module):
    """Key and value vectors for every attention of a T5: of the encoder, of the decoder, and from decoder to encoder.

    Every query sees all of them, also in the causal decoder; their position bias is 0, and tokens have the relative
    positions that they have without a prefix. One parameter for each of the three kinds of attention holds the vectors
    of all its layers, [P x L·2·H], for P vectors, L layers, keys and values, and H, the width of all heads together: a
    row for each vector, as Wu et al. (2022) have them, which matters to update rules that factor matrices.

    Where keys and values are kept, the prefix is in front of them from the first pass on.
    """

    def __init__(self, plm: Any, length: int) -> None:
        super().__init__()
        self.length = length
        for kind, attentions in _attentions(plm).items():
            width = len(attentions) * 2 * attentions[0].inner_dim
            self.register_parameter(kind, nn.Parameter(torch.zeros(length, width)))
            for layer, attention in enumerate(attentions):
                self._extend(attention, kind, layer, len(attentions))

    def _extend(self, attention: Any, kind: str, layer: int, layers: int) -> None:
        """Let an attention have the prefix in front of its keys and values."""

        def with_prefix(states: Tensor, place: int) -> Tensor:
            """The states [B x S x H] with the prefix's keys (`place` 0) or values (1) in front."""
            if attention.prefix_is_kept:
                return states
            # The parameter is looked up in each pass, since runs replace it.
            table: Tensor = getattr(self, kind)
            vectors = table.view(self.length, layers, 2, -1)[:, layer, place]
            return torch.cat([vectors.to(states.dtype).expand(len(states), -1, -1), states], dim=1)

        attention.prefix_is_kept = False
        attention.k.register_forward_hook(lambda _, __, states: with_prefix(states, 0))
        attention.v.register_forward_hook(lambda _, __, states: with_prefix(states, 1))
        attention.register_forward_pre_hook(self._with_bias, with_kwargs=True)

    def _with_bias(
        self, attention: Any, inputs: tuple[Tensor], named: Mapping[str, Any]
    ) -> tuple[tuple[Tensor], dict[str, Any]]:
        """Give the first layer the tokens' biases and mask, with zeros for the prefix; later layers reuse them."""
        kept = named.get("past_key_values") if named.get("key_value_states") is None else None
        attention.prefix_is_kept = kept is not None and kept.get_seq_length(attention.layer_idx) > 0
        if named.get("position_bias") is not None:
            return inputs, dict(named)
        bias = named["mask"]
        if attention.has_relative_attention_bias:
            tokens = inputs[0].shape[1]
            bias = bias + attention.compute_bias(tokens, tokens, device=inputs[0].device)
        return inputs, {**named, "position_bias": pad(bias, (self.length, 0))}


def _attentions(plm: Any) -> dict[str, list[Any]]:
    """The attentions of each kind, by layer."""
    encoder, decoder = plm.encoder.block, plm.decoder.block
    return {
        "encoder_prefix": [block.layer[0].SelfAttention for block in encoder],
        "self_prefix": [block.layer[0].SelfAttention for block in decoder],
        "cross_prefix": [block.layer[1].EncDecAttention for block in decoder],
    }
