"""(IA)^3 of the `adapters` library (Liu et al., 2022): factors of keys, values and inner feed-forward activations."""

from typing import TYPE_CHECKING, Any

from priming.elements.interface import Element, Shape

if TYPE_CHECKING:
    from priming.backbones.text_model import TextModel


class Factors(Element):
    """They begin as ones."""

    name, noun, rates, colour = "ia3", "(IA)^3", (1e-2,), "#56B4E9"

    def attach(self, model: "TextModel", options: Any, seed: int) -> None:
        """Add them."""
        from adapters import IA3Config

        model.plm.add_adapter(self.name, config=IA3Config())

    def size(self, options: Any, shape: Shape) -> int:
        """Per layer on average: keys and values of 1.5 attentions, and a feed-forward layer four times as wide."""
        return shape.layers * (3 + 4) * shape.width


ELEMENT = Factors()
