"""BitFit (Ben Zaken et al., 2022): the PLM's own biases."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from priming.elements.interface import Element, Shape
from priming.errors import StudyError

if TYPE_CHECKING:
    from torch import nn

    from priming.backbones.interface import Backbone
    from priming.backbones.text_model import TextModel


class Biases(Element):
    """They begin as the PLM has them, primed or not."""

    name, noun, rates, colour = "bitfit", "the PLM's biases", (5e-3,), "#F0E442"
    part_of = "plm"

    def claims(self, model: "TextModel") -> "Iterable[nn.Parameter]":
        """Every bias of the PLM; raises StudyError where it has none, as T5 and Llama."""
        found = [parameter for name, parameter in model.named_parameters() if name.endswith(".bias")]
        if not found:
            kind = model.plm.config.model_type
            raise StudyError(f"element 'bitfit' tunes the PLM's biases, and a {kind} has none; name another element")
        return found

    def misplaced(self, backbone: "Backbone", model_type: str, options: Any) -> str | None:
        """Where there are no biases."""
        return "it has no biases" if model_type in backbone.without_biases else None

    def size(self, options: Any, shape: Shape) -> int:
        """About eleven vectors of the model's width a layer."""
        return shape.layers * 11 * shape.width


ELEMENT = Biases()
