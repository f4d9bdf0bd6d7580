"""How a priming looks, the same in every figure: colour and fill tell the algorithm, marker and dashes what it tunes.

Colours are those of Okabe and Ito (2008); fills, markers and dashes tell the same in grey.
"""

from dataclasses import dataclass
from typing import Any

import seaborn
from matplotlib.lines import Line2D

from priming.strategies import ALGORITHMS, Priming
from priming.study import Study

UNPRIMED = "none"
ALGORITHM_COLOURS = {"mtl": "#0072B2", "maml": "#D55E00", "reptile": "#009E73"}
ELEMENT_COLOURS = {"plm": "#999999", "adapter": "#0072B2", "prompt": "#E69F00", "prefix": "#009E73"}
OTHER_COLOURS = ("#CC79A7", "#56B4E9", "#F0E442", "#D55E00")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++", "oo")

_FILLS = {"mtl": "full", "maml": "none", "reptile": "left"}
_MARKERS = "osD^vPph<>*d8H"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)), (0, (1, 3)))


@dataclass(frozen=True)
class Look:
    """Colour, marker, fill of the marker, and dashes of the line."""

    colour: Any
    marker: str
    fill: str
    dashes: Any

    def marks(self) -> dict[str, Any]:
        """Keywords of a plotted marker."""
        face = self.colour if self.fill == "full" else "white"
        half = {"markerfacecoloralt": "white"} if self.fill == "left" else {}
        filled = self.colour if self.fill == "left" else face
        style = "left" if self.fill == "left" else "full"
        return {"marker": self.marker, "markeredgecolor": self.colour, "markerfacecolor": filled, "fillstyle": style, "markeredgewidth": 1.1, **half}

    def handle(self, label: str, *, line: bool = False) -> Line2D:
        """Its entry in a legend."""
        return Line2D([], [], color=self.colour, linestyle=self.dashes if line else "none", label=label, **self.marks())


def looks(study: Study) -> dict[str, Look]:
    """The look of every priming of the study by its name, and of `none`."""
    found = {UNPRIMED: Look("black", "X", "full", (0, (3, 2)))}
    variety = _varieties(study.primings)
    for algorithm in ALGORITHMS:
        ours = [priming for priming in study.primings if priming.algorithm == algorithm]
        shades = _shades(ALGORITHM_COLOURS[algorithm], len(ours))
        for shade, priming in zip(shades, ours, strict=True):
            number = variety[priming]
            found[str(priming)] = Look(shade, _MARKERS[number % len(_MARKERS)], _FILLS[algorithm], _DASHES[number % len(_DASHES)])
    return found


def _varieties(primings: tuple[Priming, ...]) -> dict[Priming, int]:
    """A number for each priming: that of its outer elements, or the next free one where its algorithm has that already."""
    outer = {elements: n for n, elements in enumerate(dict.fromkeys(p.outer for p in primings))}
    found: dict[Priming, int] = {}
    for priming in primings:
        taken = {number for other, number in found.items() if other.algorithm == priming.algorithm}
        free = (n for n in range(len(primings) + len(outer)) if n not in taken and (n == outer[priming.outer] or n >= len(outer)))
        found[priming] = next(free)
    return found


def _shades(colour: str, number: int) -> list[Any]:
    """`number` shades from dark to light around `colour`."""
    if number == 1:
        return [colour]
    dark, light = (seaborn.blend_palette([colour, end], 10) for end in ("black", "white"))
    return list(seaborn.blend_palette([dark[3], colour, light[4]], number))
