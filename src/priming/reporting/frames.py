"""The tables of a study as frames, one function per table; the CSV files have the same rows and columns."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from priming.evaluation.gains import absolute_gains, relative_gains, shared, spread, strategy_spread, task_means
from priming.evaluation.intervals import Comparison
from priming.reporting.collect import RUN, Results, Row
from priming.reporting.grid import Grid
from priming.strategies import Strategy
from priming.study import Study

BASELINE = "is the baseline"
ARG_COLUMNS = (
    *("plm", "strategy", "baseline", "arg_percent", "low", "high", "tasks", "absolute_gain", "interval"),
    *("left_out", "without_runs", "metric", "decoder"),
)


def arg(grid: Grid) -> pd.DataFrame:
    """Average relative gain of each strategy over the baseline; no rows without a baseline.

    `left_out` lists the tasks on which the baseline scores 0.
    """
    rows = []
    for plm, strategy in _strategies(grid.study) if grid.study.scoring.has_arg else ():
        found = grid.arg(plm, strategy)
        baseline, without_runs = grid.baseline(plm, strategy), grid.without_shared_runs(plm, strategy)
        left_out = [
            task for n, task in enumerate(grid.study.tasks.target) if n not in found.tasks and task not in without_runs
        ]
        rows.append(
            {
                "plm": plm,
                "strategy": str(strategy),
                "baseline": baseline.name,
                "arg_percent": found.gain,
                "low": None if baseline.of_itself else found.low,
                "high": None if baseline.of_itself else found.high,
                "tasks": len(found.tasks),
                "absolute_gain": grid.gain_over_baseline(plm, strategy).gain,
                "interval": BASELINE if baseline.of_itself else found.interval,
                "left_out": " ".join(left_out),
                "without_runs": " ".join(without_runs),
                "metric": grid.metric,
                "decoder": grid.decoder,
            }
        )
    return pd.DataFrame(rows, columns=list(ARG_COLUMNS))


def _interval(found: Comparison) -> Row:
    return {"gain": found.gain, "low": found.low, "high": found.high, "tasks": len(found.tasks)}


def points(results: Results, freedom: int = 1) -> pd.DataFrame:
    """Development scores of each tuning grid point: mean and deviation over runs, and number of wins.

    Settings are chosen by this table, in a study whose targets are development tasks.
    """
    keys = ["plm", "strategy", "learning_rates", "batch_size"]
    if results.points["length"].any():
        keys.append("length")
    groups = results.points.groupby(keys, sort=False)
    found = groups.agg(dev=("dev", "mean"), deviation=("dev", "std"), runs=("dev", "count"), won=("won", "sum"))
    if freedom != 1:
        found["deviation"] = groups["dev"].std(ddof=freedom).where(found["runs"] > 1)
    return found.reset_index()


def by_decoder(study: Study, results: Results) -> pd.DataFrame:
    """Mean score and gain over the twin of each strategy, by every decoder and metric reported."""
    rows = []
    for decoder in study.scoring.decoders:
        for metric in study.scoring.metrics:
            grid = Grid(study, results, metric, decoder)
            for plm, strategy in _strategies(study):
                mean = strategy_spread(grid.scores(plm, strategy), grid.study.scoring.freedom)
                twin = study.twins.get(strategy)
                gain = _interval(grid.gain(plm, strategy, twin)) if twin else {}
                key = {"plm": plm, "strategy": str(strategy), "decoder": decoder, "metric": metric}
                rows.append({**key, "mean": mean.mean, "deviation": mean.deviation, "n": mean.n, **gain})
    columns = ["plm", "strategy", "decoder", "metric", "mean", "deviation", "n", "gain", "low", "high", "tasks"]
    return pd.DataFrame(rows, columns=columns)


def strategies(grid: Grid) -> pd.DataFrame:
    """Tuned elements and cost of each strategy, its mean test and dev scores, and its numbers of runs."""
    samples = grid.results.samples.groupby(["plm", "strategy"], sort=False)
    flops, executed = (_mean_of_primings(grid.results.primings, key) for key in ("flops", "flops_executed"))
    rows = []
    for plm, strategy in _strategies(grid.study):
        runs = samples.get_group((plm, str(strategy)))
        found = strategy_spread(grid.scores(plm, strategy), grid.study.scoring.freedom)
        tuned, total = (_first(runs[key]) for key in ("tuned", "total"))
        rows.append(
            {
                "plm": plm,
                "strategy": str(strategy),
                "priming": str(strategy.priming or "none"),
                "downstream": downstream(strategy),
                "tuned": tuned,
                "total": total,
                "share": tuned / total if total and tuned is not None else None,
                "priming_flops": flops[plm, str(strategy.priming)] if strategy.priming else 0.0,
                "tuning_flops": runs["flops"].astype(float).mean(),
                "mean": found.mean,
                "deviation": found.deviation,
                "n": found.n,
                "dev": runs.groupby("task")["dev"].apply(lambda dev: dev.astype(float).mean()).mean(),
                **{
                    status.replace(" ", "_"): int((runs["status"] == status).sum())
                    for status in ("done", "failed", "not primed")
                },
                "kept_start": int(runs["kept_start"].sum()),
                "priming_flops_executed": executed[plm, str(strategy.priming)] if strategy.priming else 0.0,
                "tuning_flops_executed": runs["flops_executed"].astype(float).mean(),
                "metric": grid.metric,
                "decoder": grid.decoder,
            }
        )
    return pd.DataFrame(rows)


def _mean_of_primings(primings: pd.DataFrame, key: str) -> pd.Series:
    """The mean over the finished seeds, by PLM and priming."""
    return (
        primings[key]
        .where(primings["status"] == "done")
        .astype(float)
        .groupby([primings["plm"], primings["priming"]])
        .mean()
    )


def downstream(strategy: Strategy) -> str:
    """The part of a strategy after priming: `prompt`, or `prompt (with adapter)`."""
    return str(strategy).split(" -> ", 1)[1]


def per_task(grid: Grid) -> pd.DataFrame:
    """Each cell: mean score, deviation over seeds and samples, gains over the baseline (if any) and over the twin."""
    cells = grid.results.samples.groupby(["plm", "strategy", "task"], sort=False)
    statuses, starts = cells["status"].agg(cell_status), cells["kept_start"].sum()
    rows: list[Row] = []
    for plm, strategy in _strategies(grid.study):
        columns = _cell_columns(grid, plm, strategy)
        for n, task in enumerate(grid.study.tasks.target):
            key = {
                "plm": plm,
                "strategy": str(strategy),
                "task": task,
                "metric": grid.metric,
                "decoder": grid.decoders.get(task, ""),
            }
            cell = (plm, str(strategy), task)
            rows.append(
                {
                    **key,
                    **{name: values[n] for name, values in columns.items()},
                    "kept_start": int(starts[cell]),
                    "status": statuses[cell],
                }
            )
    return pd.DataFrame(rows)


def _cell_columns(grid: Grid, plm: str, strategy: Strategy) -> dict[str, list[float | int]]:
    """The columns of a strategy's cells, each a list over tasks."""
    ours, twin = grid.scores(plm, strategy), grid.study.twins.get(strategy)
    paired = [task_means(scores) for scores in shared(ours, grid.scores(plm, twin))] if twin else None
    spreads = [spread(task, grid.study.scoring.freedom) for task in ours]
    return {
        "mean": [s.mean for s in spreads],
        "deviation": [s.deviation for s in spreads],
        "n": [s.n for s in spreads],
        **(_baseline_columns(grid, plm, strategy) if grid.study.scoring.has_arg else {}),
        "twin_gain": absolute_gains(*paired).tolist() if paired else [np.nan] * len(spreads),
    }


