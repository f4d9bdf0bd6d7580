"""What an element answers about sharing it: the formats in which it may be written, the one to be tried first in front.

A format may turn out to load with other logits, which depends on the model and on the versions of libraries. Whoever
writes one loads it and compares, so an element lists whatever could be equal, and the next is taken if it is not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from priming.backbones.text_model import TextModel

Library = Literal["peft", "adapters", "safetensors"]
"""What loads a format: PEFT, the `adapters` library, or the lines of the model card."""


@dataclass(frozen=True)
class Attached:
    """An element in a model, with its options; a head also has the labels of its task, and whether words have them."""

    name: str
    model: "TextModel"
    options: Any
    labels: tuple[str, ...] | None = None
    by_word: bool = False

    @property
    def tensors(self) -> "dict[str, Tensor]":
        """Its parameters by the names that they have in the model of transformers, where they are part of that."""
        return {name.removeprefix("plm."): value.detach() for name, value in self.model.owned_by((self.name,))}

    @property
    def file(self) -> str:
        """The file of a format that the card loads, relative to the exported folder."""
        return f"{self.name}/{self.name}.safetensors"


class Format(NamedTuple):
    """A way of writing an element."""

    library: Library
    write: Callable[[Path], None]
    """Writes the files of the element, as it is in its model now, to a folder of its own."""
    code: str
    """Python that loads it into `model` from the subfolder of `folder` that is called as the element."""
    answers: bool = False
    """Whether the code defines `logits_of`, which gives logits for inputs named as in transformers."""


class Shared:
    """How an element is written."""

    name: ClassVar[str]

    def formats(self, element: Attached) -> Iterator[Format]:
        """The formats, in the order in which they are tried."""
        raise NotImplementedError
