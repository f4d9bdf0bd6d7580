"""Gain over the un-primed twin against the cost of priming; multi-task learning and meta-learners look different."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from priming.reporting import wording
from priming.reporting.figures import style
from priming.reporting.figures.looks import Look, looks
from priming.reporting.figures.stored import stored
from priming.strategies import Priming, Strategy
from priming.study import Study

PANEL_HEIGHT = 2.6
_MARGIN = 1.3
_NEAREST = 0.05


def figure(study: Study, tables: Path) -> Figure:
    """Draw one panel per PLM and tuned element; lines join strategies that differ only in their priming budget."""
    points = _points(study, tables)
    shown = points.dropna(subset=["gain", "priming_flops"])
    if shown.empty:
        return style.sentence(study.figures.style, _nothing(study))
    found = looks(study)
    groups = dict(list(shown.groupby(["plm", "tuned"], sort=False)))
    low, high = shown["priming_flops"].min() / _MARGIN, shown["priming_flops"].max() * _MARGIN
    gap = _NEAREST * float(np.log10(high / low))
    canvas, axes = style.facets(study, groups, PANEL_HEIGHT)
    for key, ax in axes.items():
        _panel(ax, groups[key], found, gap)
        ax.set_xlim(low, high)
        power = style.log_ticks(ax.xaxis, low, high)
    style.label_outer(
        axes.values(), f"priming, $10^{{{power}}}$ FLOPs", f"gain in {wording.axis_name(study.scoring.metric)}"
    )
    style.legend_below(canvas, _legend(points, found), _notes(study, points))
    return canvas


def _nothing(study: Study) -> str:
    if not study.primings:
        return "No strategy of this study is primed."
    return "No primed strategy of this study has a gain over an un-primed twin and a priming of known compute."


def _points(study: Study, tables: Path) -> pd.DataFrame:
    """One row per primed strategy: gain with interval, FLOPs of its priming, tuned elements, and family."""
    effects = stored(tables, "effects").drop(columns=["metric", "decoder"])
    costs = stored(tables, "strategies")[["plm", "strategy", "priming", "priming_flops"]]
    points = effects.merge(costs, on=["plm", "strategy"])
    if wanted := study.figures.compute.strategies:
        points = points[points["strategy"].isin([str(Strategy.parse(text)) for text in wanted])]
    parsed = [Strategy.parse(name) for name in points["strategy"]]
    families = [_family(strategy, plm, study) for strategy, plm in zip(parsed, points["plm"], strict=True)]
    return points.assign(tuned=[s.tunes for s in parsed], kept=[bool(s.kept) for s in parsed], family=families)


def _family(strategy: Strategy, plm: str, study: Study) -> str:
    """A key shared by strategies that differ only in their priming budget."""
    priming = strategy.priming
    if priming is None:
        return str(strategy)
    settings = study.settings_of(priming.section, plm).model_dump_json(exclude={"budget"})
    plain = Priming(priming.algorithm, priming.outer, priming.inner, priming.inner_steps)
    return f"{Strategy(plain, strategy.tuned, strategy.kept)} {settings}"


def _panel(ax: Axes, points: pd.DataFrame, found: dict[str, Look], gap: float) -> None:
    ax.axhline(0, color="black", linewidth=0.8, linestyle=(0, (3, 2)))
    ax.set_xscale("log")
    points = points.assign(x=_apart(points["priming_flops"].to_numpy(dtype=float), gap))
    for _, family in points.groupby("family", sort=False):
        ordered = family.sort_values("priming_flops")
        ax.plot(ordered["x"], ordered["gain"], color=found[ordered["priming"].iloc[0]].colour, linewidth=0.9, zorder=2)
    for row in points.to_dict("records"):
        at, bar = (row["x"], row["gain"]), (row["low"], row["high"])
        found[row["priming"]].draw(ax, at, bar, ringed=row["kept"], width=1)
    ax.margins(y=0.1)


def _apart(flops: np.ndarray[Any, np.dtype[np.float64]], gap: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The FLOPs, with points closer than `gap` decades moved apart around their common centre."""
    order = np.argsort(flops, kind="stable")
    places = np.log10(flops)
    cluster: list[int] = []
    for n in [*order.tolist(), -1]:
        if cluster and (n < 0 or np.log10(flops[n] / flops[cluster[-1]]) >= gap):
            places[cluster] = places[cluster].mean() + gap * (np.arange(len(cluster)) - (len(cluster) - 1) / 2)
            cluster = []
        cluster.append(n)
    return np.asarray(10**places)


def _legend(points: pd.DataFrame, found: dict[str, Look]) -> list[Any]:
    known = points.dropna(subset=["gain"])
    handles: list[Any] = [found[name].handle(name) for name in found if name in set(known["priming"])]
    if known["kept"].any():
        handles.append(Look(style.GREY, "o", "none", "-").handle("ring: a primed element stays in place, frozen"))
        handles[-1].set(markersize=10, markerfacecolor="none")
    return handles


def _notes(study: Study, points: pd.DataFrame) -> list[str]:
    known = points.dropna(subset=["gain"])
    kinds = "; ".join(dict.fromkeys(known["interval"]))
    score = (
        f"Gain in {wording.selecting_score(study)} over the un-primed twin ({wording.size(study)}); "
        f"{wording.LEVEL} intervals: {kinds}."
    )
    places = "Lines join budgets of one priming; points of nearly one compute are moved sideways."
    gone = ", ".join(points[points["gain"].isna()]["strategy"].unique())
    return [score, places, *([f"No gain (failed or not primed): {gone}."] if gone else [])]
