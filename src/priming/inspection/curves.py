"""A figure of the loss and the development score over the steps of tuning, of a strategy and its twin."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from priming.inspection.answered_rows import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURES = {"loss": "training loss", "dev": "development score"}
COLOURS = ("#0b6e99", "#8a8a8a")
"""Of the strategy and of its twin."""


def draw(cells: Sequence[Cell], file: Path) -> None:
    """Draw means over the winning runs of each cell, with a band of a standard deviation, into an SVG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    for place, measure in zip(axes, MEASURES, strict=True):
        for cell, colour in zip(cells, COLOURS, strict=False):
            _curve(place, cell, measure, colour)
        place.set_xlabel("tuning step")
        place.set_ylabel(MEASURES[measure])
        place.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize="small")
    figure.suptitle(
        f"{cells[0].task.name}: winning runs, mean ± standard deviation over seeds and samples", fontsize=10
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)


def points(runs: Sequence[dict[str, Any]], measure: str) -> dict[int, list[float]]:
    """The values of the winning runs by step."""
    found: dict[int, list[float]] = {}
    for run in runs:
        for point in run["runs"][run["winner"]]["curve"]:
            if point.get(measure) is not None:
                found.setdefault(point["step"], []).append(point[measure])
    return dict(sorted(found.items()))


def _curve(place: "Axes", cell: Cell, measure: str, colour: str) -> None:
    found = points(cell.runs, measure)
    steps, means = list(found), [fmean(values) for values in found.values()]
    spread = [stdev(values) if len(values) > 1 else 0.0 for values in found.values()]
    place.plot(steps, means, marker="o", markersize=3, color=colour, label=str(cell.strategy))
    low = [mean - width for mean, width in zip(means, spread, strict=True)]
    high = [mean + width for mean, width in zip(means, spread, strict=True)]
    place.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
