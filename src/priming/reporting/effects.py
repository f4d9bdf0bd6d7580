"""Effects of priming as frames: gains over un-primed twins, with tests corrected for all, and variance components."""

from collections.abc import Iterator

import pandas as pd

from priming.evaluation.components import components
from priming.evaluation.gains import shared, tasks_better
from priming.evaluation.intervals import Comparison, smallest_difference
from priming.evaluation.permutation import holm, least_p, sign_flip_p
from priming.reporting.collect import Row
from priming.reporting.grid import Grid
from priming.strategies import Strategy

ALPHA = 0.05
EFFECTS = [
    *("plm", "strategy", "twin", "gain", "low", "high", "tasks", "tasks_better", "interval"),
    *("p", "p_holm", "least_p", "detectable", "seeds", "runs", "metric", "decoder"),
]
VARIANCE = [
    "plm",
    "strategy",
    "twin",
    "task_sd",
    "plm_sd",
    "priming_sd",
    "sample_sd",
    "rest_sd",
    "negative",
    "metric",
    "decoder",
]


def effects(grid: Grid) -> pd.DataFrame:
    """The gain of each primed strategy over its twin, paired by task, seed and sample; `p_holm` is corrected for all
    rows.
    """
    rows = [_effect(grid, *pair) for pair in twins(grid)]
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = corrected
    return pd.DataFrame(rows, columns=EFFECTS)


def twins(grid: Grid) -> Iterator[tuple[str, Strategy, Strategy]]:
    """Each PLM, primed strategy and un-primed twin."""
    for plm in grid.study.plms:
        for strategy, twin in grid.study.twins.items():
            if strategy in grid.study.strategies_of(plm):
                yield plm, strategy, twin


def _effect(grid: Grid, plm: str, strategy: Strategy, twin: Strategy) -> Row:
    found = grid.gain(plm, strategy, twin)
    return {
        "plm": plm,
        "strategy": str(strategy),
        "twin": str(twin),
        "gain": found.gain,
        **over_tasks(found),
        "p": sign_flip_p(found.gains),
        "least_p": least_p(len(found.tasks)),
        "detectable": detectable(found),
        "seeds": found.seeds,
        "runs": found.runs,
        "metric": grid.metric,
        "decoder": grid.decoder,
    }


def over_tasks(found: Comparison) -> Row:
    """The columns for the scope of a mean gain and its interval."""
    return {
        "low": found.low,
        "high": found.high,
        "tasks": len(found.tasks),
        "tasks_better": tasks_better(found.gains),
        "interval": found.interval,
    }


def detectable(found: Comparison) -> float | None:
    """The smallest difference that the comparison could have detected; None without an interval."""
    return None if found.error is None or found.degrees is None else smallest_difference(found.error, found.degrees)


def clear(effect: Row) -> int:
    """1 for a gain clear of zero, -1 for such a loss, else 0, by the corrected p and the interval, if there is one."""
    if pd.isna(effect["p_holm"]) or effect["p_holm"] >= ALPHA:
        return 0
    if not pd.isna(effect["low"]) and effect["low"] <= 0 <= effect["high"]:
        return 0
    return 1 if effect["gain"] > 0 else -1


def variance(grid: Grid) -> pd.DataFrame:
    """Standard deviations by factor of a run's difference from its twin's; none for factors that do not vary."""
    rows = []
    for plm, strategy, twin in twins(grid):
        ours, theirs = shared(grid.scores(plm, strategy), grid.scores(plm, twin))
        if found := components(ours - theirs, grid.plm_index(plm)):
            parts = {f"{name}_sd": getattr(found, name) ** 0.5 for name in ("task", "plm", "priming", "sample", "rest")}
            about = {
                "plm": plm,
                "strategy": str(strategy),
                "twin": str(twin),
                "metric": grid.metric,
                "decoder": grid.decoder,
            }
            rows.append({**about, **parts, "negative": " ".join(found.negative)})
    return pd.DataFrame(rows, columns=VARIANCE)
