"""Bar charts laid out in the study file: strategies of several PLMs side by side on every task."""

from pathlib import Path

from matplotlib.figure import Figure

from priming.reporting import wording
from priming.reporting.figures import bar_rows, style
from priming.reporting.figures.looks import ELEMENT_COLOURS, OTHER_COLOURS
from priming.reporting.figures.stored import stored
from priming.study import Study
from priming.study.figures import Bar

COLOURS = ("#999999", ELEMENT_COLOURS["adapter"], ELEMENT_COLOURS["prompt"], ELEMENT_COLOURS["prefix"], *OTHER_COLOURS)
TITLE = 0.3
"""Height of a chart's title, in inches."""


def figure(study: Study, tables: Path) -> Figure:
    """Draw the charts below each other. Whiskers are standard deviations over samples and seeds."""
    cells, majority = stored(tables, "per_task"), stored(tables, "majority")
    charts = study.figures.charts.panels
    if not charts or cells["mean"].isna().all():
        return style.sentence(
            study.figures.style, "No chart is laid out in this study, or no strategy of it has a score."
        )
    bars = [bar for chart in charts for bar in chart.bars]
    names = {bar: _name(study, bar, bars) for bar in bars}
    faces = bar_rows.faces((name, COLOURS[n % len(COLOURS)]) for n, name in enumerate(names.values()))
    rows = [(chart, tasks) for chart in charts for tasks in bar_rows.split(study.tasks.target, len(chart.bars))]
    canvas = Figure(
        figsize=(study.figures.style.width, len(rows) * (bar_rows.PANEL_HEIGHT + TITLE)), layout="constrained"
    )
    axes = canvas.subplots(len(rows), 1, sharey=True, squeeze=False)[:, 0]
    lines = dict(zip(majority["task"], majority["score"], strict=True))
    shown = {bar: cells[(cells["plm"] == bar.plm) & (cells["strategy"] == bar.strategy)] for bar in bars}
    for ax, (chart, tasks) in zip(axes, rows, strict=True):
        bar_rows.draw_row(ax, [(shown[bar], faces[names[bar]]) for bar in chart.bars], tasks)
        bar_rows.draw_majority(ax, tasks, lines)
        ax.set_ylabel(wording.axis_name(study.scoring.metric))
        if tasks[0] == study.tasks.target[0]:
            ax.set_title(style.as_text(chart.title), loc="left")
    gone = any(frame["mean"].isna().any() for frame in shown.values())
    style.legend_below(canvas, bar_rows.legend(faces, bool(lines), gone), [bar_rows.note(study)])
    return canvas


def _name(study: Study, bar: Bar, bars: list[Bar]) -> str:
    """The strategy, with its PLM if several are shown."""
    return bar.strategy if len({other.plm for other in bars}) == 1 else f"{bar.plm}: {bar.strategy}"
