"""Consistency checks of what a study reports: its scoring and its figures."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from priming.errors import nearest
from priming.strategies import Strategy
from priming.study.baselines import CHANCE, CONSTANT, COUNTS_HITS, NO_BASELINE, SAME_ALGORITHM, in_full
from priming.study.problems import Problem

if TYPE_CHECKING:
    from priming.study.study import Study


def scoring_problems(study: "Study") -> Iterator[Problem]:
    """Decoders, metrics, baselines, comparisons and published numbers that the study does not have."""
    scoring = study.scoring
    for key, chosen, reported in (
        ("decoder", scoring.decoder, scoring.decoders),
        ("metric", scoring.metric, scoring.metrics),
    ):
        if chosen not in reported:
            yield Problem(
                ("scoring", key),
                f"{chosen!r} selects but is not reported; add it to scoring.{key}s ({', '.join(reported)})",
            )
    yield from _baseline(study)
    for number, pair in enumerate(scoring.compare):
        at = ("scoring", "compare", number)
        yield from _known_strategy(study, pair.first, (*at, "first"))
        yield from _known_strategy(study, pair.second, (*at, "second"))
        if pair.first == pair.second:
            yield Problem(at, f"compares {pair.first!r} with itself; use another strategy as second")
    for paper, lots in scoring.published.chosen.items():
        for name in lots:
            if name not in study.plms:
                yield Problem(("scoring", "published", paper, name), unknown_plm(study, name))


def _baseline(study: "Study") -> Iterator[Problem]:
    """Whether each strategy has its baseline of relative gains."""
    scoring, at = study.scoring, ("scoring", "arg_baseline")
    constant = scoring.arg_baseline in (*CONSTANT, NO_BASELINE)
    if scoring.arg_plm and scoring.arg_plm not in study.plms:
        yield Problem(("scoring", "arg_plm"), unknown_plm(study, scoring.arg_plm))
    elif scoring.arg_plm and constant:
        text = f"{scoring.arg_baseline!r} does not depend on a PLM; remove this"
        if not scoring.has_arg:
            text = "the study has no ARG baseline (scoring.arg_baseline: none); remove this, or set a baseline"
        yield Problem(("scoring", "arg_plm"), text)
    if scoring.arg_baseline == CHANCE and scoring.metric not in COUNTS_HITS:
        yield Problem(
            at,
            f"'chance' is a fraction of correct rows, but scoring.metric is {scoring.metric!r}; "
            f"allowed with: {', '.join(COUNTS_HITS)}",
        )
    for paper in sorted(scoring.published.over_groups & scoring.published.chosen.keys()):
        if scoring.arg_over != "groups":
            text = "its numbers are over chance by group; set scoring.arg_over: groups, scoring.arg_baseline: chance"
            yield Problem(("scoring", "published", paper), text)
    if scoring.arg_over == "groups" and scoring.arg_baseline != CHANCE:
        text = f"'groups' is over chance, and scoring.arg_baseline is {scoring.arg_baseline!r}; set it to chance"
        yield Problem(("scoring", "arg_over"), text)
    if scoring.arg_baseline == SAME_ALGORITHM:
        yield from _same_algorithm(study, at)
    elif not constant:
        yield from _known_strategy(study, scoring.arg_baseline, at)


def _same_algorithm(study: "Study", at: tuple[str, ...]) -> Iterator[Problem]:
    """Whether each algorithm has exactly one strategy that primes and tunes the PLM in full."""
    seen: set[str] = set()
    for strategy in study.parsed_strategies:
        section = strategy.priming.section if strategy.priming else "none"
        found = in_full(strategy, study.parsed_strategies)
        if len(found) == 1 or section in seen:
            continue
        seen.add(section)
        inner = " | plm x5" if strategy.priming and strategy.priming.inner else ""
        full = f"{section}[plm{inner}] -> plm" if strategy.priming else "none -> plm"
        several = f"keep one of {', '.join(repr(str(strategy)) for strategy in found)}"
        fix = several if found else f"add one such as {full!r} to strategies"
        yield Problem(
            at,
            f"'same algorithm' compares {str(strategy)!r} with the PLM primed and tuned in full, "
            f"of which there are {len(found)}; {fix}",
        )


def figure_problems(study: "Study") -> Iterator[Problem]:
    """Figures of strategies and PLMs that the study does not have, or that have nothing to show."""
    yield from _charts(study)
    for figure in ("convergence", "tasks", "groups", "compute"):
        for index, strategy in enumerate(getattr(study.figures, figure).strategies):
            at = ("figures", figure, "strategies", index)
            yield from _known_strategy(study, strategy, at)
            if figure != "tasks" and strategy.startswith("none "):
                yield Problem(at, f"{strategy!r} is un-primed; allowed: primed strategies")
            elif figure == "convergence" and not Strategy.parse(strategy).tuned:
                yield Problem(at, f"{strategy!r} tunes nothing, so it has no curve; leave it out")


def _charts(study: "Study") -> Iterator[Problem]:
    charts = study.figures.charts.panels
    if "charts" in study.figures.draw and not charts:
        yield Problem(
            ("figures", "draw"), "lists charts, but there are none; add some under figures.charts.panels, or remove it"
        )
    for number, chart in enumerate(charts):
        for place, bar in enumerate(chart.bars):
            at = ("figures", "charts", "panels", number, "bars", place)
            yield from _known_strategy(study, bar.strategy, (*at, "strategy"))
            if bar.plm not in study.plms:
                yield Problem((*at, "plm"), unknown_plm(study, bar.plm))


def _known_strategy(study: "Study", strategy: str, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if strategy not in study.strategies:
        close = nearest(strategy, study.strategies)
        yield Problem(
            at, f"{strategy!r} is not a strategy of this study{close}; add it to strategies, or use one of them"
        )


def unknown_plm(study: "Study", name: str) -> str:
    """The message for a PLM that is not in the study."""
    return f"{name!r} is not a PLM of this study{nearest(name, study.plms)}; allowed: {', '.join(study.plms)}"
