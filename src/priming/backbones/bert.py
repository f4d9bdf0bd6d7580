"""Encoders: BERT (Devlin et al., 2019), RoBERTa (Liu et al., 2019), XLM-R (Conneau et al., 2020) and their kin.

MiniLM (Wang et al., 2020) and most sentence encoders are BERT or XLM-R by their configuration.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from priming.backbones.interface import AttentionShape, Backbone

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from priming.backbones.encoding import Batch
    from priming.backbones.loading import LoadedPlm
    from priming.backbones.sections import Architecture, Pretraining

_BEFORE_POSITIONS = {"bert": 0, "roberta": 2, "xlm-roberta": 2}
"""Rows of the embedding of positions that no token has: RoBERTa counts from the padding token's id."""


class Bert(Backbone):
    """A state for each token, from all others; nothing is written."""

    model_types = ("bert", "roberta", "xlm-roberta")
    passes = frozenset({"encode"})
    stacks = 1
    mask_share = 0.15
    text_template = "<s> $A </s>"
    first_prefix = "self_prefix"

    def left_over(self, tensor: str) -> bool:
        """Whatever stands on top of the encoder: a pooler, a head; and the positions that older checkpoints store."""
        part = tensor.partition(".")[2] if tensor.startswith(("bert.", "roberta.")) else tensor
        return not part.startswith(("encoder.", "embeddings.")) or part == "embeddings.position_ids"

    def load_class(self) -> Any:
        """The library's class without an output layer."""
        from transformers import AutoModel

        return AutoModel

    def load(self, folder: Any, **options: Any) -> Any:
        """Without a pooler, which is made for the prediction of next sentences."""
        return super().load(folder, add_pooling_layer=False, **options)

    def prepare(self, config: Any, dropout: float | None) -> None:
        """With `dropout` 0, that of attention weights is off too."""
        config.is_decoder = config.add_cross_attention = False
        if dropout is not None:
            config.hidden_dropout_prob = dropout
        if dropout == 0:
            config.attention_probs_dropout_prob = 0.0

    def set_tokens(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Those before and after a text."""
        tokenizer.cls_token, tokenizer.sep_token = "<s>", "</s>"

    def unfit_tokenizer(self, tokenizer: "PreTrainedTokenizerBase", config: Any) -> str | None:
        """One that does not put a token before each text, whose state a class is read off."""
        first, *_, last = tokenizer("a")["input_ids"]
        if first == tokenizer.cls_token_id is not None and last == tokenizer.sep_token_id:
            return None
        return "does not put its class token before a text and its separator after it"

    def embedding(self, plm: Any) -> Any:
        """That of tokens; the model adds positions and types."""
        return plm.get_input_embeddings()

    def states(self, plm: Any, embeddings: "Tensor", mask: "Tensor") -> "Tensor":
        """The last layer's."""
        from adapters.context import ForwardContext

        with ForwardContext(plm, attention_mask=mask):
            states: Tensor = plm.base_model(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
        return states

    def unfusable(self, config: Any) -> str | None:
        """Positions that take part in each score."""
        if (kind := getattr(config, "position_embedding_type", "absolute")) != "absolute":
            return f"its positions are {kind!r}, and those of fused attention are 'absolute'"
        return None

    def fuse_attention(self, plm: Any) -> None:
        """The `adapters` library writes out the steps of its attention."""
        from functools import partial

        for layer in plm.base_model.encoder.layer:
            layer.attention.self.forward = partial(_attend, layer.attention.self)

    def dropout(self, config: Any) -> float:
        """That of heads, else that of the layers."""
        of_heads = getattr(config, "classifier_dropout", None)
        return float(config.hidden_dropout_prob if of_heads is None else of_heads)

    def attention(self, config: Any) -> AttentionShape:
        """All layers are the encoder's."""
        return AttentionShape(config.num_hidden_layers, 0, config.hidden_size)

    def part(self, matrix: str) -> str:
        """Every matrix is the encoder's."""
        return "encoder"

    def pairs(self, shape: AttentionShape, source: float, target: float, prefix: int) -> float:
        """Of all tokens with each other."""
        return shape.encoder * source * (source + prefix)

    def projected(self, target: float) -> float:
        """No state is projected on the vocabulary."""
        return 0.0

    def parameters(self, shape: "Architecture") -> int:
        """One stack, an embedding each of tokens and positions; without the layer by which it is pretrained."""
        layer = 4 * shape.d_model**2 + 2 * shape.d_model * shape.ffn
        before, types = _BEFORE_POSITIONS[shape.family], _types(shape)
        return shape.layers * layer + (shape.vocabulary + shape.positions + before + types) * shape.d_model

    def longest_input(self, config: Any) -> int:
        """Positions are learned, so there are only so many."""
        return int(config.max_position_embeddings) - _BEFORE_POSITIONS[config.model_type]

    def too_short(self, shape: "Architecture", longest: int) -> bool:
        """Positions are learned, so there are only so many."""
        return longest > shape.positions

    def random_model(self, shape: "Architecture", vocabulary: int) -> "PreTrainedModel":
        """Normal weights of the deviation asked for, with the layer by which it is pretrained."""
        from transformers import AutoConfig, AutoModelForMaskedLM

        from priming.backbones.tokenizer import SPECIAL

        config = AutoConfig.for_model(
            shape.family,
            vocab_size=vocabulary,
            hidden_size=shape.d_model,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=shape.ffn,
            max_position_embeddings=shape.positions + _BEFORE_POSITIONS[shape.family],
            type_vocab_size=_types(shape),
            initializer_range=shape.initial_deviation,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=SPECIAL.index("<pad>"),
            bos_token_id=SPECIAL.index("<s>"),
            eos_token_id=SPECIAL.index("</s>"),
        )
        model: PreTrainedModel = AutoModelForMaskedLM.from_config(config, attn_implementation="eager")
        return model

    def pretraining_batch(
        self,
        loaded: "LoadedPlm",
        texts: Sequence[str],
        settings: "Pretraining",
        max_input: int,
        random: "np.random.Generator",
    ) -> "Batch":
        """Tokens are masked, and are to be guessed."""
        from priming.backbones.masking import masked_batch

        return masked_batch(loaded, texts, settings.mask_share or self.mask_share, max_input, random)

    def pretraining_loss(self, model: Any, batch: "Batch") -> "Tensor":
        """The mean cross-entropy over masked tokens."""
        from priming.backbones.masking import masked_loss

        return masked_loss(model, batch)


def _attend(module: Any, hidden_states: "Tensor", attention_mask: "Tensor", **_: Any) -> "tuple[Tensor, None]":
    """As the forward pass of its self-attention with adapters; what is read [B x S x D], and no weights."""
    from adapters.utils import prefix_attention_mask

    from priming.backbones.fused_attention import attention, rate_of

    mask, shape = prefix_attention_mask(attention_mask), (module.num_attention_heads, module.attention_head_size)
    query, key, value = (
        of(hidden_states).unflatten(-1, shape).transpose(1, 2) for of in (module.query, module.key, module.value)
    )
    key, value, mask = module.prefix_tuning(key, value, hidden_states, mask)
    rate = rate_of(module, module.dropout.p)
    return attention(query, key, value, mask, shape[1] ** -0.5, rate).transpose(1, 2).flatten(2), None


def _types(shape: "Architecture") -> int:
    """Types of tokens: BERT tells two segments apart."""
    return 2 if shape.family == "bert" else 1


BACKBONE = Bert()
