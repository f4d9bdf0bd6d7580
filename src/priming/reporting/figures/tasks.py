"""One bar per task and strategy, with whiskers, and the majority-class line."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from priming.reporting import wording
from priming.reporting.figures import bar_rows, style
from priming.reporting.figures.looks import ELEMENT_COLOURS, NOTHING_COLOUR
from priming.reporting.figures.stored import stored
from priming.strategies import Strategy
from priming.study import Study
from priming.study.baselines import CONSTANT, NO_BASELINE

PALE = 0.65
"""Fraction of white in the colour of an un-primed twin."""


def figure(study: Study, tables: Path) -> Figure:
    """Draw rows of tasks, one PLM after the other. Whiskers are standard deviations over samples and seeds."""
    cells, majority = stored(tables, "per_task"), stored(tables, "majority")
    bars = study.tasks.target
    if by_group := study.figures.tasks.of == "groups":
        named = stored(tables, "groups_of_tasks")
        of = dict(zip(named["task"], named["group"], strict=True))
        cells, majority, bars = _grouped(cells, of), _grouped(majority, of), list(dict.fromkeys(of.values()))
    shown = {plm: _strategies(study, tables, plm) for plm in study.plms}
    if cells["mean"].isna().all():
        return style.sentence(study.figures.style, "No strategy of this study has a score.")
    faces = _faces(name for names in shown.values() for name in names)
    rows = [(plm, tasks) for plm in study.plms for tasks in bar_rows.split(bars, max(map(len, shown.values())))]
    canvas = Figure(figsize=(study.figures.style.width, len(rows) * bar_rows.PANEL_HEIGHT), layout="constrained")
    axes = canvas.subplots(len(rows), 1, sharey=True, squeeze=False)[:, 0]
    lines = {task: score for task, score in zip(majority["task"], majority["score"], strict=True) if score > 0}
    for ax, (plm, tasks) in zip(axes, rows, strict=True):
        ours = cells[cells["plm"] == plm]
        bar_rows.draw_row(ax, [(ours[ours["strategy"] == name], faces[name]) for name in shown[plm]], tasks)
        bar_rows.draw_majority(ax, tasks, lines)
        ax.set_ylabel(wording.axis_name(study.scoring.metric))
        if len(study.plms) > 1:
            ax.set_title(f"PLM {plm}", loc="left")
    baseline = "" if study.scoring.arg_baseline in (*CONSTANT, NO_BASELINE) else "the ARG baseline and, "
    best = f"Shown: {baseline}of each tuned element{',' if baseline else ''} the strategy with the best dev score. "
    if not study.tasks.develops:
        best = ""
    whiskers = "± standard deviation over the tasks of a group" if by_group else None
    notes = [
        bar_rows.note(study, whiskers),
        f"{'' if study.figures.tasks.strategies else best}Pale: the un-primed twins, each before what is primed.",
    ]
    gone = bool(cells[cells["strategy"].isin(faces)]["mean"].isna().any())
    style.legend_below(canvas, bar_rows.legend(faces, bool(lines), gone), notes)
    return canvas


def _grouped(rows: pd.DataFrame, of: Mapping[str, str]) -> pd.DataFrame:
    """The mean over the tasks of each group, and their standard deviation."""
    columns = [column for column in ("plm", "strategy") if column in rows]
    value = "mean" if "mean" in rows else "score"
    found = rows.assign(task=rows["task"].map(of)).groupby([*columns, "task"], sort=False)[value]
    return found.agg(["mean", "std"]).rename(columns={"mean": value, "std": "deviation"}).reset_index()


def _faces(names: Iterable[str]) -> dict[str, bar_rows.Face]:
    """A bar has the colour of its tuned element; an un-primed twin has a pale version of the face of the first strategy
    shown beside it.
    """
    parsed = {name: Strategy.parse(name) for name in names}
    partners = {str(strategy.twin): name for name, strategy in reversed(parsed.items()) if strategy.priming}
    alone = bar_rows.faces((name, _colour(strategy)) for name, strategy in parsed.items() if name not in partners)
    return {
        name: alone[partners[name]] | {"facecolor": _pale(alone[partners[name]]["facecolor"])}
        if name in partners
        else alone[name]
        for name in parsed
    }


def _colour(strategy: Strategy) -> str:
    colour = ELEMENT_COLOURS[strategy.tuned[0]] if strategy.tuned else NOTHING_COLOUR
    return colour if strategy.priming else _pale(colour)


def _pale(colour: str) -> str:
    red, green, blue = (PALE + (1 - PALE) * part for part in to_rgb(colour))
    return to_hex((red, green, blue))


def _strategies(study: Study, tables: Path, plm: str) -> list[str]:
    """The chosen strategies, each after its un-primed twin, grouped by twin."""
    groups: dict[Strategy, list[Strategy]] = {}
    for strategy in map(Strategy.parse, _chosen(study, tables, plm)):
        twin = study.twins.get(strategy, strategy)
        groups.setdefault(twin, [twin]).append(strategy)
    return list(dict.fromkeys(str(strategy) for group in groups.values() for strategy in group))


def _chosen(study: Study, tables: Path, plm: str) -> list[str]:
    """The strategies listed in the study, or else the baseline and the best of each downstream element by dev score."""
    if study.figures.tasks.strategies:
        return [str(Strategy.parse(text)) for text in study.figures.tasks.strategies]
    rows = stored(tables, "strategies")
    rows = rows[rows["plm"] == plm].dropna(subset=["dev"] if study.tasks.develops else ["mean"])
    if not study.tasks.develops:
        return list(rows["strategy"])
    tuned = rows["strategy"].map(lambda name: Strategy.parse(name).tuned)
    best = rows.loc[rows.groupby(tuned, sort=False)["dev"].idxmax(), "strategy"]
    baselines = [study.baseline_of(Strategy.parse(name)) for name in best]
    return list(dict.fromkeys([*(str(baseline) for baseline in baselines if baseline), *best]))
