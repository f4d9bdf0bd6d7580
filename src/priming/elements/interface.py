"""What an element answers about itself. Nobody else asks for its name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from priming.section import Section

if TYPE_CHECKING:
    from torch import Tensor, nn

    from priming.backbones.interface import Backbone
    from priming.backbones.text_model import TextModel

Reach = Literal["bottom", "top"]


class Shape(NamedTuple):
    """What an element's size depends on: the PLM's parameters, width and layers (encoder and decoder together)."""

    parameters: int
    width: int
    layers: int


class Misfit(NamedTuple):
    """An option that does not fit a model: the option, what is wrong with it, and what is allowed."""

    option: str
    text: str


class NoOptions(Section):
    """An element without options."""


class Element:
    """An element, and its answers where they are those of most."""

    name: ClassVar[str]
    noun: ClassVar[str]
    """As in "Rate for adapters"."""
    options: ClassVar[type[Section]] = NoOptions
    """Its section under `elements` in the study file; with NoOptions it has none."""
    rates: ClassVar[tuple[float, ...]]
    """Learning rates tried where the study names none."""
    colour: ClassVar[str]
    """Of its bars, from the palette of Okabe and Ito (2008)."""
    reach: ClassVar[Reach] = "bottom"
    """How far down its gradients go: through every layer, or no further than what stands on top of the last."""
    is_base: ClassVar[bool] = False
    """Whether every model consists of it: it is always there, and stored only where the study says `save_plm`."""
    carried: ClassVar[bool] = True
    """Whether tuning starts from its primed values; if not, it starts fresh, and primed values serve only to keep it
    in place."""

    needless_with: ClassVar[str | None] = None
    """The pass of a PLM that makes the element needless; strategies leave it out there, so that one study can have
    PLMs of all kinds."""

    part_of: ClassVar[str | None] = None
    """The element that its parameters also belong to: no bracket can have both, and the primed values of either are
    used."""

    brought: ClassVar[bool] = False
    """Whether a PLM can bring it trained, in a file of its own beside the weights: it consists of `length` vectors."""

    def claims(self, model: "TextModel") -> "Iterable[nn.Parameter]":
        """Parameters of the element that it is part of, which become its own.

        Raises:
            StudyError: this PLM has none.
        """
        return ()

    def attach(self, model: "TextModel", options: Any, seed: int) -> None:
        """Put the element's parameters into the model; those that are new to it are the element's.

        Raises:
            StudyError: the options do not fit this PLM.
        """

    def fill(self, model: "TextModel", own: "list[nn.Parameter]", options: Any, seed: int) -> None:
        """Initialise the element's own parameters, in the model's order, where `attach` has not."""

    def fit(self, model: "TextModel", classes: Sequence[int], seed: int) -> None:
        """Give its parameters the shape and fresh values that tasks need, where these depend on tasks.

        Args:
            model: it is attached to.
            classes: of each task that has parameters of its own, the number of its labels.
            seed: what the values are made from.
        """

    def start(self, model: "TextModel", labels: Sequence[str] | None, seed: int) -> "Mapping[str, Tensor]":
        """The values at which a run on a task with these labels starts, by parameter name, where they are its own."""
        return {}

    def reshape(self, model: "TextModel", values: "Mapping[str, Tensor]") -> None:
        """Make room for saved values of its parameters, by name, where their shapes depend on tasks."""

    def size(self, options: Any, shape: Shape) -> int:
        """The number of its parameters in a PLM of this shape; small biases may be left out."""
        raise NotImplementedError

    def added_inputs(self, options: Any) -> int:
        """Vectors that it puts in front of the inputs."""
        return 0

    def added_keys(self, options: Any) -> int:
        """Vectors that it puts in front of the keys and values of every attention."""
        return 0

    def reach_of(self, options: Any) -> Reach:
        """How far down its gradients go with these options."""
        return self.reach

    def misplaced(self, backbone: "Backbone", model_type: str, options: Any) -> str | None:
        """Why it has no place in a model of this type; None if it has one."""
        return None

    def misfits(self, options: Any, width: int) -> Iterator[Misfit]:
        """Options that do not fit a PLM of this width, as far as that is known without loading it."""
        return iter(())
