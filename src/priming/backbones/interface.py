"""What a family of models answers about itself. Nobody else asks for its name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from priming.backbones.encoding import Batch
    from priming.backbones.key_values import KeyValues
    from priming.backbones.loading import LoadedPlm
    from priming.backbones.sections import Architecture, Pretraining


EndTokens = Literal["both", "outputs", "none"]
"""Which texts end with the end token: inputs and outputs, outputs alone, or neither."""


class AttentionShape(NamedTuple):
    """Layers of encoder and decoder, and the width of all heads of an attention together."""

    encoder: int
    decoder: int
    inner: int


class Release(NamedTuple):
    """A checkpoint of a PLM and a prompt, taken apart."""

    plain: "dict[str, Tensor]"
    """The tensors of the PLM alone, by the names of transformers."""
    vocabulary: int
    """The rows of its embedding and of its output layer."""
    element: str | None
    """What the prompt is here; None where the checkpoint has none."""
    values: "dict[str, Tensor]"
    """Those of the element by parameter name, with a row for each vector."""


class Nodes(NamedTuple):
    """The N last of the M nodes of a tree of outputs, a tree for each input or the same for all.

    A node stands for an output: those of the nodes that it goes on from, and its token.
    """

    tokens: "Tensor"
    """The last token of each [N] or [B x N]; that of a tree's first node is the start token."""
    depths: "Tensor"
    """The place of all M nodes in the output [M], 0 for the start token."""
    seen: "Tensor"
    """True where a node (first dimension) attends to another [N x M] or [B x N x M], never to a later one."""

    def of_each(self, inputs: int) -> "tuple[Tensor, Tensor, Tensor]":
        """Tokens [B x N] for each of B inputs, depths [N] of the new nodes, and what they see [B x N x M]."""
        new = self.tokens.shape[-1]
        return self.tokens.expand(inputs, -1), self.depths[-new:], self.seen.expand(inputs, -1, -1)


