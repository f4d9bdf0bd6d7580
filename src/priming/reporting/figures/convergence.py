"""Dev score over tuning steps, primed against un-primed, a panel a tuned element."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from priming.reporting import wording
from priming.reporting.figures import style
from priming.reporting.figures.looks import Look, looks
from priming.reporting.figures.stored import stored
from priming.strategies import Strategy
from priming.study import Study

PANEL_HEIGHT = 2.3


def figure(study: Study, tables: Path) -> Figure:
    """Draw the mean over tasks of the winning runs; a band is the standard deviation over seeds and samples."""
    curves = stored(tables, "curves")
    wanted = _wanted(study)
    groups = _panels(study, wanted, curves)
    if not groups:
        return style.sentence(study.figures.style, _nothing(wanted))
    found = looks(study)
    canvas, axes = style.facets(study, groups, PANEL_HEIGHT)
    for (plm, tuned), ax in axes.items():
        strategies = groups[plm, tuned]
        for strategy in strategies:
            _line(
                ax,
                curves[(curves["plm"] == plm) & (curves["strategy"] == str(strategy))],
                _look(strategy, found),
                len(strategies),
                study.scoring.freedom,
            )
    style.label_outer(axes.values(), "tuning steps", f"dev {wording.AXIS_NAMES[study.scoring.metric]}")
    drawn = dict.fromkeys(s for strategies in groups.values() for s in strategies)
    entries = {_name(s): _look(s, found).handle(_name(s), line=True) for s in drawn}
    score = f"Mean score of the winning runs on the development sets ({wording.selecting_score(study)}), over tasks"
    note = f"{score}; band: ± standard deviation over seeds and samples ({wording.size(study)})."
    style.legend_below(canvas, list(entries.values()), [note])
    return canvas


def _wanted(study: Study) -> list[Strategy]:
    """The primed strategies that the study names, or all that have a twin; in front of each group its twin."""
    named = [Strategy.parse(text) for text in study.figures.convergence.strategies] or list(study.twins)
    return [s for s in study.parsed_strategies if s in named or s in {study.twins.get(other) for other in named}]


def _panels(study: Study, wanted: list[Strategy], curves: pd.DataFrame) -> dict[tuple[str, str], list[Strategy]]:
    """The strategies that have a curve, by PLM and what they tune."""
    known = set(zip(curves["plm"], curves["strategy"], strict=True))
    groups: dict[tuple[str, str], list[Strategy]] = {}
    for plm in study.plms:
        for strategy in wanted:
            if (plm, str(strategy)) in known:
                groups.setdefault((plm, "+".join(strategy.tuned)), []).append(strategy)
    return groups


def _nothing(wanted: list[Strategy]) -> str:
    if not wanted:
        return "No strategy of this study is primed and has an un-primed twin."
    return "No run of the strategies in this figure has a dev curve."


def _line(ax: Axes, curves: pd.DataFrame, look: Look, lines: int, freedom: int) -> None:
    """The mean over tasks, seeds and samples at each step, and the deviation of the mean over tasks."""
    pairs = curves.groupby(["step", "plm_seed", "seed", "sample"], dropna=False)["dev"].mean().groupby("step")
    mean, deviation = pairs.mean(), pairs.std(ddof=freedom).fillna(0)
    ax.fill_between(mean.index, mean - deviation, mean + deviation, color=look.colour, alpha=0.2 if lines < 4 else 0.12, linewidth=0)
    every = max(1, len(mean) // 6)
    ax.plot(mean.index, mean, color=look.colour, linestyle=look.dashes, markevery=every, **{**look.marks(), "markersize": 4.5})


def _look(strategy: Strategy, found: dict[str, Look]) -> Look:
    """That of the priming; with an element kept in place a dotted line."""
    look = found[str(strategy.priming or "none")]
    return Look(look.colour, look.marker, look.fill, (0, (1, 1.2))) if strategy.kept else look


def _name(strategy: Strategy) -> str:
    kept = f" (with {'+'.join(strategy.kept)})" if strategy.kept else ""
    return f"{strategy.priming or 'none, un-primed'}{kept}"
