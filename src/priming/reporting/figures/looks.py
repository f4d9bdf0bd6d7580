"""The style of each priming, common to all figures: colour and fill show the algorithm, marker and dashes its elements.

Colours are those of Okabe and Ito (2008); fills, markers and dashes are distinguishable in grey.
"""

from dataclasses import dataclass
from typing import Any

import seaborn
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from priming.algorithms.table import ALGORITHMS
from priming.elements.table import ELEMENTS
from priming.strategies import Priming
from priming.study import Study

UNPRIMED = "none"
ELEMENT_COLOURS = {name: element.colour for name, element in ELEMENTS.items()}
NOTHING_COLOUR = "#999999"
"""Colour of the bars of strategies that tune nothing."""
OTHER_COLOURS = ("#CC79A7", "#56B4E9", "#F0E442", "#D55E00")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++", "oo")

_MARKERS = "osD^vPph<>*d8H"
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (8, 3)),
    (0, (1, 3)),
)


@dataclass(frozen=True)
class Look:
    """Colour, marker, marker fill, and line dashes."""

    colour: Any
    marker: str
    fill: str
    dashes: Any

    def marks(self) -> dict[str, Any]:
        """Keyword arguments for a plotted marker."""
        face = self.colour if self.fill == "full" else "white"
        half = {"markerfacecoloralt": "white"} if self.fill == "left" else {}
        filled = self.colour if self.fill == "left" else face
        style = "left" if self.fill == "left" else "full"
        return {
            "marker": self.marker,
            "markeredgecolor": self.colour,
            "markerfacecolor": filled,
            "fillstyle": style,
            "markeredgewidth": 1.1,
            **half,
        }

    def draw(self, ax: Axes, at: tuple[float, float], bar: tuple[float, float], *, ringed: bool, width: float) -> None:
        """Draw a point (x, y) with its interval (low, high), in a ring where primed elements are kept in place."""
        ax.vlines(at[0], *bar, color=self.colour, linewidth=width, zorder=2)
        if ringed:
            ring: dict[str, Any] = {"markersize": 11, "markerfacecolor": "none", "markeredgewidth": 0.8}
            ax.plot(*at, marker="o", markeredgecolor=self.colour, **ring)
        ax.plot(*at, linestyle="none", zorder=3, **self.marks())

    def handle(self, label: str, *, line: bool = False) -> Line2D:
        """Its legend entry."""
        return Line2D([], [], color=self.colour, linestyle=self.dashes if line else "none", label=label, **self.marks())


def looks(study: Study) -> dict[str, Look]:
    """The style of every priming of the study by name, and of `none`."""
    found = {UNPRIMED: Look("black", "X", "full", (0, (3, 2)))}
    variety = _varieties(study.primings)
    for algorithm, look in ALGORITHMS.items():
        ours = [priming for priming in study.primings if priming.algorithm == algorithm]
        shades = _shades(look.colour, len(ours))
        for shade, priming in zip(shades, ours, strict=True):
            number = variety[priming]
            found[str(priming)] = Look(
                shade, _MARKERS[number % len(_MARKERS)], look.fill, _DASHES[number % len(_DASHES)]
            )
    return found


def _varieties(primings: tuple[Priming, ...]) -> dict[Priming, int]:
    """A number for each priming: that of its outer elements, or the next free one if its algorithm has used that."""
    outer = {elements: n for n, elements in enumerate(dict.fromkeys(p.outer for p in primings))}
    found: dict[Priming, int] = {}
    for priming in primings:
        taken = {number for other, number in found.items() if other.algorithm == priming.algorithm}
        free = (
            n
            for n in range(len(primings) + len(outer))
            if n not in taken and (n == outer[priming.outer] or n >= len(outer))
        )
        found[priming] = next(free)
    return found


def _shades(colour: str, number: int) -> list[Any]:
    """`number` shades from dark to light around `colour`."""
    if number == 1:
        return [colour]
    dark, light = (seaborn.blend_palette([colour, end], 10) for end in ("black", "white"))
    return list(seaborn.blend_palette([dark[3], colour, light[4]], number))