def _baseline_columns(grid: Grid, plm: str, strategy: Strategy) -> dict[str, list[float | int]]:
    """The gains of a strategy's cells over its baseline, each a list over tasks."""
    pair = shared(grid.scores(plm, strategy), grid.baseline(plm, strategy).scores)
    ours, baseline = (task_means(scores) for scores in pair)
    return {
        "baseline_gain": absolute_gains(ours, baseline).tolist(),
        "relative_gain_percent": relative_gains(ours, baseline).tolist(),
    }


def cell_status(statuses: pd.Series) -> str:
    """`done`; `partly done` if some runs are; else `failed` or `not primed`, like most of them."""
    if (statuses == "done").all():
        return "done"
    return "partly done" if (statuses == "done").any() else str(statuses.mode().iloc[0])


def majority(grid: Grid) -> pd.DataFrame:
    """The score of always giving the most frequent label, averaged over samples (test sets differ by a few rows)."""
    known = grid.results.samples.dropna(subset=["majority"]).drop_duplicates(["task", "sample"])
    rows = []
    for task in grid.study.tasks.target:
        found = known[known["task"] == task]
        if len(found):
            label = "/".join(dict.fromkeys(found["majority_label"]))
            rows.append(
                {"task": task, "label": label, "score": found["majority"].astype(float).mean(), "metric": grid.metric}
            )
    return pd.DataFrame(rows, columns=["task", "label", "score", "metric"])


def failures(results: Results) -> pd.DataFrame:
    """Each run without a score, with the reason."""
    gone = results.samples[results.samples["status"] != "done"]
    return gone[[*RUN, "status", "reason"]]


def _strategies(study: Study) -> Iterator[tuple[str, Strategy]]:
    for plm in study.plms:
        for strategy in study.strategies_of(plm):
            yield plm, strategy


def _first(values: pd.Series) -> float | None:
    present = values.dropna()
    return present.iloc[0] if len(present) else None
