"""The whole PLM: every parameter that no other element owns."""

from typing import Any

from priming.elements.interface import Element, Shape


class WholePlm(Element):
    """All of the PLM's own parameters."""

    name, noun, rates, colour = "plm", "the whole PLM", (1e-3,), "#999999"
    is_base = True

    def size(self, options: Any, shape: Shape) -> int:
        """All of them."""
        return shape.parameters


ELEMENT = WholePlm()
