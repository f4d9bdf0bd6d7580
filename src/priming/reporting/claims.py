"""What papers say of their methods, beside what a study finds: paired differences, with their intervals."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from priming.blocks import Block
from priming.evaluation.intervals import FEWEST_PRIMINGS
from priming.published.numbers import CLAIMS, Claim, Number, Way, numbers
from priming.reporting import wording
from priming.reporting.collect import Row
from priming.reporting.grid import Grid
from priming.reporting.published import way_of
from priming.strategies import Strategy
from priming.study import Study

COLUMNS = [
    *("paper", "plm", "claim", "strategy", "over", "gain", "low", "high", "interval", "tasks", "better"),
    *("least", "most", "published_gain", "published_tasks", "published_better"),
]


def claims(grid: Grid) -> pd.DataFrame:
    """One row for each claim of a paper that the study names, if it has both strategies; gains in the score's unit."""
    chosen = grid.study.scoring.published.chosen
    rows = [
        row
        for paper, lots in chosen.items()
        for plm, lot in lots.items()
        for claim in CLAIMS.get(paper, ())
        for row in _found(grid, paper, plm, claim, numbers(paper, lot))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def claimed(grid: Grid) -> list[tuple[str, Strategy, Strategy]]:
    """PLM and both strategies of each claim that the study can look into."""
    found = claims(grid)
    return [
        (row["plm"], Strategy.parse(row["strategy"]), Strategy.parse(row["over"])) for row in found.to_dict("records")
    ]


def _found(grid: Grid, paper: str, plm: str, claim: Claim, theirs: Sequence[Number]) -> Iterator[Row]:
    ways = {way_of(grid.study, plm, strategy): strategy for strategy in grid.study.strategies_of(plm)}
    better, worse = ways.get(claim.better), ways.get(claim.worse)
    if better and worse:
        about = {"paper": paper, "plm": plm, "claim": claim.said, "strategy": str(better), "over": str(worse)}
        yield {**about, **_ours(grid, plm, better, worse), **_theirs(theirs, claim)}


def _ours(grid: Grid, plm: str, better: Strategy, worse: Strategy) -> Row:
    found = grid.gain(plm, better, worse)
    return {
        "gain": found.gain,
        "low": found.low,
        "high": found.high,
        "interval": found.interval,
        "tasks": len(found.gains),
        "better": sum(gain > 0 for gain in found.gains),
        "least": min(found.gains, default=np.nan),
        "most": max(found.gains, default=np.nan),
    }


def _theirs(theirs: Sequence[Number], claim: Claim) -> Row:
    """By task where the paper prints both; else only the difference of means over the same tasks."""
    one, other = (_by_task(theirs, way) for way in (claim.better, claim.worse))
    if both := [one[task] - other[task] for task in one if task in other]:
        better = sum(gain > 0 for gain in both)
        return {"published_gain": float(np.mean(both)), "published_tasks": len(both), "published_better": better}
    means = [_mean(theirs, way) for way in (claim.better, claim.worse)]
    return {"published_gain": means[0] - means[1], "published_tasks": np.nan, "published_better": np.nan}


def _by_task(theirs: Sequence[Number], way: Way) -> dict[str, float]:
    return {number.task: number.value for number in theirs if number.way == way and number.task}


def _mean(theirs: Sequence[Number], way: Way) -> float:
    whole = [number.value for number in theirs if number.way == way and number.over]
    return whole[0] if whole else float(np.mean(list(_by_task(theirs, way).values())))


def claim_blocks(study: Study, frames: dict[str, pd.DataFrame], plm: str) -> Iterator[Block]:
    """One row a claim: the paper's difference in points, and ours with its interval, in how many tasks, from to."""
    for paper, group in frames["claims"].groupby("paper", sort=False):
        rows = [_row(row) for row in group[group["plm"] == plm].to_dict("records")]
        if not rows:
            continue
        note = (
            "Differences in points (hundredths of the score), paired by task, seed and sample; brackets hold "
            f"{wording.LEVEL} intervals. Theirs has one number a cell, so no interval; where it prints means alone, it "
            "is the difference of two means."
        )
        caption = f"PLM {plm}: what {paper} says ({wording.selecting_score(study)}; {wording.size(study)})"
        header = ["claim", "theirs", "tasks", "ours", "tasks", "least", "most", "interval"]
        yield Block(f"{study.name}-{plm}-claims-{paper}", caption, header, rows, note)
        if "claim_tasks" in frames:
            yield _task_block(study, frames["claim_tasks"], plm, paper)


def _task_block(study: Study, frame: pd.DataFrame, plm: str, paper: str) -> Block:
    """One row for each pair of strategies, one column a task: our gain with its interval."""
    frame, tasks = frame[frame["plm"] == plm], study.tasks.target
    rows = [
        [f"{strategy} over {over}", *(_cell(row) for row in group.to_dict("records"))]
        for (strategy, over), group in frame.groupby(["strategy", "twin"], sort=False)
    ]
    note = (
        f"Points; {wording.LEVEL} intervals over test rows and seeds, if there are {FEWEST_PRIMINGS} seeds; "
        "not corrected for their number. The paper has one number a cell."
    )
    caption = f"PLM {plm}: the same by task ({wording.selecting_score(study)}; {wording.size(study)})"
    return Block(f"{study.name}-{plm}-claims-{paper}-tasks", caption, ["", *tasks], rows, note)


def _cell(row: Row) -> str:
    low, high = (None if pd.isna(row[bound]) else 100 * row[bound] for bound in ("low", "high"))
    return wording.gain_interval(None if pd.isna(row["gain"]) else 100 * row["gain"], low, high, decimals=2)


def _row(row: Row) -> list[str]:
    low, high = (None if pd.isna(row[bound]) else 100 * row[bound] for bound in ("low", "high"))
    theirs = "means" if pd.isna(row["published_better"]) else _of(row["published_better"], row["published_tasks"])
    return [
        row["claim"],
        wording.signed(100 * row["published_gain"], 2),
        theirs,
        wording.gain_interval(100 * row["gain"], low, high, decimals=2),
        _of(row["better"], row["tasks"]),
        *(wording.signed(100 * row[end], 2) for end in ("least", "most")),
        row["interval"],
    ]


def _of(some: float, every: float) -> str:
    return f"{int(some)} of {int(every)}"
