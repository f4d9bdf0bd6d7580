"""The passes of encoder-decoder models, and the text infilling that pretrains generated ones (Lewis et al., 2020)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from priming.backbones.interface import AttentionShape, Backbone, Nodes, additive_mask

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from priming.backbones.encoding import Batch
    from priming.backbones.key_values import KeyValues
    from priming.backbones.loading import LoadedPlm
    from priming.backbones.sections import Pretraining

_SMALL_TREE = 64


class EncoderDecoder(Backbone):
    """An encoder whose states a decoder attends to."""

    passes = frozenset({"encode", "decode"})
    may_leave_out_ends = True

    def load_class(self) -> Any:
        """The library's class with an output layer."""
        from transformers import AutoModelForSeq2SeqLM

        return AutoModelForSeq2SeqLM

    def embedding(self, plm: Any) -> Any:
        """The encoder's, which scales where the PLM does."""
        return plm.get_encoder().get_input_embeddings()

    def states(self, plm: Any, embeddings: "Tensor", mask: "Tensor") -> "Tensor":
        """The encoder's last states."""
        from adapters.context import ForwardContext

        with ForwardContext(plm, attention_mask=mask):
            states: Tensor = plm.get_encoder()(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
        return states

    def logits(self, plm: Any, states: "Tensor", mask: "Tensor", output_ids: "Tensor") -> "Tensor":
        """The decoder's, after each of its inputs."""
        from transformers.modeling_outputs import BaseModelOutput

        encoded = BaseModelOutput(last_hidden_state=states)  # type: ignore[arg-type]
        output = plm(encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=output_ids, use_cache=False)
        logits: Tensor = output.logits
        return logits

    def tree_states(
        self, plm: Any, states: "Tensor", mask: "Tensor", nodes: Nodes, known: "KeyValues | None" = None
    ) -> "Tensor":
        """The decoder's last states; all nodes are one sequence, so that keys and values of an input are made once."""
        from adapters.context import ForwardContext

        tokens, depths, seen = nodes.of_each(len(states))
        allowed = additive_mask(seen, self.embedding(plm).weight.dtype)
        with ForwardContext(plm, attention_mask=mask):
            found: Tensor = plm.get_decoder()(
                input_ids=tokens,
                attention_mask=allowed,
                encoder_hidden_states=states,
                encoder_attention_mask=mask,
                cache_position=depths,
                past_key_values=None if known is None else known.cache,
                use_cache=known is not None,
            ).last_hidden_state
        return found

    def tree_size(self, config: Any, source: int) -> int:
        """As many as make keys and values of the encoder's states, which each tree has anew, cheap beside the nodes."""
        return max(_SMALL_TREE, source)

    def pairs(self, shape: AttentionShape, source: float, target: float, prefix: int) -> float:
        """In encoder and decoder, and from decoder to encoder."""
        encoder = shape.encoder * source * (source + prefix)
        return encoder + shape.decoder * target * (target + source + 2 * prefix)

    def pretraining_batch(
        self,
        loaded: "LoadedPlm",
        texts: Sequence[str],
        settings: "Pretraining",
        max_input: int,
        random: "np.random.Generator",
    ) -> "Batch":
        """Spans of words are masked; the whole text is to be written out."""
        from priming.backbones.pretraining import infilling_batch

        return infilling_batch(loaded, texts, settings, max_input, random)

    def pretraining_loss(self, model: Any, batch: "Batch") -> "Tensor":
        """The mean cross-entropy over target tokens."""
        from priming.backbones.pretraining import infilling_loss

        return infilling_loss(model, batch)
