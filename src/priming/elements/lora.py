"""LoRA (Hu et al., 2022): a low-rank matrix beside weight matrices, that of the `adapters` library."""

from typing import TYPE_CHECKING, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from priming.elements.interface import Element, Shape
from priming.section import Positive, Rate, Section

if TYPE_CHECKING:
    from priming.backbones.text_model import TextModel

Projection = Literal["q", "k", "v"]


class Lora(Section):
    """Low-rank matrices beside those of attention, and beside those of the feed-forward layers."""

    rank: Positive = Field(8, description="Rank of each matrix.")
    alpha: Rate = Field(8.0, description="What is added is scaled by alpha / rank.")
    attention: list[Projection] = Field(
        ["q", "v"], description="Projections of each attention that have one: of queries, keys, values."
    )
    feed_forward: bool = Field(False, description="Whether both matrices of each feed-forward layer have one.")

    @field_validator("attention")
    @classmethod
    def _each_once(cls, chosen: list[Projection]) -> list[Projection]:
        if len(set(chosen)) < len(chosen):
            raise ValueError("names a projection twice; keep one")
        return chosen

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.attention and not self.feed_forward:
            raise ValueError("no matrix has one; name projections under attention, or set feed_forward: true")
        return self


class LowRank(Element):
    """One factor starts from the library's `lora` initialisation, the other from zeros: nothing is added at first."""

    name, noun, options, rates, colour = "lora", "LoRA", Lora, (5e-3,), "#CC79A7"

    def attach(self, model: "TextModel", options: Lora, seed: int) -> None:
        """Add them."""
        import torch
        from adapters import LoRAConfig

        config = LoRAConfig(
            r=options.rank,
            alpha=options.alpha,
            selfattn_lora=bool(options.attention),
            attn_matrices=[name for name in get_args(Projection) if name in options.attention],
            intermediate_lora=options.feed_forward,
            output_lora=options.feed_forward,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model.plm.add_adapter(self.name, config=config)

    def size(self, options: Lora, shape: Shape) -> int:
        """Two factors per matrix; per layer 1.5 attentions on average and a feed-forward layer four times as wide."""
        attention = shape.layers * 3 * len(options.attention) * shape.width * options.rank
        return attention + (shape.layers * 2 * 5 * shape.width * options.rank if options.feed_forward else 0)


ELEMENT = LowRank()
