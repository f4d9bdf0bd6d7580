"""Common style of the figures: fonts, sizes, panels, and byte-identical files."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from priming.study import Study
from priming.study.figures import Style

GREY = "0.35"
LIGHT = "0.88"

_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
    "png": {"Software": None},
}
_STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8))
_FEWEST_TICKS = 3


@contextmanager
def applied(style: Style) -> Iterator[None]:
    """Matplotlib's defaults with the study's font size, ignoring the user's matplotlibrc."""
    small = style.font_size - 1
    settings: dict[str, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": style.font_size,
        "axes.titlesize": style.font_size,
        "axes.labelsize": style.font_size,
        "xtick.labelsize": small,
        "ytick.labelsize": small,
        "legend.fontsize": small,
        "legend.title_fontsize": small,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": LIGHT,
        "grid.linewidth": 0.6,
        "hatch.linewidth": 0.6,
        "lines.linewidth": 1.4,
        "lines.markersize": 6,
        "pdf.fonttype": 42,
        "svg.hashsalt": "priming",
        "savefig.dpi": style.dpi,
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, settings))
        yield


def as_text(text: str) -> str:
    """`text` with its dollar signs, between which matplotlib would read mathematics."""
    return text.replace("$", r"\$")


def panels(style: Style, number: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with `number` panels, `columns` per row, each `height` inches high, that share both axes."""
    places = [divmod(n, columns) for n in range(number)]
    return _grid(style, places, height)


def facets(study: Study, keys: Iterable[tuple[str, str]], height: float) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """One panel per PLM and tuned element: two or three per row for one PLM, else a row per PLM and a column per
    element.

    Each panel has its title.
    """
    known = list(keys)
    if len(study.plms) == 1:
        columns = 2 if len(known) in (2, 4) else min(3, len(known))
        places = [divmod(n, columns) for n in range(len(known))]
    else:
        plms, elements = (list(dict.fromkeys(key[n] for key in known)) for n in (0, 1))
        places = [(plms.index(plm), elements.index(tuned)) for plm, tuned in known]
    figure, axes = _grid(study.figures.style, places, height)
    for (plm, tuned), ax in zip(known, axes, strict=True):
        ax.set_title(f"{plm}: tuning {tuned}" if len(study.plms) > 1 else f"tuning {tuned}")
    return figure, dict(zip(known, axes, strict=True))


def _grid(style: Style, places: list[tuple[int, int]], height: float) -> tuple[Figure, list[Axes]]:
    """Panels at (row, column) of a grid with shared axes; tick labels at the left and at the bottom."""
    rows, columns = (max(place[n] for place in places) + 1 for n in (0, 1))
    figure = Figure(figsize=(style.width, rows * height), layout="constrained")
    grid: Any = figure.subplots(rows, columns, sharey=True, sharex=True, squeeze=False)
    for place in np.ndindex(rows, columns):
        if place not in places:
            grid[place].remove()
    for row, column in places:
        grid[row, column].tick_params(
            labelbottom=row == max(r for r, c in places if c == column),
            labelleft=column == min(c for r, c in places if r == row),
        )
    return figure, [grid[place] for place in places]


def label_outer(axes: Iterable[Axes], x: str, y: str) -> None:
    """Label the axes of panels with tick labels."""
    for ax in axes:
        ax.set_xlabel(x if ax.xaxis.get_tick_params()["labelbottom"] else "")
        ax.set_ylabel(y if ax.yaxis.get_tick_params()["labelleft"] else "")


def sentence(style: Style, text: str) -> Figure:
    """A figure with the reason that there is nothing to draw."""
    figure = Figure(figsize=(style.width, 1.2), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color=GREY, wrap=True)
    return figure


def legend_below(figure: Figure, handles: Sequence[Any], notes: Sequence[str] = ()) -> None:
    """Add a legend below the panels, in as many columns as fit, and notes below it; the figure grows accordingly."""
    size = float(matplotlib.rcParams["legend.fontsize"])
    width, height = figure.get_size_inches()
    lines = wrapped(notes, width, size)
    legend, legend_height = _fitted(figure, handles, width)
    note_height = (1.3 * len(lines) + 0.8) * size / 72
    total = height + legend_height + note_height
    figure.set_size_inches(width, total)
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.set(rect=(0, 1 - height / total, 1, height / total))  # type: ignore[call-arg]
    legend.set_bbox_to_anchor((0.5, note_height / total))
    figure.text(
        0.5,
        0.4 * size / 72 / total,
        "\n".join(lines),
        ha="center",
        va="bottom",
        fontsize=size,
        color=GREY,
        linespacing=1.25,
    )


def wrapped(notes: Sequence[str], width: float, size: float) -> list[str]:
    """The lines of notes below a figure `width` inches wide, in a font of `size` points; each note begins a line."""
    return [line for note in notes for line in _balanced(note, int(width * 72 / (0.56 * size)))]


def _balanced(text: str, longest: int) -> list[str]:
    """`text` in as few lines of at most `longest` characters as possible, of similar lengths."""
    fewest = len(textwrap.wrap(text, longest))
    return next(
        lines
        for width in range(max(1, len(text) // fewest), longest + 1)
        if len(lines := textwrap.wrap(text, width)) == fewest
    )


def log_ticks(axis: Axis, low: float, high: float) -> int:
    """Put three or more round ticks between `low` and `high` on a logarithmic axis; returns their power of ten."""
    power = int(3 * np.floor(np.log10(low) / 3))
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in _STEPS:
        ticks = [tick for tick in np.outer(decades, steps).ravel() if low <= tick <= high]
        if len(ticks) >= _FEWEST_TICKS:
            break
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 10**power:g}"))
    return power


def _fitted(figure: Figure, handles: Sequence[Any], width: float) -> tuple[Legend, float]:
    """The legend with the most columns that fit into `width`, and its height, in inches."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    for columns in range(min(len(handles), 6), 0, -1):
        legend = figure.legend(
            handles=list(handles), loc="lower center", ncols=columns, handlelength=3, columnspacing=1.5, borderaxespad=0
        )
        box = legend.get_window_extent(renderer)
        if box.width <= width * figure.dpi or columns == 1:
            break
        legend.remove()
    legend.set_in_layout(False)
    return legend, float(box.height / figure.dpi)


def save(figure: Figure, stem: Path, style: Style) -> None:
    """Write the figure as `stem`.svg and so on, without dates or program names."""
    for ending in style.formats:
        file = stem.with_name(f"{stem.name}.{ending}")
        figure.savefig(file, metadata=_METADATA[ending])
        if ending == "svg":
            file.write_text(numbered_ids(file.read_text(encoding="utf-8")), encoding="utf-8")


def numbered_ids(svg: str) -> str:
    """The same picture with its parts' identifiers numbered: matplotlib makes them from places in memory."""
    found = dict.fromkeys(re.findall(r'\bid="(\w*[0-9a-f]{10})"', svg))
    numbers = {name: f"part{number}" for number, name in enumerate(found, start=1)}
    return re.sub(r'(?<=id=")\w+(?=")|(?<=#)\w+', lambda match: numbers.get(match[0], match[0]), svg)
