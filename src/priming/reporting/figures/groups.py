"""Gain over the un-primed twin in each group of target tasks, side by side for every primed strategy."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from priming.reporting import wording
from priming.reporting.figures import style
from priming.reporting.figures.stored import stored
from priming.strategies import Strategy
from priming.study import Study

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "oDs^vP*"
LINE = 0.11
"""Height of each group of a strategy, in inches."""
GAP, TITLE, LEAST = 0.13, 0.42, 2.1
SPREAD = 0.72
"""Fraction of a strategy's row over which its groups are spread."""


def figure(study: Study, tables: Path) -> Figure:
    """Draw one panel per PLM and tuned element, one row per strategy; bars are intervals, hollow marks have none."""
    effects = _effects(study, tables)
    if effects["gain"].isna().all():
        return style.sentence(
            study.figures.style, "No primed strategy of this study has a gain over an un-primed twin."
        )
    names = list(dict.fromkeys(effects["group"]))
    panels = list(effects.groupby(["plm", "tuned"], sort=False))
    rows = [frame["strategy"].nunique() for _, frame in panels]
    each = LINE * max(2, len(names)) + GAP
    height = max(LEAST, sum(rows) * each + TITLE * (len(panels) + 1))
    canvas = Figure(figsize=(study.figures.style.width, height), layout="constrained")
    axes = canvas.subplots(
        len(panels), 1, sharex=True, squeeze=False, height_ratios=[TITLE / 2 + each * number for number in rows]
    )[:, 0]
    for ax, ((plm, tuned), frame) in zip(axes, panels, strict=True):
        _panel(ax, frame, names)
        ax.set_title(f"{plm}: tuning {tuned}" if len(study.plms) > 1 else f"tuning {tuned}", loc="left")
    axes[-1].set_xlabel(f"gain in {wording.axis_name(study.scoring.metric)} over the un-primed twin")
    style.legend_below(canvas, _legend(effects, names), _notes(study, effects))
    return canvas


def _effects(study: Study, tables: Path) -> pd.DataFrame:
    """One row per primed strategy and group, with the tuned elements and the row's name."""
    effects = stored(tables, "effects_by_group")
    if wanted := study.figures.groups.strategies:
        effects = effects[effects["strategy"].isin([str(Strategy.parse(text)) for text in wanted])]
    parsed = [Strategy.parse(name) for name in effects["strategy"]]
    return effects.assign(tuned=[s.tunes for s in parsed], row=[_name(s) for s in parsed])


def _name(strategy: Strategy) -> str:
    return f"{strategy.priming}{f' (with {chr(43).join(strategy.kept)})' if strategy.kept else ''}"


def _panel(ax: Axes, effects: pd.DataFrame, names: list[str]) -> None:
    """The strategies from top to bottom, each with its groups in order."""
    rows = list(dict.fromkeys(effects["row"]))
    ax.axvline(0, color="black", linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    for effect in effects.to_dict("records"):
        number = names.index(effect["group"])
        y = rows.index(effect["row"]) + SPREAD * ((number + 0.5) / len(names) - 0.5)
        _point(ax, effect, y, number)
    for edge in np.arange(0.5, len(rows) - 1):
        ax.axhline(edge, color=style.LIGHT, linewidth=0.6, zorder=0)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.04)


def _point(ax: Axes, effect: dict[str, Any], y: float, number: int) -> None:
    if np.isnan(effect["gain"]):
        return
    if not np.isnan(effect["low"]):
        ax.hlines(y, effect["low"], effect["high"], color=_colour(number), linewidth=1.3, zorder=2)
    ax.plot(effect["gain"], y, linestyle="none", zorder=3, **_marks(number, hollow=np.isnan(effect["low"])))


def _marks(number: int, *, hollow: bool = False) -> dict[str, Any]:
    colour = _colour(number)
    size = {"markersize": 4.5, "markeredgewidth": 1.0}
    return {
        "marker": MARKERS[number % len(MARKERS)],
        "markeredgecolor": colour,
        "markerfacecolor": "white" if hollow else colour,
        **size,
    }


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _legend(effects: pd.DataFrame, names: list[str]) -> list[Line2D]:
    """One entry per group, with its number of tasks."""
    size = {name: len(str(tasks).split()) for name, tasks in zip(effects["group"], effects["task_names"], strict=True)}
    label = {name: f"{style.as_text(name)} ({wording.plural(size[name], 'task')})" for name in names}
    return [
        Line2D([], [], color=_colour(n), linestyle="-", linewidth=1.3, label=label[name], **_marks(n))
        for n, name in enumerate(names)
    ]


def _notes(study: Study, effects: pd.DataFrame) -> list[str]:
    shown = effects.dropna(subset=["gain"])
    kinds = "; ".join(dict.fromkeys(shown.dropna(subset=["low"])["interval"]))
    intervals = (
        f"; bars: {wording.LEVEL} intervals ({kinds}), not corrected for the number of comparisons" if kinds else ""
    )
    hollow = " Hollow: too few tasks for an interval." if shown["low"].isna().any() else ""
    gone = ", ".join(effects[effects["gain"].isna()]["strategy"].unique())
    lines = [
        f"Mean gain over the tasks of a group ({wording.selecting_score(study)}; "
        f"{wording.size(study)}){intervals}.{hollow}"
    ]
    return [*lines, *([f"No gain (failed or not primed): {gone}."] if gone else [])]
