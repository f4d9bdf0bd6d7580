"""The sections of the study file on a PLM that is made in the workflow."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from priming.backbones.table import BACKBONES
from priming.entries import one_of
from priming.section import Fraction, Positive, Rate, Section, Seed

if TYPE_CHECKING:
    Family = str
else:
    Family = one_of(BACKBONES)


class Architecture(Section):
    """The kind and size of a generated PLM."""

    family: Family = Field(
        "bart",
        description="BART; T5 1.1 or mT5, with relative positions, gated feed-forward layers, an output layer of their "
        "own; GPT-2, Llama or Qwen2; BERT, RoBERTa or XLM-R, which need a head.",
    )
    d_model: Positive = Field(96, description="Model width.")
    layers: Positive = Field(2, description="Layers of the encoder and of the decoder each, or of the only stack.")
    ffn: Positive = Field(256, description="Width of the feed-forward layers.")
    heads: Positive = Field(4, description="Attention heads; they divide the width.")
    positions: Positive = Field(
        128, description="Longest input or output in tokens, soft prompt included, for models with learned positions."
    )
    initial_deviation: Rate = Field(
        0.06,
        description="Standard deviation of the random weights (in T5 of the output layer alone); BART's 0.02 learns "
        "slowly at small widths.",
    )
    vocabulary: Positive = Field(
        1250, description="Tokens of the byte-level BPE vocabulary trained on the pretraining texts."
    )

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.d_model % self.heads:
            raise ValueError(f"{self.heads} heads do not divide d_model {self.d_model}")
        return self


class Pretraining(Section):
    """Pretraining from random weights, by the objective of the family.

    BART and T5 fill in texts: spans of words are replaced by one mask each, and the model writes the whole text.
    Decoder-only models go on with texts. Encoders guess masked tokens.
    """

    texts: Literal["generated", "languages", "source_tasks"] = Field(
        "generated",
        description="Pretraining texts: sentences from the generated grammars, or the inputs of the study's "
        "own source tasks.",
    )
    number: Positive = Field(12000, description="Maximum number of texts.")
    steps: Positive = Field(700, description="Optimizer steps.")
    batch: Positive = Field(32, description="Texts per step.")
    learning_rate: Rate = Field(4e-3, description="Peak rate of AdamW; linear warm-up and decay.")
    warmup: Fraction = Field(0.05, description="Share of the steps spent warming up.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay of AdamW, for matrices only.")
    clip: Rate | None = Field(1.0, description="Largest gradient norm.")
    mask_share: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="Share of the words, or of an encoder's tokens, that are masked; default: 0.3, for encoders 0.15.",
    )
    longest_span: Positive = Field(3, description="Words of the longest masked span; an encoder's are single tokens.")
    seed: Seed = Field(0, description="Random seed of weights, masks and the texts of each step.")


class Generated(Section):
    """A small PLM that the workflow trains from scratch."""

    architecture: Architecture = Architecture()
    pretraining: Pretraining = Pretraining()
