"""The study file on figures."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from priming.entries import one_of
from priming.section import DISTINCT, Name, Positive, Rate, Section
from priming.study.base import StrategyText

FIGURES = ("parameter_efficiency", "strategy_matrix", "convergence", "tasks", "groups", "compute", "charts")
if TYPE_CHECKING:
    Figure = str
else:
    Figure = one_of(FIGURES, "figure")
Strategies = Annotated[list[StrategyText], DISTINCT]
WITHOUT_OPTIONS = [figure for figure in FIGURES if figure != "charts"]


class Style(Section):
    """Style shared by all figures."""

    formats: Annotated[list[Literal["svg", "pdf", "png"]], DISTINCT] = Field(
        ["svg", "pdf", "png"], min_length=1, description="File formats."
    )
    width: Rate = Field(7.0, description="Width in inches.")
    dpi: Positive = Field(200, description="Dots per inch, for PNG.")
    font_size: Positive = Field(9, description="Points.")


class ParameterEfficiency(Section):
    """Score or ARG against the fraction of tuned parameters."""

    y: Literal["score", "arg"] = Field("score", description="Mean score over the target tasks, or ARG.")


class StrategyMatrix(Section):
    """Priming x downstream element."""

    value: Literal["score", "arg", "gain"] = Field(
        "score", description="Value in the cells; `gain` is over the un-primed twin."
    )


class Convergence(Section):
    """Development score over tuning steps, primed against un-primed."""

    rising: Rate = Field(
        0.01,
        description="A curve is marked as still rising if its mean over tasks gains more than this over the last fifth "
        "of the tuning steps.",
    )
    strategies: Strategies = Field(
        [], description="Primed strategies shown beside their twins; default: all that have a twin."
    )


class TaskBars(Section):
    """One bar per task and strategy."""

    strategies: Strategies = Field(
        [],
        description="Strategies shown, each beside its un-primed twin; default: the baseline, "
        "and the best of each downstream element by dev score.",
    )
    of: Literal["tasks", "groups"] = Field(
        "tasks",
        description="A bar for each of the `tasks`, or of their `groups`, such as the data sets that templates "
        "are of: the mean over its tasks, with their standard deviation.",
    )

    later = frozenset({"of"})


class GroupGains(Section):
    """Gain over the twin in each group of target tasks."""

    strategies: Strategies = Field([], description="Primed strategies shown; default: all that have a twin.")


class Compute(Section):
    """Gain over the twin against the cost of priming."""

    strategies: Strategies = Field([], description="Strategies shown; default: all primed strategies.")


class Bar(Section):
    """The bars of one strategy of one PLM."""

    plm: Name = Field(description="One of the study's PLMs.")
    strategy: StrategyText = Field(description="One of the study's strategies.")


class Chart(Section):
    """A bar chart with these bars side by side for every target task."""

    title: str = Field(description="Title above the chart.")
    bars: Annotated[list[Bar], DISTINCT] = Field(min_length=1, description="Bars from left to right.")


class Charts(Section):
    """Bar charts laid out by hand, for example like those of a replicated paper."""

    panels: list[Chart] = Field([], description="Charts from top to bottom; required if `draw` lists charts.")


class Figures(Section):
    """Figures to draw, and their settings."""

    draw: Annotated[list[Figure], DISTINCT] = Field(WITHOUT_OPTIONS, description="Figures to draw.")
    style: Style = Style()
    parameter_efficiency: ParameterEfficiency = ParameterEfficiency()
    strategy_matrix: StrategyMatrix = StrategyMatrix()
    convergence: Convergence = Convergence()
    tasks: TaskBars = TaskBars()
    groups: GroupGains = GroupGains()
    compute: Compute = Compute()
    charts: Charts = Charts()
