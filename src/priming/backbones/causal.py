"""Decoder-only models: GPT-2 (Radford et al., 2019), Llama (Touvron et al., 2023), Qwen2 (Yang et al., 2024).

The input stands in front of the output. The first token of an output is predicted at the last token of its input, so
the start token of decoder inputs has no place here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any

from priming.backbones.interface import AttentionShape, Backbone, Nodes, additive_mask
from priming.errors import StudyError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from priming.backbones.encoding import Batch
    from priming.backbones.key_values import KeyValues
    from priming.backbones.loading import LoadedPlm
    from priming.backbones.sections import Architecture, Pretraining

_LEARNED_POSITIONS = "gpt2"
_BUFFER = 4  # dimensions
_OLD, _NEW = "past_key_value", "past_key_values"
_SMALL_TREE, _TIMES_INPUT = 128, 4


class Causal(Backbone):
    """One stack of layers over input and output, each token attending to those before it."""

    model_types = ("gpt2", "llama", "qwen2")
    passes = frozenset({"decode"})
    ends_inputs = False
    stacks = 1
    without_biases = frozenset({"llama"})
    without_prefix = "the library's prefix shifts the positions of tokens"

    def rounded(self, config: Any, source: int, target: int) -> tuple[int, int]:
        """Input and output pass together; what is added stands at the end, so that dropout masks stay the same."""
        tokens = source + target - 1
        return source, target + super().rounded(config, tokens, 1)[0] - tokens

    def load_class(self) -> Any:
        """The library's class with an output layer."""
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM

    def prepare(self, config: Any, dropout: float | None) -> None:
        """Padding is the end token where the configuration names none; it is never attended to."""
        if config.pad_token_id is None:
            config.pad_token_id = config.eos_token_id
        config.decoder_start_token_id = config.eos_token_id
        for key in ("attn_pdrop", "embd_pdrop", "resid_pdrop", "attention_dropout"):
            if dropout is not None and hasattr(config, key):
                setattr(config, key, dropout)

    def embedding(self, plm: Any) -> Any:
        """That of tokens."""
        return plm.get_input_embeddings()

    def states(self, plm: Any, embeddings: "Tensor", mask: "Tensor") -> "Tensor":
        """The embeddings: input and output pass together."""
        return embeddings

    def logits(self, plm: Any, states: "Tensor", mask: "Tensor", output_ids: "Tensor") -> "Tensor":
        """At the last token of each input, and at each token of the output but the start token."""
        import torch

        real = torch.cat([mask, torch.ones_like(output_ids[:, 1:], dtype=mask.dtype)], dim=1)
        positions = (real.cumsum(dim=1) - 1).clamp(min=0)
        return self.project(plm, self._hidden(plm, states, mask, output_ids, positions, _causal(real)))

    def tree_states(
        self, plm: Any, states: "Tensor", mask: "Tensor", nodes: Nodes, known: "KeyValues | None" = None
    ) -> "Tensor":
        """The start token's are those at the last token of each input, where all others go on from."""
        import torch

        batch, source = mask.shape
        tokens, depths, seen = nodes.of_each(batch)
        behind = mask.sum(dim=1, keepdim=True) - 1 + depths
        if known is not None and not known.empty:
            input_too = mask[:, None].bool().expand(-1, tokens.shape[1], -1)
            allowed = torch.cat([input_too, seen[:, :, 1:]], dim=2)
            return self._passed(plm, self.embedding(plm)(tokens).to(states.dtype), behind, allowed, known)
        real = torch.cat([mask, torch.ones_like(tokens[:, 1:], dtype=mask.dtype)], dim=1)
        allowed = _causal(real)
        of_nodes = torch.cat([allowed[:, source:, :source], seen[:, 1:, 1:]], dim=2)
        allowed = torch.cat([allowed[:, :source], of_nodes], dim=1)
        of_input = (mask.cumsum(dim=1) - 1).clamp(min=0)
        positions = torch.cat([of_input, behind[:, 1:]], dim=1)
        return self._hidden(plm, states, mask, tokens, positions, allowed, known)

    def _hidden(
        self,
        plm: Any,
        states: "Tensor",
        mask: "Tensor",
        output_ids: "Tensor",
        positions: "Tensor",
        allowed: "Tensor",
        known: "KeyValues | None" = None,
    ) -> "Tensor":
        """States [B x T x D] at the last token of each input, and at each of `output_ids` [B x T] but the first.

        Input and output have `positions` [B x L] and attend where that is `allowed` [B x L x L], with L = S + T - 1.
        """
        import torch

        output = self.embedding(plm)(output_ids[:, 1:]).to(states.dtype)
        hidden = self._passed(plm, torch.cat([states, output], dim=1), positions, allowed, known)
        last = (mask.sum(dim=1) - 1).long()[:, None, None].expand(-1, 1, hidden.shape[-1])
        return torch.cat([hidden.gather(1, last), hidden[:, states.shape[1] :]], dim=1)

    def _passed(
        self, plm: Any, embeddings: "Tensor", positions: "Tensor", allowed: "Tensor", known: "KeyValues | None"
    ) -> "Tensor":
        """The last states [B x L x D] of embeddings [B x L x D] that attend where that is `allowed` [B x L x M]."""
        from adapters.context import ForwardContext

        layers = self.layers(plm) if known is not None else []
        if known is not None:
            _widen(plm, allowed.shape[-1])
        with ForwardContext(plm, attention_mask=allowed[:, -1].long()), _given_what_is_known(layers):
            states: Tensor = plm.base_model(
                inputs_embeds=embeddings,
                attention_mask=additive_mask(allowed, embeddings.dtype),
                position_ids=positions,
                past_key_values=None if known is None else known.cache,
                use_cache=known is not None,
            ).last_hidden_state
        return states

    def tree_size(self, config: Any, source: int) -> int:
        """Several times the input, which passes again with each tree; in GPT-2 no more than there are positions."""
        cheap = max(_SMALL_TREE, _TIMES_INPUT * source)
        if config.model_type != _LEARNED_POSITIONS:
            return cheap
        return min(cheap, max(1, int(config.max_position_embeddings) - source + 1))

    def attention(self, config: Any) -> AttentionShape:
        """All layers are the decoder's."""
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return AttentionShape(0, config.num_hidden_layers, width * config.num_attention_heads)

    def part(self, matrix: str) -> str:
        """Input and output tokens pass through every matrix."""
        return "both"

    def pairs(self, shape: AttentionShape, source: float, target: float, prefix: int) -> float:
        """Of all tokens with each other; those masked are computed too."""
        tokens = source + target - 1
        return shape.decoder * tokens * (tokens + prefix)

    def attach_prefix(self, plm: Any, length: int) -> None:
        """Refused: it would shift positions."""
        raise StudyError(f"element 'prefix' has no place in a {plm.config.model_type}: {self.without_prefix}")

    def unfusable(self, config: Any) -> str | None:
        """A GPT-2 that scales its scores in another way than usual."""
        unusual = ("scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn")
        if not getattr(config, "scale_attn_weights", True) or any(getattr(config, key, False) for key in unusual):
            return "its configuration scales attention scores layer by layer, or not at all"
        return None

    def parameters(self, shape: "Architecture") -> int:
        """One stack; positions where they are learned, an output layer where it is not the embedding."""
        gpt2 = shape.family == _LEARNED_POSITIONS
        layer = 4 * shape.d_model**2 + (2 if gpt2 else 3) * shape.d_model * shape.ffn
        embeddings = (shape.vocabulary + shape.positions if gpt2 else 2 * shape.vocabulary) * shape.d_model
        return shape.layers * layer + embeddings

    def too_short(self, shape: "Architecture", longest: int) -> bool:
        """Where positions are learned."""
        return shape.family == _LEARNED_POSITIONS and longest > shape.positions

    def random_model(self, shape: "Architecture", vocabulary: int) -> "PreTrainedModel":
        """Normal weights of the deviation asked for."""
        from transformers import AutoConfig, AutoModelForCausalLM

        config = AutoConfig.for_model(shape.family, **_options(shape, vocabulary))
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
        return model

    def pretraining_batch(
        self,
        loaded: "LoadedPlm",
        texts: Sequence[str],
        settings: "Pretraining",
        max_input: int,
        random: "np.random.Generator",
    ) -> "Batch":
        """Each text as it is, to be gone on with from its first token."""
        from priming.backbones.encoding import Batch, TextTokenizer, collate

        whole = TextTokenizer(loaded.tokenizer, max_input, max_input, self.ends_inputs).targets(texts)
        pad_id = int(loaded.model.config.pad_token_id)  # type: ignore[arg-type]
        batch = collate([[(ids, ids) for ids in whole]], pad_id)
        return Batch(batch.input_ids[0], batch.mask[0], batch.labels[0])

    def pretraining_loss(self, model: Any, batch: "Batch") -> "Tensor":
        """The mean cross-entropy of each token given those before it."""
        from torch.nn.functional import cross_entropy

        from priming.backbones.encoding import IGNORE_INDEX

        logits = model(input_ids=batch.input_ids, attention_mask=batch.mask, use_cache=False).logits[:, :-1]
        return cross_entropy(logits.flatten(0, 1), batch.labels[:, 1:].flatten(), ignore_index=IGNORE_INDEX)


