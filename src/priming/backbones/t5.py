"""T5 and T5 1.1 (Raffel et al., 2020; Shazeer, 2020) and mT5 (Xue et al., 2021)."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from priming.backbones.encoder_decoder import EncoderDecoder
from priming.backbones.interface import AttentionShape, Nodes, Release, matrices

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from priming.backbones.key_values import KeyValues
    from priming.backbones.sections import Architecture

_CROSS = ("EncDecAttention.k", "EncDecAttention.v")


class T5(EncoderDecoder):
    """Relative positions, norms before the layers, no biases."""

    model_types = ("t5", "mt5")
    without_biases = frozenset(model_types)

    def prepare(self, config: Any, dropout: float | None) -> None:
        """Outputs start from the pad token where the configuration says nothing."""
        if config.decoder_start_token_id is None:
            config.decoder_start_token_id = config.pad_token_id
        if dropout is not None:
            config.dropout_rate = dropout

    def released(self, tensors: "Mapping[str, Tensor]", config: Any, entries: int, source: str) -> Release | None:
        """The checkpoints of Wu et al. (2022)."""
        from priming.backbones.t5_released import taken_apart

        return taken_apart(tensors, config, entries, source)

    def attention(self, config: Any) -> AttentionShape:
        """All heads together need not be as wide as the model."""
        return AttentionShape(config.num_layers, config.num_decoder_layers, config.d_kv * config.num_heads)

    def part(self, matrix: str) -> str:
        """By the names of transformers."""
        return "encoder" if ".encoder." in matrix else "cross" if matrix.endswith(_CROSS) else "decoder"

    def tree_states(
        self, plm: Any, states: "Tensor", mask: "Tensor", nodes: Nodes, known: "KeyValues | None" = None
    ) -> "Tensor":
        """Relative positions are those in the output, not those in the sequence of nodes."""
        attention = plm.get_decoder().block[0].layer[0].SelfAttention  # its bias is that of all layers
        buckets = attention._relative_position_bucket(
            nodes.depths[None] - nodes.depths[-nodes.tokens.shape[-1] :, None],
            bidirectional=False,
            num_buckets=attention.relative_attention_num_buckets,
            max_distance=attention.relative_attention_max_distance,
        )
        hook = attention.relative_attention_bias.register_forward_pre_hook(lambda _, inputs: (buckets,))
        try:
            return super().tree_states(plm, states, mask, nodes, known)
        finally:
            hook.remove()

    def project(self, plm: Any, states: "Tensor") -> "Tensor":
        """Scaled where the output layer is the embedding."""
        return super().project(plm, states * plm.model_dim**-0.5 if plm.config.tie_word_embeddings else states)

    def attach_prefix(self, plm: Any, length: int) -> None:
        """That of this project, since the library's counts among the positions."""
        from priming.backbones.t5_prefix import T5Prefix

        plm.prefix_tunings = T5Prefix(plm, length)

    def fuse_attention(self, plm: Any) -> None:
        """The libraries write out the steps of its attention."""
        from functools import partial

        for stack in (plm.encoder, plm.decoder):
            for module in (attention for block in stack.block for attention in _attentions(block)):
                module.forward = partial(_attend, module)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Suppress a warning that users cannot act on: `adapters` gives T5's blocks an argument by its old name."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`past_key_value` is deprecated", FutureWarning)
            yield

    def parameters(self, shape: "Architecture") -> int:
        """An embedding of tokens, and an output layer of its own."""
        return matrices(shape, 3) + 2 * shape.vocabulary * shape.d_model

    def random_model(self, shape: "Architecture", vocabulary: int) -> "PreTrainedModel":
        """The library's weights, but for the output layer, which would begin with outputs ten times too far apart."""
        import torch
        from transformers import MT5Config, MT5ForConditionalGeneration, T5Config, T5ForConditionalGeneration

        kinds = {"t5": (T5Config, T5ForConditionalGeneration), "mt5": (MT5Config, MT5ForConditionalGeneration)}
        config, kind = kinds[shape.family]
        model: PreTrainedModel = kind(config(**_options(shape, vocabulary)))
        with torch.no_grad():
            model.get_output_embeddings().weight.normal_(0.0, shape.initial_deviation)
        return model


def _attentions(block: Any) -> list[Any]:
    """A layer's own attention, and that to the encoder, where there is one."""
    first, *others = block.layer
    return [first.SelfAttention, *(layer.EncDecAttention for layer in others[:-1])]


def _attend(
    module: Any,
    hidden_states: "Tensor",
    mask: "Tensor",
    key_value_states: "Tensor | None" = None,
    position_bias: "Tensor | None" = None,
    cache_position: "Tensor | None" = None,
    past_key_values: Any = None,
    **_: Any,
) -> "tuple[Tensor, Tensor]":
    """As the forward pass of its attention: what is read [B x S x D], and the bias with the mask.

    Scores are not scaled; the first layer makes the bias, which later layers are given.
    """
    from priming.backbones.fused_attention import attention, rate_of
    from priming.backbones.key_values import keep, known_of

    def by_head(states: "Tensor") -> "Tensor":
        """[B x S x D] as [B x heads x S x D/heads]."""
        return states.unflatten(-1, (module.n_heads, -1)).transpose(1, 2)

    query, read = by_head(module.q(hidden_states)), hidden_states if key_value_states is None else key_value_states
    known = known_of(past_key_values, module.layer_idx, key_value_states is not None)
    if known is None:
        key, value = by_head(module.k(read)), by_head(module.v(read))
        if past_key_values is not None:
            key, value = keep(past_key_values, module.layer_idx, key_value_states is not None, key, value)
    else:
        key, value = known
    if position_bias is None:
        position_bias = mask
        if module.has_relative_attention_bias:
            sizes = (hidden_states.shape[1], key.shape[2])
            position_bias = mask + module.compute_bias(*sizes, hidden_states.device, cache_position=cache_position)
    found = attention(query, key, value, position_bias, 1.0, rate_of(module, module.dropout))
    return module.o(found.transpose(1, 2).flatten(2)), position_bias


def _options(shape: "Architecture", vocabulary: int) -> dict[str, Any]:
    """The configuration: that of T5 1.1."""
    from priming.backbones.tokenizer import SPECIAL

    return {
        "vocab_size": vocabulary,
        "d_model": shape.d_model,
        "d_kv": shape.d_model // shape.heads,
        "d_ff": shape.ffn,
        "num_layers": shape.layers,
        "num_decoder_layers": shape.layers,
        "num_heads": shape.heads,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "dropout_rate": 0.0,
        "use_cache": False,
        "pad_token_id": SPECIAL.index("<pad>"),
        "eos_token_id": SPECIAL.index("</s>"),
        "decoder_start_token_id": SPECIAL.index("<pad>"),
    }


BACKBONE = T5()
