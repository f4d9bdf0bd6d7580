"""A head: the layer on an encoder that a class is read off, one for each task."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from priming.elements.interface import Element, Shape
from priming.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from priming.backbones.text_model import TextModel

CLASSES = 4
"""Of a task, where sizes are estimated before any is known."""


class Head(Section):
    """A linear layer on the state of an input's first token, with the dropout of the PLM before it."""

    hidden: bool = Field(
        False,
        description="Whether it has a hidden layer as wide as the PLM, with tanh and dropout, as in RoBERTa's head and "
        "BERT's pooler.",
    )


class ClassHead(Element):
    """Weights begin as the PLM's own, normally distributed, biases as zeros; anew for each task that is tuned."""

    name, noun, options, rates, colour = "head", "heads", Head, (1e-2,), "#D55E00"
    reach, carried, needless_with = "top", False, "decode"

    def attach(self, model: "TextModel", options: Head, seed: int) -> None:
        """Put it on top."""
        from priming.elements.head_layers import HeadLayers

        backbone, config = model.backbone, model.plm.config
        model.head = HeadLayers(model.width, options.hidden, config.initializer_range, backbone.dropout(config))
        self.fit(model, [CLASSES], seed)

    def fit(self, model: "TextModel", classes: Sequence[int], seed: int) -> None:
        """A head for each of `classes`, all of them with room for the most."""
        if model.head is not None:
            model.head.fit(classes, seed)

    def start(self, model: "TextModel", labels: Sequence[str] | None, seed: int) -> "Mapping[str, Tensor]":
        """A fresh one, the same whatever room there is for tasks of more classes."""
        assert model.head is not None
        return {f"head.{name}": value for name, value in model.head.fresh([len(labels or ())], seed).items()}

    def reshape(self, model: "TextModel", values: "Mapping[str, Tensor]") -> None:
        """As many heads, of as many classes, as these values have."""
        assert model.head is not None
        model.head.put({name.removeprefix("head."): value for name, value in values.items()})

    def size(self, options: Head, shape: Shape) -> int:
        """That of one head for four classes."""
        return CLASSES * (shape.width + 1) + (shape.width * (shape.width + 1) if options.hidden else 0)


ELEMENT = ClassHead()
