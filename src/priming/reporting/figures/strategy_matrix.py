"""Priming x tuned elements, as a heat map with values, one map per PLM."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from priming.reporting import wording
from priming.reporting.figures import style
from priming.reporting.figures.stored import stored
from priming.study import Study

ROW_HEIGHT = 0.34
LONGEST = 12
"""Letters of a line above a column."""
_VALUES = {"score": ("strategies", "mean"), "arg": ("arg", "arg_percent"), "gain": ("effects", "gain")}


def figure(study: Study, tables: Path) -> Figure:
    """Draw the value named in `figures.strategy_matrix.value`; blank if the study has no such strategy."""
    if study.figures.strategy_matrix.value == "arg" and not study.scoring.has_arg:
        return style.sentence(study.figures.style, wording.NO_ARG)
    cells = _cells(study, tables)
    maps = {plm: _pivot(cells[cells["plm"] == plm], "value") for plm in study.plms}
    if cells["value"].isna().all():
        return style.sentence(
            study.figures.style, f"No strategy of this study has a {study.figures.strategy_matrix.value}."
        )
    shown = study.figures.style
    rows = sum(len(values) for values in maps.values())
    canvas = Figure(figsize=(shown.width, ROW_HEIGHT * rows + 0.8 * len(maps) + 0.5), layout="constrained")
    axes = canvas.subplots(len(maps), 1, squeeze=False, height_ratios=[len(values) for values in maps.values()])[:, 0]
    limits = _limits(study, cells["value"])
    for ax, (plm, values) in zip(axes, maps.items(), strict=True):
        _heat(ax, values, study, limits)
        _annotate(ax, cells[cells["plm"] == plm], values, study)
        ax.set_title(f"PLM {plm}: tuned downstream", pad=4)
    bar = canvas.colorbar(axes[0].collections[0], ax=list(axes), fraction=0.035, pad=0.015, aspect=30)
    lines = style.wrapped([_label(study), _note(cells)], shown.width, shown.font_size - 1)
    canvas.supxlabel("\n".join(lines), fontsize=shown.font_size - 1, color=style.GREY)
    bar.outline.set_visible(False)
    return canvas


def _cells(study: Study, tables: Path) -> pd.DataFrame:
    """One row per PLM and strategy: priming, downstream, value, deviation, and whether runs are missing."""
    table, column = _VALUES[study.figures.strategy_matrix.value]
    cells = stored(tables, "strategies").drop(columns=["metric", "decoder"])
    values = stored(tables, table)[["plm", "strategy", column]].rename(columns={column: "value"})
    unprimed_too = study.figures.strategy_matrix.value != "gain"
    return cells.merge(values, on=["plm", "strategy"], how="left")[
        lambda rows: (rows["priming"] != "none") | unprimed_too
    ]


def _pivot(cells: pd.DataFrame, column: str) -> pd.DataFrame:
    """Primings x downstream, both in the order of the study, un-primed first."""
    rows = sorted(cells["priming"].unique(), key=lambda name: name != "none")
    table = cells.pivot(index="priming", columns="downstream", values=column)
    return table.loc[rows, list(dict.fromkeys(cells["downstream"]))]


def _limits(study: Study, values: pd.Series) -> tuple[float, float]:
    """Range of the colour scale, symmetric about zero for gains."""
    if study.figures.strategy_matrix.value == "score":
        return float(values.min()), float(values.max())
    widest = max(float(values.abs().max()), 1e-9)
    return -widest, widest


def _label(study: Study) -> str:
    name = wording.selecting_score(study)
    labels = {
        "score": f"Mean {name}",
        "arg": f"ARG in % over {wording.baseline(study)}, {name}",
        "gain": f"Gain over the un-primed twin, {name}",
    }
    return f"{labels[study.figures.strategy_matrix.value]} ({wording.size(study)})."


def _heat(ax: Axes, values: pd.DataFrame, study: Study, limits: tuple[float, float]) -> None:
    colours = seaborn.color_palette(
        "Blues" if study.figures.strategy_matrix.value == "score" else "PuOr_r", as_cmap=True
    )
    colours = ListedColormap(colours(np.linspace(0.1, 0.9, 256)))
    ax.set_facecolor("0.96")
    seaborn.heatmap(
        values.astype(float),
        ax=ax,
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        cbar=False,
        linewidths=1.5,
        linecolor="white",
    )
    _between_algorithms(ax, values)
    ax.grid(visible=False)
    ax.set(xlabel="", ylabel="priming")
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)
    ax.set_xticks(np.arange(len(values.columns)) + 0.5, [_wrapped(name) for name in values.columns], rotation=0)


def _between_algorithms(ax: Axes, values: pd.DataFrame) -> None:
    """A line wherever the algorithm changes."""
    algorithms = [str(name).partition("[")[0].partition(":")[0] for name in values.index]
    for y, (above, below) in enumerate(pairwise(algorithms), start=1):
        if above != below:
            ax.axhline(y, color=style.GREY, linewidth=0.8)


def _wrapped(name: str) -> str:
    """The name on as many lines as the width of a column asks for, broken before a bracket or after a plus."""
    lines = [""]
    for part in re.split(r"(?<=\+)| (?=\()", name):
        if lines[-1] and (part.startswith("(") or len(lines[-1] + part) > LONGEST):
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _note(cells: pd.DataFrame) -> str:
    missing = (cells["failed"] + cells["not_primed"] > 0).any()
    return "Bold: best of its column." + (" * Some runs failed or were not primed." if missing else "")


def _annotate(ax: Axes, cells: pd.DataFrame, values: pd.DataFrame, study: Study) -> None:
    """Write each value, the best of each column in bold; for a strategy without a value, the reason."""
    best = values.max().where(values.nunique() > 1)
    for row in cells.to_dict("records"):
        x, y = values.columns.get_loc(row["downstream"]), values.index.get_loc(row["priming"])
        if np.isnan(row["value"]):
            _missing(ax, x, y, _reason(row))
            continue
        weight = "bold" if row["value"] == best[row["downstream"]] else "normal"
        mark = "" if not row["failed"] + row["not_primed"] else "*"
        ax.text(
            x + 0.5,
            y + 0.5,
            _text(row, study) + mark,
            ha="center",
            va="center",
            weight=weight,
            color=_ink(ax, row["value"]),
        )


def _reason(row: dict[str, float]) -> str:
    """Why there is no value."""
    if row["done"]:
        return "no twin"
    return "failed" if row["failed"] >= row["not_primed"] else "not primed"


def _missing(ax: Axes, x: int, y: int, reason: str) -> None:
    ax.add_patch(
        Rectangle((x + 0.02, y + 0.04), 0.96, 0.92, facecolor="white", edgecolor="0.8", hatch="////", linewidth=0)
    )
    ax.text(
        x + 0.5,
        y + 0.5,
        reason,
        ha="center",
        va="center",
        color=style.GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )


def _text(row: dict[str, float], study: Study) -> str:
    value = study.figures.strategy_matrix.value
    if value == "score":
        return wording.fixed(row["value"])
    return wording.signed(row["value"], 1 if value == "arg" else 3)


def _ink(ax: Axes, value: float) -> str:
    """White on a dark cell, black on a light one."""
    red, green, blue, _ = ax.collections[0].to_rgba(np.array(value))
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5 else "black"
