"""BART (Lewis et al., 2020)."""

from typing import TYPE_CHECKING, Any

from priming.backbones.encoder_decoder import EncoderDecoder
from priming.backbones.interface import AttentionShape, matrices

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from priming.backbones.sections import Architecture

_CROSS = ("encoder_attn.k_proj", "encoder_attn.v_proj")


class Bart(EncoderDecoder):
    """Learned positions, norms after the layers, an output layer that is the embedding."""

    model_types = ("bart",)

    def prepare(self, config: Any, dropout: float | None) -> None:
        """With `dropout` 0, that of attention weights and activations is off too."""
        config.encoder_layerdrop = config.decoder_layerdrop = 0.0
        if dropout is not None:
            config.dropout = dropout
        if dropout == 0:
            config.attention_dropout = config.activation_dropout = 0.0

    def project(self, plm: Any, states: "Tensor") -> "Tensor":
        """With the bias that stands beside its output layer."""
        from torch.nn.functional import linear

        return linear(states, plm.get_output_embeddings().weight, plm.final_logits_bias[0])

    def attention(self, config: Any) -> AttentionShape:
        """All heads together are as wide as the model."""
        return AttentionShape(config.encoder_layers, config.decoder_layers, config.d_model)

    def part(self, matrix: str) -> str:
        """By the names of transformers."""
        return "encoder" if ".encoder." in matrix else "cross" if matrix.endswith(_CROSS) else "decoder"

    def parameters(self, shape: "Architecture") -> int:
        """One embedding of tokens, two of positions."""
        return matrices(shape, 2) + (shape.vocabulary + 2 * shape.positions) * shape.d_model

    def too_short(self, shape: "Architecture", longest: int) -> bool:
        """Positions are learned, so there are only so many."""
        return longest > shape.positions

    def random_model(self, shape: "Architecture", vocabulary: int) -> "PreTrainedModel":
        """Normal weights of the deviation asked for."""
        from transformers import BartConfig, BartForConditionalGeneration

        from priming.backbones.tokenizer import SPECIAL

        ids = {name: SPECIAL.index(token) for name, token in (("bos", "<s>"), ("pad", "<pad>"), ("eos", "</s>"))}
        config = BartConfig(
            vocab_size=vocabulary,
            d_model=shape.d_model,
            encoder_layers=shape.layers,
            decoder_layers=shape.layers,
            encoder_ffn_dim=shape.ffn,
            decoder_ffn_dim=shape.ffn,
            encoder_attention_heads=shape.heads,
            decoder_attention_heads=shape.heads,
            max_position_embeddings=shape.positions,
            init_std=shape.initial_deviation,
            dropout=0.0,
            use_cache=False,
            bos_token_id=ids["bos"],
            pad_token_id=ids["pad"],
            eos_token_id=ids["eos"],
            decoder_start_token_id=ids["eos"],
            forced_eos_token_id=None,
            attn_implementation="eager",
        )
        return BartForConditionalGeneration(config)


BACKBONE = Bart()
