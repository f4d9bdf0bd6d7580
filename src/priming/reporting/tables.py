"""Writing the tables of a study: CSV for programs; Markdown, LaTeX and HTML to read; the status and the front page."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from priming.reporting import frames
from priming.reporting.claims import claimed, claims
from priming.reporting.collect import Row, collect
from priming.reporting.comparisons import comparisons
from priming.reporting.effects import effects, variance
from priming.reporting.front import front_page
from priming.reporting.grid import Grid
from priming.reporting.group_arg import group_args
from priming.reporting.groups import Groups, effects_by_group
from priming.reporting.published import published
from priming.reporting.reading import reading_tables
from priming.reporting.task_gains import gains_by_task, task_gains
from priming.strategies import Strategy
from priming.study import Study

_EXPONENTS = (
    *("share", "priming_flops", "tuning_flops", "priming_flops_executed", "tuning_flops_executed"),
    *("p", "p_holm", "least_p"),
)
_COUNTS = ("tuned", "total", "tasks", "published_tasks", "published_better")


def write_tables(study: Study, root: Path, out: Path, groups: Groups | None = None) -> None:
    """Write every table of the results in `root` (results/<study>) to the folder `out`; raises DataError.

    `groups` are the target tasks by group; by default there is one group.
    """
    results = collect(study, root)
    grid = Grid.selecting(study, results)
    groups = groups or {"all target tasks": study.tasks.target}
    tables = build_tables(grid, groups)
    if len(by_task := task_gains(grid, root)):
        tables["task_gains"] = by_task
    if "claims" in tables:
        tables["claim_tasks"] = gains_by_task(grid, root, claimed(grid))
    if study.scoring.arg_over == "groups":
        tables |= group_args(grid, root, groups)
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        _write(out / f"{name}.csv", csv_text(frame))
    for name, text in reading_tables(study, tables).items():
        _write(out / name, text)
    _write(out / "status.json", _json(status(grid)))
    for name, row in metrics(tables).items():
        (out / "metrics" / name).parent.mkdir(parents=True, exist_ok=True)
        _write(out / "metrics" / f"{name}.json", _json(row))
    _write(out / "front.rst", front_page(study, tables))


def build_tables(grid: Grid, groups: Groups) -> dict[str, pd.DataFrame]:
    """Every CSV table by name."""
    results = grid.results
    beside = {"published": published(grid, groups)} if grid.study.scoring.published.chosen else {}
    if len(found := claims(grid)):
        beside["claims"] = found
    return {
        "scores": results.scores[
            ["plm", "strategy", "task", "metric", "decoder", "sample", "plm_seed", "seed", "score"]
        ],
        "arg": frames.arg(grid),
        "effects": effects(grid),
        "effects_by_group": effects_by_group(grid, groups),
        "groups_of_tasks": pd.DataFrame(
            [(group, task) for group, tasks in groups.items() for task in tasks], columns=["group", "task"]
        ),
        "variance": variance(grid),
        "comparisons": comparisons(grid),
        "strategies": frames.strategies(grid),
        "by_decoder": frames.by_decoder(grid.study, results),
        "per_task": frames.per_task(grid),
        "curves": results.curves[["plm", "strategy", "task", "sample", "plm_seed", "seed", "step", "dev"]],
        "grid": frames.points(results, grid.study.scoring.freedom),
        "majority": frames.majority(grid),
        "failures": frames.failures(results),
        **({"parts": results.parts} if len(results.parts) else {}),
        **beside,
    }


def csv_text(frame: pd.DataFrame) -> str:
    """`frame` as CSV with six decimals; missing numbers are empty."""
    columns = {name: [_cell(name, value) for value in frame[name]] for name in frame}
    return str(pd.DataFrame(columns, columns=frame.columns).to_csv(index=False, lineterminator="\n"))


def _cell(column: str, value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if not isinstance(value, float | np.floating):
        return str(value)
    if column in _COUNTS:
        return str(int(value))
    number = float(value)
    return f"{number:.6e}" if column in _EXPONENTS else f"{round(number, 6) + 0.0:.6f}"


def status(grid: Grid) -> Row:
    """The cells (strategy x target task) with missing runs, each with the first reason."""
    samples = grid.results.samples
    cells = samples.groupby(["plm", "strategy", "task"], sort=False)
    named: dict[str, list[str]] = {"failed": [], "not primed": []}
    for (plm, strategy, task), runs in cells:
        for state, names in named.items():
            gone = runs[runs["status"] == state]
            if len(gone):
                first = gone.iloc[0]
                plm_seed = f"PLM seed {first['plm_seed']}, " if first["plm_seed"] else ""
                where = f"first {plm_seed}seed {first['seed']}, sample {first['sample']}: {first['reason']}"
                names.append(f"{plm}: {strategy}, task {task}: {len(gone)} of {len(runs)} runs {state}; {where}")
    return {"cells": cells.ngroups, "failed": named["failed"], "not_primed": named["not primed"]}


def metrics(tables: dict[str, pd.DataFrame]) -> dict[str, Row]:
    """Score, ARG and gain of each strategy, by PLM and slug (`small/none--prompt`), for programs that compare versions.

    Unknown values are omitted.
    """
    found: dict[str, Row] = {}
    for name, column, key in (
        ("strategies", "mean", "score"),
        ("arg", "arg_percent", "arg"),
        ("effects", "gain", "gain"),
    ):
        for row in tables[name].to_dict("records"):
            entry = found.setdefault(f"{row['plm']}/{Strategy.parse(row['strategy']).slug}", {})
            if not pd.isna(row[column]):
                entry[key] = round(float(row[column]), 6)
    return found


def _json(value: Row) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
