"""The formats of each element, by its name. A module has them as `SHARED`; a user's own element may have them too."""

from priming.entries import Table
from priming.sharing.formats import PartOfPlm
from priming.sharing.interface import Shared

SHARED: Table[Shared] = Table(
    "SHARED", "priming.sharing.elements", ("adapter", "prompt", "prefix", "lora", "ia3", "bitfit", "head")
)


def shared(element: str) -> Shared:
    """How an element is written; one that says nothing of it is taken for parameters of the PLM."""
    return SHARED.get(element) or PartOfPlm()
