"""The study file on figures."""

from typing import Literal, get_args

from pydantic import Field

from priming.study.base import Name, Positive, Rate, Section, StrategyText

Figure = Literal["parameter_efficiency", "strategy_matrix", "convergence", "tasks", "groups", "compute", "charts"]
FIGURES: tuple[Figure, ...] = get_args(Figure)
WITHOUT_OPTIONS: list[Figure] = [figure for figure in FIGURES if figure != "charts"]


class Style(Section):
    """What the figures share."""

    formats: list[Literal["svg", "pdf", "png"]] = Field(["svg", "pdf", "png"], min_length=1, description="File formats.")
    width: Rate = Field(7.0, description="Width in inches.")
    dpi: Positive = Field(200, description="Dots an inch, of PNG.")
    font_size: Positive = Field(9, description="Points.")


class ParameterEfficiency(Section):
    """Score or ARG against the share of tuned parameters."""

    y: Literal["score", "arg"] = Field("score", description="Mean score over the targets, or ARG.")


class StrategyMatrix(Section):
    """Priming x downstream element."""

    value: Literal["score", "arg", "gain"] = Field("score", description="What the cells show; gain is over the un-primed twin.")


class Convergence(Section):
    """Development score over tuning steps, primed against un-primed."""

    rising: Rate = Field(
        0.01, description="A curve is marked as still rising where the mean over tasks gains more than this over the last fifth of the tuning steps."
    )
    strategies: list[StrategyText] = Field([], description="Primed strategies shown beside their twins; all that have one without it.")


class TaskBars(Section):
    """A bar a task and strategy."""

    strategies: list[StrategyText] = Field(
        [],
        description="Those shown, each beside its un-primed twin; without it the baseline, and by dev score the best of each downstream element.",
    )


class GroupGains(Section):
    """Gain over the twin in each group of target tasks."""

    strategies: list[StrategyText] = Field([], description="Primed strategies shown; all that have a twin without it.")


class Compute(Section):
    """Gain over the twin against what priming cost."""

    strategies: list[StrategyText] = Field([], description="Strategies shown; all that are primed without it.")


class Bar(Section):
    """The bars of one strategy of one PLM."""

    plm: Name = Field(description="One of the study's PLMs.")
    strategy: StrategyText = Field(description="One of the study's strategies.")


class Chart(Section):
    """A bar chart: on every target task these bars side by side."""

    title: str = Field(description="Stands above the chart.")
    bars: list[Bar] = Field(min_length=1, description="From left to right.")


class Charts(Section):
    """Bar charts laid out by hand, as those of a paper that is repeated."""

    panels: list[Chart] = Field([], description="From top to bottom; needed where `draw` names charts.")


class Figures(Section):
    """Which figures are drawn, and how."""

    draw: list[Figure] = Field(WITHOUT_OPTIONS, description="Figures drawn.")
    style: Style = Style()
    parameter_efficiency: ParameterEfficiency = ParameterEfficiency()
    strategy_matrix: StrategyMatrix = StrategyMatrix()
    convergence: Convergence = Convergence()
    tasks: TaskBars = TaskBars()
    groups: GroupGains = GroupGains()
    compute: Compute = Compute()
    charts: Charts = Charts()
