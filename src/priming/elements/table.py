"""Which elements there are, in the order in which everything lists them. A module has its element as `ELEMENT`."""

from collections.abc import Collection, Iterable

from priming.elements.interface import Element
from priming.entries import Table

ELEMENTS: Table[Element] = Table(
    "ELEMENT", "priming.elements", ("plm", "adapter", "prompt", "prefix", "lora", "ia3", "bitfit", "head")
)

BROUGHT = tuple(name for name, element in ELEMENTS.items() if element.brought)
"""Those that consist of vectors; a PLM that has one in a file beside its weights is not used without it."""

BRINGABLE = tuple(
    name for name, element in ELEMENTS.items() if element.carried and not (element.is_base or element.part_of)
)
"""Those that a PLM can bring, where the study says so."""


def in_place(names: Iterable[str], passes: Collection[str]) -> tuple[str, ...]:
    """Those of these elements that have a place in a PLM that offers such passes."""
    return tuple(name for name in names if ELEMENTS[name].needless_with not in passes)
