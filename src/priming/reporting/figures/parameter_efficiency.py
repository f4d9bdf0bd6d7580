"""Score or ARG against the fraction of tuned parameters; arrows join primed strategies to their un-primed twins."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from priming.reporting import wording
from priming.reporting.figures import style
from priming.reporting.figures.looks import UNPRIMED, Look, looks
from priming.reporting.figures.stored import stored
from priming.strategies import Strategy
from priming.study import Study

PANEL_HEIGHT = 3.6
STEP = 0.1
_SAME_SHARE = 0.2


def figure(study: Study, tables: Path) -> Figure:
    """Draw one panel per PLM. Strategies with (nearly) equal fractions are spread sideways within a grey band."""
    if study.figures.parameter_efficiency.y == "arg" and not study.scoring.has_arg:
        return style.sentence(study.figures.style, wording.NO_ARG)
    points = _points(study, tables)
    shown = points.dropna(subset=["y", "share"])
    if shown.empty:
        return style.sentence(study.figures.style, "No strategy of this study has a score.")
    found, plms = looks(study), list(study.plms)
    canvas, axes = style.panels(study.figures.style, len(plms), min(2, len(plms)), PANEL_HEIGHT)
    for ax, plm in zip(axes, plms, strict=True):
        _panel(ax, shown[shown["plm"] == plm], found)
        if len(plms) > 1:
            ax.set_title(f"PLM {plm}", loc="left", pad=26)
    style.label_outer(axes, "tuned parameters, % of all (log scale)", _label(study))
    style.legend_below(canvas, _legend(points, found), _notes(study, points))
    return canvas


def _points(study: Study, tables: Path) -> pd.DataFrame:
    """One row per PLM and strategy: y with a bar from low to high, and x in % near its fraction."""
    points = stored(tables, "strategies")
    if study.figures.parameter_efficiency.y == "score":
        points = points.assign(
            y=points["mean"], low=points["mean"] - points["deviation"], high=points["mean"] + points["deviation"]
        )
    else:
        arg = stored(tables, "arg").rename(columns={"arg_percent": "y"})
        points = points.merge(arg[["plm", "strategy", "y", "low", "high"]], on=["plm", "strategy"])
    untuned = points["share"] == 0  # a logarithmic axis cannot show these
    points = points.assign(untuned=untuned, share=points["share"].mask(untuned))
    return pd.concat([_placed(group.copy()) for _, group in points.groupby("plm", sort=False)])


def _placed(points: pd.DataFrame) -> pd.DataFrame:
    """Place strategies with equal fractions side by side: un-primed in the middle, primed to both sides in order."""
    points["group"] = _groups(100 * points["share"])
    drawn = points.dropna(subset=["y", "group"])
    sides = drawn.groupby("group")["priming"].transform(_sides)
    step = _step(drawn["group"], sides)
    return points.assign(
        x=drawn["group"] * 10 ** (step * sides),
        band=step * (sides.abs().groupby(drawn["group"]).transform("max") + 0.6),
    )


def _groups(shares: pd.Series) -> pd.Series:
    """One fraction to represent all nearly equal ones."""
    ordered = shares.dropna().sort_values()
    numbers = (np.log(ordered).diff().fillna(1) > _SAME_SHARE).cumsum()
    return ordered.groupby(numbers).transform("mean").reindex(shares.index)


def _sides(primings: pd.Series) -> pd.Series:
    """0 for the un-primed strategy, ... -2, -1, 1, 2 ... for the others."""
    primed = (primings != UNPRIMED).to_numpy()
    half = int(primed.sum()) // 2
    place = np.cumsum(primed) - 1 - half
    return pd.Series(np.where(primed, place + (place >= 0), 0), index=primings.index)


def _step(groups: pd.Series, sides: pd.Series) -> float:
    """Decades between neighbours, small enough that groups do not meet."""
    widest = (sides.abs().groupby(groups).max() + 1).sort_index()
    gaps = np.diff(np.log10(widest.index.to_numpy(dtype=float)))
    return float(min([STEP, *(gaps / (widest.to_numpy()[1:] + widest.to_numpy()[:-1]))]))


def _panel(ax: Axes, points: pd.DataFrame, found: dict[str, Look]) -> None:
    ax.set_xscale("log")
    for share, group in points.groupby("group"):
        band = 10 ** group["band"].iloc[0]
        ax.axvspan(share / band, share * band, color="0.95", zorder=0, linewidth=0)
        ax.annotate(
            _names(group),
            (share, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
    for row in points.to_dict("records"):
        _arrow(ax, row, points)
        at, bar = (row["x"], row["y"]), (row["low"], row["high"])
        found[row["priming"]].draw(ax, at, bar, ringed="(with" in row["strategy"], width=0.8)
    ax.grid(visible=False, axis="x")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.margins(x=0.06, y=0.08)


def _names(group: pd.DataFrame) -> str:
    """The tuned elements of a group, and their fraction, from the smallest to the largest if fractions differ."""
    elements = dict.fromkeys(Strategy.parse(name).tunes for name in group["strategy"])
    shares = list(dict.fromkeys(wording.percent(share) for share in (group["share"].min(), group["share"].max())))
    first = shares[0].removesuffix(" %") if len(shares) > 1 else ""
    return f"{', '.join(elements)}\n{f'{first} to ' if first else ''}{shares[-1]}"


def _arrow(ax: Axes, row: dict[str, Any], points: pd.DataFrame) -> None:
    """An arrow from the un-primed twin, if there is one, to a primed strategy."""
    strategy = Strategy.parse(row["strategy"])
    twin = points[points["strategy"] == str(strategy.twin)]
    if strategy.priming is None or twin.empty:
        return
    start = (twin["x"].iloc[0], twin["y"].iloc[0])
    looks_like = {
        "arrowstyle": "-|>",
        "color": "0.55",
        "linewidth": 0.7,
        "shrinkA": 4,
        "shrinkB": 5,
        "mutation_scale": 7,
    }
    ax.annotate("", xy=(row["x"], row["y"]), xytext=start, arrowprops=looks_like, zorder=1)


def _label(study: Study) -> str:
    if study.figures.parameter_efficiency.y == "score":
        return f"mean {wording.axis_name(study.scoring.metric)}"
    return "ARG, %"


def _legend(points: pd.DataFrame, found: dict[str, Look]) -> list[Line2D]:
    """One entry per priming, and entries for other symbols."""
    handles = [found[name].handle(name) for name in found if name in set(points.dropna(subset=["y"])["priming"])]
    if points["strategy"].str.contains("(with", regex=False).any():
        ring: dict[str, Any] = {
            "marker": "o",
            "markersize": 10,
            "markerfacecolor": "none",
            "markeredgecolor": style.GREY,
        }
        handles.append(Line2D([], [], linestyle="none", label="ring: a primed element stays in place, frozen", **ring))
    return handles


def _notes(study: Study, points: pd.DataFrame) -> list[str]:
    by_score = study.figures.parameter_efficiency.y == "score"
    intervals = f"bars are {wording.LEVEL} intervals; " if points["low"].notna().any() else ""
    bars = "bars are standard deviations over seeds and samples; " if by_score else intervals
    over = "" if by_score else f"ARG over {wording.baseline(study)}; "
    settings = f"{over}{wording.selecting_score(study)}; {wording.size(study)}."
    band = (
        "within a grey band all strategies tune about the same share, and points are moved sideways, beyond 100 % too"
    )
    text = f"Arrows lead from the un-primed twin; {bars}{band}."
    gone = ", ".join(points[points["y"].isna()]["strategy"].unique())
    untuned = ", ".join(points[points["untuned"]]["strategy"].unique())
    left_out = [f"Not shown, since nothing is tuned: {untuned}."] if untuned else []
    return [
        settings[0].upper() + settings[1:],
        text,
        *([f"No score (failed or not primed): {gone}."] if gone else []),
        *left_out,
    ]
