"""The study file on pretrained language models and on the elements attached to them."""

from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from priming.study.base import Positive, Rate, Section, Share


class Architecture(Section):
    """The kind and size of a generated PLM."""

    family: Literal["bart", "t5", "mt5"] = Field(
        "bart", description="BART; T5 1.1 or mT5, with relative positions, gated feed-forward layers, an output layer of their own."
    )
    d_model: Positive = Field(96, description="Model width.")
    layers: Positive = Field(2, description="Layers of the encoder, and as many of the decoder.")
    ffn: Positive = Field(256, description="Width of the feed-forward layers.")
    heads: Positive = Field(4, description="Attention heads; they divide the width.")
    positions: Positive = Field(128, description="Longest input or output in tokens, a soft prompt included; of BART alone.")
    initial_deviation: Rate = Field(
        0.06, description="Standard deviation of the random weights, of T5's output layer alone; BART's 0.02 learns slowly at small widths."
    )
    vocabulary: Positive = Field(1250, description="Tokens of the byte-level BPE vocabulary trained on the pretraining texts.")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.d_model % self.heads:
            raise ValueError(f"{self.heads} heads do not divide d_model {self.d_model}")
        return self


class Pretraining(Section):
    """Text infilling, from random weights: spans of words are replaced by one mask each, the model writes the whole text."""

    texts: Literal["generated", "source_tasks"] = Field(
        "generated", description="Pretraining texts: sentences from the generated grammars, or the inputs of the study's own source tasks."
    )
    number: Positive = Field(12000, description="Texts at the most.")
    steps: Positive = Field(700, description="Optimizer steps.")
    batch: Positive = Field(32, description="Texts a step.")
    learning_rate: Rate = Field(4e-3, description="Peak rate of AdamW; linear warm-up and decay.")
    warmup: Share = Field(0.05, description="Share of the steps spent warming up.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay of AdamW, of matrices alone.")
    clip: Rate | None = Field(1.0, description="Largest gradient norm.")
    mask_share: Share = Field(0.3, description="Share of the words that are masked.")
    longest_span: Positive = Field(3, description="Words of the longest masked span.")
    seed: int = Field(0, description="Fixes weights, masks and which texts each step sees.")


class Generated(Section):
    """A PLM that is made in the workflow: a small one, trained from scratch."""

    architecture: Architecture = Architecture()
    pretraining: Pretraining = Pretraining()


class Plm(Section):
    """A pretrained language model, BART, T5 or mT5: exactly one of `generate`, `path`, or `hub` with `revision`."""

    generate: Generated | None = Field(None, description="Make it in the workflow.")
    path: str | None = Field(
        None, description="A folder saved by `save_pretrained`, with safetensors weights; `priming convert` makes one of other weights."
    )
    hub: str | None = Field(None, description="An id on the Hugging Face hub.")
    revision: str | None = Field(
        None, description="The commit of the hub model; required with `hub`. Where it is a branch or a tag, `result.json` says which commit that was."
    )
    convert: bool = Field(
        False,
        description="The hub model has a pickle, no safetensors, at its revision; it is converted in a process of its own, as by `priming convert`.",
    )
    seeds: list[int] | None = Field(
        None,
        min_length=1,
        description="Seeds of pretraining, of a generated PLM: a PLM of its own for each, in place of the one with `pretraining.seed`; "
        "each has its own primings and tunings, and tables and figures are over all of them.",
    )
    max_input: Positive = Field(64, description="Input tokens, the rest is cut off; soft prompts come on top.")
    max_output: Positive = Field(
        8,
        description="Output tokens, the end token included. A label that takes more is refused; longer target texts are cut, and counted.",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [key for key in ("generate", "path", "hub") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of generate, path, hub (given: {', '.join(given) or 'none'})")
        if self.hub and not self.revision:
            raise ValueError("a hub model needs its revision: add 'revision: <commit>'")
        if self.convert and not self.hub:
            raise ValueError("'convert' is for hub models; leave it out, and make a folder with safetensors by 'priming convert'")
        return self

    @model_validator(mode="after")
    def _seeds_are_of_pretraining(self) -> Self:
        if self.seeds and self.generate is None:
            raise ValueError("'seeds' are of pretraining, and this PLM is not pretrained here; leave them out, or make it with 'generate'")
        if self.seeds and len(set(self.seeds)) < len(self.seeds):
            raise ValueError("'seeds' names one twice; keep one")
        return self

    def of_seed(self, seed: int | None) -> "Plm":
        """The PLM of one of its `seeds`; itself for None."""
        if seed is None:
            return self
        assert self.generate
        pretraining = self.generate.pretraining.model_copy(update={"seed": seed})
        return self.model_copy(update={"generate": self.generate.model_copy(update={"pretraining": pretraining}), "seeds": None})


class Member(NamedTuple):
    """What jobs make, prime and tune: a PLM of the study, or of one with `seeds` that of a single seed."""

    plm: str
    seed: int | None = None

    @property
    def name(self) -> str:
        """Of its folders and in its results: `small`, or `small-seed-2`."""
        return self.plm if self.seed is None else f"{self.plm}-seed-{self.seed}"


class Adapter(Section):
    """Bottleneck adapters of the `adapters` library."""

    config: Literal["seq_bn", "double_seq_bn", "par_bn"] = Field(
        "double_seq_bn", description="After the feed-forward layer; after attention and feed-forward; or beside it."
    )
    bottleneck: Positive = Field(16, description="Width of the bottleneck; it must divide the model width.")
    nonlinearity: Literal["relu", "gelu", "swish"] = Field("relu", description="Between the two projections.")


class Prompt(Section):
    """Soft vectors before the input embeddings of the encoder."""

    length: Positive = Field(10, description="Number of vectors.")


class Prefix(Section):
    """Key and value vectors in every attention (the deep prompt), without reparameterisation; in T5 it has no position, see strategies.md."""

    length: Positive = Field(10, description="Vectors an attention layer.")


class Elements(Section):
    """The sizes of the elements."""

    adapter: Adapter = Adapter()
    prompt: Prompt = Prompt()
    prefix: Prefix = Prefix()
