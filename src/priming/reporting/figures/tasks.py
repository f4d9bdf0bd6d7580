"""A bar for each task and strategy, with whiskers, and the line of the majority class."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from priming.reporting import wording
from priming.reporting.figures import style
from priming.reporting.figures.looks import ELEMENT_COLOURS, HATCHES, OTHER_COLOURS
from priming.reporting.figures.stored import stored
from priming.strategies import Strategy
from priming.study import Study

PANEL_HEIGHT = 2.2
BARS_A_ROW = 72
GROUP = 0.84


def figure(study: Study, tables: Path) -> Figure:
    """Draw rows of tasks, a PLM after the other. A whisker is the standard deviation over samples and seeds."""
    cells, majority = stored(tables, "per_task"), stored(tables, "majority")
    shown = {plm: _strategies(study, tables, plm) for plm in study.plms}
    if cells["mean"].isna().all():
        return style.sentence(study.figures.style, "No strategy of this study has a score.")
    faces = _faces([name for names in shown.values() for name in names])
    most = max(1, BARS_A_ROW // max(len(names) for names in shown.values()))
    rows = [(plm, tasks) for plm in study.plms for tasks in _split(study.tasks.target, most)]
    canvas = Figure(figsize=(study.figures.style.width, len(rows) * PANEL_HEIGHT), layout="constrained")
    axes = canvas.subplots(len(rows), 1, sharey=True, squeeze=False)[:, 0]
    lines = dict(zip(majority["task"], majority["score"], strict=True))
    for ax, (plm, tasks) in zip(axes, rows, strict=True):
        _row(ax, cells[cells["plm"] == plm], shown[plm], tasks, faces)
        _majority(ax, tasks, lines)
        ax.set_ylabel(wording.AXIS_NAMES[study.scoring.metric])
        if len(study.plms) > 1:
            ax.set_title(f"PLM {plm}", loc="left")
    runs = len(study.tasks.samples) * len(study.seeds)
    whiskers = f"whiskers: ± standard deviation of {runs} runs (samples and seeds)" if runs > 1 else "one run a bar"
    note = f"Mean {wording.selecting_score(study)} on the test set; {whiskers}."
    chosen = "Shown: the ARG baseline and, of each tuned element, the strategy with the best dev score."
    style.legend_below(canvas, _legend(faces, cells, lines), [note] if study.figures.tasks.strategies else [note, chosen])
    return canvas


def _strategies(study: Study, tables: Path, plm: str) -> list[str]:
    """The strategies that the study names; else the baseline, and of each downstream element the one with the best dev score."""
    if study.figures.tasks.strategies:
        return [str(Strategy.parse(text)) for text in study.figures.tasks.strategies]
    rows = stored(tables, "strategies")
    rows = rows[rows["plm"] == plm].dropna(subset=["dev"])
    tuned = rows["strategy"].map(lambda name: Strategy.parse(name).tuned)
    best = rows.loc[rows.groupby(tuned, sort=False)["dev"].idxmax(), "strategy"]
    return list(dict.fromkeys([str(Strategy.parse(study.scoring.arg_baseline)), *best]))


def _split(tasks: list[str], most: int) -> list[list[str]]:
    """Rows of nearly equal length, of `most` tasks at the most."""
    number = -(-len(tasks) // most)
    return [list(part) for part in np.array_split(np.array(tasks, dtype=object), number)]


def _faces(names: list[str]) -> dict[str, dict[str, Any]]:
    """Colour and hatch of each strategy's bars: the colour of what it tunes where that is still free."""
    faces: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(dict.fromkeys(names)):
        strategy = Strategy.parse(name)
        wanted = ELEMENT_COLOURS[strategy.tuned[0]] if strategy.priming else "#FFFFFF"
        used = {face["facecolor"] for face in faces.values()}
        free = [colour for colour in (wanted, *OTHER_COLOURS, *ELEMENT_COLOURS.values()) if colour not in used] or [wanted]
        faces[name] = {"facecolor": free[0], "edgecolor": "0.15", "hatch": HATCHES[number % len(HATCHES)], "linewidth": 0.6}
    return faces


def _row(ax: Axes, cells: pd.DataFrame, names: list[str], tasks: list[str], faces: dict[str, dict[str, Any]]) -> None:
    width = GROUP / len(names)
    for number, name in enumerate(names):
        ours = cells[cells["strategy"] == name].set_index("task").reindex(tasks)
        x = np.arange(len(tasks)) - GROUP / 2 + (number + 0.5) * width
        ax.bar(x, ours["mean"].fillna(0), width, **faces[name])
        whiskers: dict[str, Any] = {"linestyle": "none", "color": "0.15", "elinewidth": 0.8, "capsize": min(2.0, 12 * width)}
        ax.errorbar(x, ours["mean"], ours["deviation"], **whiskers)
        gone = ours["mean"].isna().to_numpy()
        if gone.any():
            ax.plot(x[gone], np.full(gone.sum(), 0.02), linestyle="none", marker="x", markersize=4, color="0.15", clip_on=False)
    ax.set_xlim(-0.5, len(tasks) - 0.5)
    ax.set_ylim(0, 1.03)
    ax.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    ax.grid(visible=False, axis="x")
    ax.set_xticks(range(len(tasks)), tasks, rotation=30, ha="right", rotation_mode="anchor")


def _majority(ax: Axes, tasks: list[str], lines: dict[str, float]) -> None:
    for place, task in enumerate(tasks):
        if task in lines:
            ax.hlines(
                lines[task], place - GROUP / 2 - 0.03, place + GROUP / 2 + 0.03, color="black", linestyle=(0, (3, 1.5)), linewidth=1.1, zorder=3
            )


def _legend(faces: dict[str, dict[str, Any]], cells: pd.DataFrame, lines: dict[str, float]) -> list[Any]:
    handles: list[Any] = [Patch(label=name, **face) for name, face in faces.items()]
    if lines:
        handles.append(Line2D([], [], color="black", linestyle=(0, (3, 1.5)), linewidth=1.1, label="majority class"))
    if cells[cells["strategy"].isin(faces)]["mean"].isna().any():
        handles.append(Line2D([], [], linestyle="none", marker="x", markersize=4, color="0.15", label="failed or not primed"))
    return handles
