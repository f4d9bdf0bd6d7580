"""The sections of the study file that have a key for each element: sizes, rates, grids."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from priming.elements.interface import NoOptions
from priming.elements.table import ELEMENTS
from priming.section import DISTINCT, Rate, Section, add_fields

if TYPE_CHECKING:
    from priming.elements.interface import Element

_Tried = Annotated[list[Rate], DISTINCT]


class Elements(Section):
    """The sizes of the elements."""

    def of(self, element: str) -> Any:
        """The options of an element."""
        return getattr(self, element, None) or ELEMENTS[element].options()

    @cached_property
    def added_inputs(self) -> int:
        """Vectors prepended to inputs by elements of these sizes, if all are in use."""
        return sum(element.added_inputs(self.of(name)) for name, element in ELEMENTS.items())


class Rates(Section):
    """A learning rate for each element."""

    def of(self, element: str) -> Any:
        """The rate of an element; None where none is named."""
        return getattr(self, element, None)


class Grid(Section):
    """Learning rates tried, in this order; ties go to the earlier."""

    def of(self, element: str) -> Any:
        """The rates of an element."""
        return getattr(self, element, None) or list(ELEMENTS[element].rates)


class OtherRates(Section):
    """Learning rates in place of others; those that are not named stay."""


def add_keys() -> None:
    """Give the sections the keys of all elements that there are."""
    for name, element in ELEMENTS.items():
        add_fields(Elements, _options(name, element))
        add_fields(Rates, {name: (Rate | None, Field(None, description=f"Rate for {element.noun}."))})
        rates = f"Rates for {element.noun}."
        add_fields(Grid, {name: (_Tried, Field(list(element.rates), min_length=1, description=rates))})
        add_fields(OtherRates, {name: (_Tried | None, Field(None, min_length=1, description=rates))})
    for section in (Elements, Rates, Grid, OtherRates):
        section.model_rebuild(force=True)


def _options(name: str, element: "Element") -> dict[str, tuple[Any, Any]]:
    return {} if element.options is NoOptions else {name: (element.options, element.options())}


add_keys()