def _widen(plm: Any, keys: int) -> None:
    """Let GPT-2's buffers of what comes earlier have as many keys, which are more than positions where beams grow."""
    import torch

    narrow = [module for module in plm.modules() if 0 < _keys_of(module) < keys]
    if narrow:
        size = max(keys, 2 * _keys_of(narrow[0]))
        wide = torch.ones((1, 1, size, size), dtype=torch.bool, device=narrow[0].bias.device).tril()
        for module in narrow:
            module.bias = wide


def _keys_of(module: Any) -> int:
    """Of how many keys a module's buffer tells which come earlier; 0 where it has none."""
    buffer = module._buffers.get("bias")
    return 0 if buffer is None or buffer.dim() != _BUFFER else int(buffer.shape[-1])


@contextmanager
def _given_what_is_known(layers: "Iterable[nn.Module]") -> Iterator[None]:
    """Within it, layers of `adapters` that know keys and values by the library's old name are given them by that."""
    hooks = [
        layer.register_forward_pre_hook(_renamed, with_kwargs=True)
        for layer in layers
        if _knows_old(type(layer).forward)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@cache
def _knows_old(forward: Callable[..., Any]) -> bool:
    names = signature(forward).parameters
    return _OLD in names and _NEW not in names


def _renamed(layer: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return inputs, {_OLD if name == _NEW else name: value for name, value in named.items()}


def _causal(real: "Tensor") -> "Tensor":
    """Where attention is allowed [B x L x L]: to tokens that are `real` [B x L] and not later."""
    import torch

    length = real.shape[1]
    earlier = torch.ones((length, length), dtype=torch.bool, device=real.device).tril()
    return earlier[None] & real[:, None, :].bool()


def _options(shape: "Architecture", vocabulary: int) -> dict[str, Any]:
    """Keys of a configuration, by the names that GPT-2, Llama and Qwen2 share."""
    from priming.backbones.tokenizer import SPECIAL

    end = SPECIAL.index("</s>")
    shared = {
        "vocab_size": vocabulary,
        "hidden_size": shape.d_model,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "max_position_embeddings": shape.positions,
        "initializer_range": shape.initial_deviation,
        "use_cache": False,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": SPECIAL.index("<pad>"),
    }
    if shape.family == _LEARNED_POSITIONS:
        off = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
        return {**shared, "n_inner": shape.ffn, **off}
    return {**shared, "intermediate_size": shape.ffn, "num_key_value_heads": shape.heads}


BACKBONE = Causal()