class Backbone:
    """A family of models, and its answers where they are those of most."""

    model_types: ClassVar[tuple[str, ...]]
    """What `config.json` calls its models, and the study file those that are generated."""

    passes: ClassVar[frozenset[str]]
    """What it offers: `encode`, a state for each token of an input; `decode`, logits of the tokens of an output."""

    ends_inputs: ClassVar[bool] = True
    """Whether inputs end with the end token, as outputs do."""
    may_leave_out_ends: ClassVar[bool] = False
    """Whether inputs, or inputs and outputs, may go without their end tokens where the study says so."""

    stacks: ClassVar[int] = 2
    """Stacks of layers: encoder and decoder."""
    text_template: ClassVar[str] = "$A </s>"
    """How the tokenizer of a generated model puts special tokens around a text."""
    mask_share: ClassVar[float] = 0.3
    """Share of a text that is masked in pretraining, where the study names none."""
    first_prefix: ClassVar[str] = "encoder_prefix"
    """In the name of the parameter that has the vectors of a prefix for the layers of the first stack."""
    without_biases: ClassVar[frozenset[str]] = frozenset()
    """Those of `model_types` whose layers have no biases."""
    without_prefix: ClassVar[str | None] = None
    """Why no prefix can be attached; None where one can."""

    def left_over(self, tensor: str) -> bool:
        """Whether a checkpoint may have a tensor of this name that the model has not."""
        return False

    def longest_input(self, config: Any) -> int | None:
        """The tokens that it has positions for; None if any number."""
        return None

    def released(self, tensors: "Mapping[str, Tensor]", config: Any, entries: int, source: str) -> Release | None:
        """A checkpoint whose tensors are wrapped or come with a prompt, taken apart; None for one of the PLM alone.

        Args:
            tensors: all that it has.
            config: the configuration of the PLM alone.
            entries: those of its tokenizer.
            source: the file, for messages.

        Raises:
            DataError: it has a prompt, and is not whole, or does not fit the configuration.
        """
        return None

    def rounded(self, config: Any, source: int, target: int) -> tuple[int, int]:
        """The tokens of inputs and outputs, or somewhat more, so that layers see few different lengths."""
        return _rounded(source, self._positions(config)), _rounded(target, self._positions(config))

    def _positions(self, config: Any) -> int | None:
        return self.longest_input(config) or getattr(config, "max_position_embeddings", None)

    def load_class(self) -> Any:
        """The class of transformers that loads it."""
        raise NotImplementedError

    def load(self, folder: Any, **options: Any) -> Any:
        """The model, and what is said of its tensors, by these options of `from_pretrained`."""
        return self.load_class().from_pretrained(folder, **options)

    def prepare(self, config: Any, dropout: float | None) -> None:
        """Set a configuration before its weights are loaded: no layer drop; `dropout`, or the PLM's own for None."""
        raise NotImplementedError

    def attention(self, config: Any) -> AttentionShape:
        """What operations are counted by."""
        raise NotImplementedError

    def part(self, matrix: str) -> str:
        """Whose tokens pass through the named matrix: `encoder`, `decoder`, or `cross` (encoder's, cross-attention)."""
        raise NotImplementedError

    def pairs(self, shape: AttentionShape, source: float, target: float, prefix: int) -> float:
        """Pairs of tokens between which attention is computed, over all layers, for one example of so many tokens."""
        raise NotImplementedError

    def projected(self, target: float) -> float:
        """States that are projected on the vocabulary, for an output of so many tokens."""
        return target

    def set_tokens(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Name special tokens of a generated model's tokenizer that others do not have."""

    def unfit_tokenizer(self, tokenizer: "PreTrainedTokenizerBase", config: Any) -> str | None:
        """Why the model cannot have learnt with this tokenizer; None if it can."""
        if self.ends_inputs and tokenizer("a")["input_ids"][-1] != config.eos_token_id:
            return f"does not end a text with the model's end token ({config.eos_token_id})"
        return None

    def unfit_ends(self, ended: EndTokens) -> str | None:
        """Why texts cannot go without end tokens so, and what is allowed; None if they can."""
        if ended == "both" or self.may_leave_out_ends:
            return None
        return f"{ended!r} is for encoder-decoders, and this PLM is none; allowed: 'both'"

    def layers(self, plm: Any) -> "list[nn.Module]":
        """Layers that pass one after the other, each of which can be computed again in the backward pass."""
        from transformers.modeling_layers import GradientCheckpointingLayer

        return [module for module in plm.modules() if isinstance(module, GradientCheckpointingLayer)]

    # The passes of a model. P prompt vectors are in front of the inputs by then.

    def embedding(self, plm: Any) -> Any:
        """The module that embeds input ids."""
        raise NotImplementedError

    def states(self, plm: Any, embeddings: "Tensor", mask: "Tensor") -> "Tensor":
        """What an input is to `logits` [B x S x D], from its embeddings [B x S x D] and their mask [B x S]."""
        raise NotImplementedError

    def logits(self, plm: Any, states: "Tensor", mask: "Tensor", output_ids: "Tensor") -> "Tensor":
        """Logits [B x T x V] of the token after each of `output_ids` [B x T], whose first is the start token."""
        raise NotImplementedError

    def tree_states(
        self, plm: Any, states: "Tensor", mask: "Tensor", nodes: "Nodes", known: "KeyValues | None" = None
    ) -> "Tensor":
        """What is projected on the vocabulary [B x N x D] at each of N nodes of a tree of outputs.

        The tree of an input may have M - N nodes already, whose keys and values are known; those of the new ones are
        then put behind them. Trees are of the same form for all inputs, up to which node goes on from which.

        Args:
            plm: the model.
            states: those of the inputs [B x S x D].
            mask: theirs [B x S].
            nodes: the new ones.
            known: keys and values of the inputs and of earlier nodes, None to keep none.
        """
        raise NotImplementedError

    def project(self, plm: Any, states: "Tensor") -> "Tensor":
        """Logits [... x V] of what `tree_states` gives [... x D]."""
        logits: Tensor = plm.get_output_embeddings()(states)
        return logits

    def tree_size(self, config: Any, source: int) -> int:
        """The nodes that a tree of outputs has at the most behind inputs of `source` vectors; more are several trees.

        Attention among nodes grows with their square, and each tree costs something of its own for every input.
        """
        raise NotImplementedError

    def dropout(self, config: Any) -> float:
        """The probability with which heads leave out values of a state."""
        raise NotImplementedError

    def attach_prefix(self, plm: Any, length: int) -> None:
        """Put a prefix of `length` vectors before every attention of a model to which `adapters` has been attached."""
        from adapters import PrefixTuningConfig

        plm.add_adapter("prefix", config=PrefixTuningConfig(flat=True, prefix_length=length))

    def unfusable(self, config: Any) -> str | None:
        """Why its attention cannot be one fused operation; None if it can."""
        return None

    def fuse_attention(self, plm: Any) -> None:
        """Let each attention of a model to which `adapters` has been attached be one fused operation."""
        from priming.backbones.fused_attention import attend_by_interface

        attend_by_interface(plm)

    def passing(self) -> AbstractContextManager[object]:
        """The context of each pass."""
        return nullcontext()

    # Of PLMs that are generated.

    def parameters(self, shape: "Architecture") -> int:
        """The number of parameters, without biases and norms."""
        raise NotImplementedError

    def random_model(self, shape: "Architecture", vocabulary: int) -> "PreTrainedModel":
        """A model of random weights, of torch's present seed, without dropout."""
        raise NotImplementedError

    def pretraining_batch(
        self,
        loaded: "LoadedPlm",
        texts: Sequence[str],
        settings: "Pretraining",
        max_input: int,
        random: "np.random.Generator",
    ) -> "Batch":
        """A batch [B x ...] of pretraining on `texts`, cut to `max_input` tokens."""
        raise NotImplementedError

    def pretraining_loss(self, model: Any, batch: "Batch") -> "Tensor":
        """The loss of pretraining on a batch, a scalar."""
        raise NotImplementedError

    def too_short(self, shape: "Architecture", longest: int) -> bool:
        """Whether inputs or outputs of so many tokens find no position."""
        return False


def matrices(shape: "Architecture", feed_forward: int) -> int:
    """Weights of the layers of an encoder and a decoder, whose feed-forward layers have so many matrices."""
    attention = 4 * shape.d_model**2
    return shape.layers * (3 * attention + 2 * feed_forward * shape.d_model * shape.ffn)


def _rounded(tokens: int, most: int | None) -> int:
    """The next multiple of 4; beyond 16, of a quarter to a half of it; not beyond `most`, if it was not before."""
    step = max(4, 1 << max(0, tokens.bit_length() - 2))
    up = -(-tokens // step) * step
    return up if most is None else max(tokens, min(up, most))


def complaints(backbone: Backbone, shape: "Architecture", lengths: dict[str, int]) -> Iterator[str]:
    """Lengths, by what they are called, that a generated PLM has no positions for."""
    for what, longest in lengths.items():
        if backbone.too_short(shape, longest):
            yield f"{shape.positions} positions do not hold {what}; allowed: {longest} or more"


def additive_mask(allowed: "Tensor", dtype: Any) -> "Tensor":
    """What is added to attention scores [B x 1 x L x L]: nothing where attention is `allowed` [B x L x L]."""
    import torch

    return torch.zeros_like(allowed, dtype=dtype).masked_fill(~allowed, torch.finfo(dtype).min)[:, None]
