"""Rows of bars, one group per task, used by several figures."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from priming.reporting import wording
from priming.reporting.figures import style
from priming.reporting.figures.looks import ELEMENT_COLOURS, HATCHES, OTHER_COLOURS
from priming.study import Study

PANEL_HEIGHT = 2.2
BARS_A_ROW = 72
GROUP = 0.84

Face = dict[str, Any]


def split(tasks: Sequence[str], bars: int) -> list[list[str]]:
    """Rows of nearly equal length that fit `bars` bars per task."""
    number = -(-len(tasks) // max(1, BARS_A_ROW // bars))
    return [list(part) for part in np.array_split(np.array(tasks, dtype=object), number)]


def faces(wanted: Iterable[tuple[str, str]]) -> dict[str, Face]:
    """A distinct colour and hatch for each name: the preferred colour if free; other hatches when colours run out."""
    found: dict[str, Face] = {}
    for number, (name, colour) in enumerate(dict(wanted).items()):
        used = {face["facecolor"] for face in found.values()}
        free = [other for other in (colour, *OTHER_COLOURS, *ELEMENT_COLOURS.values()) if other not in used] or [colour]
        taken = {face["hatch"] for face in found.values() if face["facecolor"] == free[0]}
        hatches = [HATCHES[(number + shift) % len(HATCHES)] for shift in range(len(HATCHES))]
        hatch = next((hatch for hatch in hatches if hatch not in taken), hatches[0])
        found[name] = {"facecolor": free[0], "edgecolor": "0.15", "hatch": hatch, "linewidth": 0.6}
    return found


def draw_row(ax: Axes, bars: Sequence[tuple[pd.DataFrame, Face]], tasks: Sequence[str]) -> None:
    """Draw the bars of some tasks; for each face there is a frame with the columns task, mean and deviation."""
    width = GROUP / len(bars)
    for number, (cells, face) in enumerate(bars):
        ours = cells.set_index("task").reindex(list(tasks))
        x = np.arange(len(tasks)) - GROUP / 2 + (number + 0.5) * width
        ax.bar(x, ours["mean"].fillna(0), width, **face)
        whiskers: dict[str, Any] = {
            "linestyle": "none",
            "color": "0.15",
            "elinewidth": 0.8,
            "capsize": min(2.0, 12 * width),
        }
        ax.errorbar(x, ours["mean"], ours["deviation"], **whiskers)
        gone = ours["mean"].isna().to_numpy()
        if gone.any():
            ax.plot(
                x[gone],
                np.full(gone.sum(), 0.02),
                linestyle="none",
                marker="x",
                markersize=4,
                color="0.15",
                clip_on=False,
            )
    ax.set_xlim(-0.5, len(tasks) - 0.5)
    ax.set_ylim(0, 1.03)
    ax.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    ax.grid(visible=False, axis="x")
    ax.set_xticks(range(len(tasks)), list(map(style.as_text, tasks)), rotation=30, ha="right", rotation_mode="anchor")


def draw_majority(ax: Axes, tasks: Sequence[str], lines: Mapping[str, float]) -> None:
    """Draw the majority-class line for each task that has one."""
    for place, task in enumerate(tasks):
        if task in lines:
            ax.hlines(
                lines[task],
                place - GROUP / 2 - 0.03,
                place + GROUP / 2 + 0.03,
                color="black",
                linestyle=(0, (3, 1.5)),
                linewidth=1.1,
                zorder=3,
            )


def legend(named: Mapping[str, Face], majority: bool, gone: bool) -> list[Any]:
    """The entries of the legend: faces and other symbols."""
    handles: list[Any] = [Patch(label=name, **face) for name, face in named.items()]
    if majority:
        handles.append(Line2D([], [], color="black", linestyle=(0, (3, 1.5)), linewidth=1.1, label="majority class"))
    if gone:
        handles.append(
            Line2D([], [], linestyle="none", marker="x", markersize=4, color="0.15", label="failed or not primed")
        )
    return handles


def note(study: Study, whiskers: str | None = None) -> str:
    """A note on bars and whiskers, which are over samples and seeds if nothing else is said of them."""
    runs = wording.runs_a_cell(study)
    spread = f"± standard deviation of {runs} runs (samples and seeds)" if runs != "1" else None
    said = f"whiskers: {whiskers or spread}" if whiskers or spread else "one run a bar"
    return f"Mean score on the test set ({wording.selecting_score(study)}); {said}."
