"""Dev score over tuning steps, primed against un-primed, one panel per tuned element."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import offset_copy

from priming.reporting import wording
from priming.reporting.figures import style
from priming.reporting.figures.looks import Look, looks
from priming.reporting.figures.stored import stored
from priming.strategies import Strategy
from priming.study import Study

PANEL_HEIGHT = 2.3
LATE = 0.8
"""Fraction of the tuning steps after which a curve should have stopped rising."""
MOST_LISTED = 12
RISING: dict[str, Any] = {"marker": r"$\nearrow$", "markersize": 8, "markeredgewidth": 0.7, "clip_on": False}

Panel = tuple[str, str]
"""A PLM and the tuned elements."""


def figure(study: Study, tables: Path) -> Figure:
    """Draw the mean over tasks of the winning runs; bands are standard deviations over seeds and samples."""
    curves = stored(tables, "curves")
    wanted = _wanted(study)
    groups = _panels(study, wanted, curves)
    if not groups:
        return style.sentence(study.figures.style, _nothing(wanted))
    found = looks(study)
    canvas, axes = style.facets(study, groups, PANEL_HEIGHT)
    rises: dict[Panel, dict[str, float]] = {}
    for key, ax in axes.items():
        strategies = groups[key]
        for strategy in strategies:
            band = _band(
                curves[(curves["plm"] == key[0]) & (curves["strategy"] == str(strategy))], study.scoring.freedom
            )
            _line(ax, band, _look(strategy, found), len(strategies))
            if (rise := late_rise(band["mean"])) > study.figures.convergence.rising:
                _mark_rising(ax, band["mean"], _look(strategy, found))
                rises.setdefault(key, {})[_name(strategy)] = rise
        ax.margins(x=0.08)
    style.label_outer(axes.values(), "tuning steps", f"dev {wording.axis_name(study.scoring.metric)}")
    drawn = dict.fromkeys(s for strategies in groups.values() for s in strategies)
    entries = {_name(s): _look(s, found).handle(_name(s), line=True) for s in drawn}
    if rises:
        entries["rising"] = Line2D(
            [], [], linestyle="none", color=style.GREY, label="still rising at the end", **RISING
        )
    score = f"Mean score of the winning runs on the development sets ({wording.selecting_score(study)}), over tasks"
    note = f"{score}; band: ± standard deviation over seeds and samples ({wording.size(study)})."
    style.legend_below(
        canvas, list(entries.values()), [note, _rising_note(study, rises, sum(map(len, groups.values())))]
    )
    return canvas


def late_rise(mean: pd.Series) -> float:
    """The rise of a curve (mean score by step) to its end, from the earlier evaluation nearest to four fifths of it.

    If two evaluations are equally near, the earlier counts.
    """
    steps = mean.index.to_numpy(dtype=float)
    start = int(np.abs(steps[:-1] - LATE * steps[-1]).argmin()) if len(steps) > 1 else 0
    return float(mean.iloc[-1] - mean.iloc[start])


def _rising_note(study: Study, rises: Mapping[Panel, Mapping[str, float]], curves: int) -> str:
    """A note on the curves that still rise, or if there are many, their number in each panel."""
    rule = f"by more than {study.figures.convergence.rising:g} over the last fifth of the steps"
    number = sum(map(len, rises.values()))
    if not number:
        return f"At the end no curve still rises ({rule})."
    listed = []
    for (plm, tuned), found in rises.items():
        panel = f"{plm}, {tuned}" if len(study.plms) > 1 else tuned
        each = ", ".join(f"{name} ({wording.signed(rise)})" for name, rise in found.items())
        listed.append(f"{panel}: {each if number <= MOST_LISTED else len(found)}")
    return f"Still rising at the end ({rule}), {number} of {curves}: {'; '.join(listed)}."


def _wanted(study: Study) -> list[Strategy]:
    """The primed strategies that the study names, or else all with a twin, and their twins; only those that tune."""
    named = [Strategy.parse(text) for text in study.figures.convergence.strategies] or list(study.twins)
    shown = {strategy for other in named if other.tuned for strategy in (other, study.twins.get(other))}
    return [strategy for strategy in study.parsed_strategies if strategy in shown]


def _panels(study: Study, wanted: list[Strategy], curves: pd.DataFrame) -> dict[Panel, list[Strategy]]:
    """The strategies that have a curve, by PLM and what they tune."""
    known = set(zip(curves["plm"], curves["strategy"], strict=True))
    groups: dict[Panel, list[Strategy]] = {}
    for plm in study.plms:
        for strategy in wanted:
            if (plm, str(strategy)) in known:
                groups.setdefault((plm, strategy.tunes), []).append(strategy)
    return groups


def _nothing(wanted: list[Strategy]) -> str:
    if not wanted:
        return "No strategy of this study is primed and has an un-primed twin."
    return "No run of the strategies in this figure has a dev curve."


def _band(curves: pd.DataFrame, freedom: int) -> pd.DataFrame:
    """By step, the mean over tasks, primings and samples, and the deviation of the mean over tasks."""
    pairs = curves.groupby(["step", "plm_seed", "seed", "sample"], dropna=False)["dev"].mean().groupby("step")
    return pd.DataFrame({"mean": pairs.mean(), "deviation": pairs.std(ddof=freedom).fillna(0)})


def _line(ax: Axes, band: pd.DataFrame, look: Look, lines: int) -> None:
    mean, deviation = band["mean"], band["deviation"]
    ax.fill_between(
        mean.index, mean - deviation, mean + deviation, color=look.colour, alpha=0.2 if lines < 4 else 0.12, linewidth=0
    )
    every = max(1, len(mean) // 6)
    ax.plot(
        mean.index,
        mean,
        color=look.colour,
        linestyle=look.dashes,
        markevery=every,
        **{**look.marks(), "markersize": 4.5},
    )


def _mark_rising(ax: Axes, mean: pd.Series, look: Look) -> None:
    """An arrow after the end of a curve."""
    behind = offset_copy(ax.transData, ax.get_figure(root=True), x=6, units="points")
    ax.plot(mean.index[-1], mean.iloc[-1], linestyle="none", color=look.colour, transform=behind, zorder=4, **RISING)


def _look(strategy: Strategy, found: dict[str, Look]) -> Look:
    """The line style of the priming; dotted with an element kept in place."""
    look = found[str(strategy.priming or "none")]
    return Look(look.colour, look.marker, look.fill, (0, (1, 1.2))) if strategy.kept else look


def _name(strategy: Strategy) -> str:
    kept = f" (with {'+'.join(strategy.kept)})" if strategy.kept else ""
    return f"{strategy.priming or 'none, un-primed'}{kept}"
