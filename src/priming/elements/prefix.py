"""A prefix (Li and Liang, 2021): key and value vectors before those of every attention, the same for all inputs."""

from typing import TYPE_CHECKING

from pydantic import Field

from priming.elements.interface import Element, Shape
from priming.section import Positive, Rate, Section

if TYPE_CHECKING:
    from torch import nn

    from priming.backbones.interface import Backbone
    from priming.backbones.text_model import TextModel


class Prefix(Section):
    """Key and value vectors in every attention, without reparameterisation; on positions in T5 see strategies.md."""

    later = frozenset({"deviation"})

    length: Positive = Field(10, description="Vectors per attention layer.")
    deviation: Rate = Field(
        0.02, description="Standard deviation of their first values, whose mean is 0. Wu et al. (2022): 1."
    )


class DeepPrompt(Element):
    """It begins as normally distributed vectors."""

    name, noun, options, rates, colour = "prefix", "prefixes", Prefix, (0.1,), "#009E73"
    brought = True

    def attach(self, model: "TextModel", options: Prefix, seed: int) -> None:
        """Put P key and value vectors in front of every attention."""
        model.attach_prefix(options.length)

    def misplaced(self, backbone: "Backbone", model_type: str, options: Prefix) -> str | None:
        """Why a prefix cannot be attached."""
        return backbone.without_prefix

    def fill(self, model: "TextModel", own: "list[nn.Parameter]", options: Prefix, seed: int) -> None:
        """Draw all of its tensors from one stream of random numbers."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        for parameter in own:
            parameter.data.copy_(options.deviation * torch.randn(parameter.shape, generator=generator))

    def size(self, options: Prefix, shape: Shape) -> int:
        """Keys and values of P vectors; layers have 1.5 attentions on average: one in an encoder, two in a decoder."""
        return 2 * shape.layers * 2 * shape.width * options.length

    def added_keys(self, options: Prefix) -> int:
        """P."""
        return options.length


ELEMENT = DeepPrompt()
