"""The gain on each task with an interval over its test rows: where tasks are too few, and for the claims of papers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from priming.errors import DataError
from priming.evaluation.answered import Answered, answered
from priming.evaluation.intervals import TOO_FEW_TASKS
from priming.evaluation.metrics import own_metric
from priming.evaluation.rows import Pair, RowInterval, over_rows
from priming.reporting.collect import RUN, Row, tuned_runs
from priming.reporting.effects import twins
from priming.reporting.grid import Grid
from priming.strategies import Strategy
from priming.study import paths
from priming.tasks.prepared import PreparedTask, read_task

COLUMNS = ["plm", "strategy", "twin", "task", "gain", "low", "high", "rows", "runs", "metric", "decoder"]


def task_gains(grid: Grid, root: Path) -> pd.DataFrame:
    """One row per task for each gain over a twin with too few tasks, from the predictions in `root`.

    Raises DataError for missing or inconsistent predictions.
    """
    predictions = Predictions(grid, root)
    few = [pair for pair in twins(grid) if (found := grid.gain(*pair)).tasks and found.interval == TOO_FEW_TASKS]
    return pd.DataFrame(
        [predictions.row(*pair, task) for pair in few for task in grid.study.tasks.target], columns=COLUMNS
    )


def gains_by_task(grid: Grid, root: Path, pairs: Iterable[tuple[str, Strategy, Strategy]]) -> pd.DataFrame:
    """One row per task for each pair of strategies of a PLM, with intervals over rows and seeds; raises DataError."""
    predictions = Predictions(grid, root)
    rows = [predictions.row(*pair, task, over_seeds=True) for pair in pairs for task in grid.study.tasks.target]
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True)
class Predictions:
    """The answers of a study's runs on their test rows."""

    grid: Grid
    root: Path

    @cached_property
    def _folders(self) -> dict[tuple[str | int, ...], Path]:
        """The folder of each finished run."""
        samples = self.grid.results.samples
        done = set(samples.loc[samples["status"] == "done", RUN].itertuples(index=False, name=None))
        named = ((tuple(run[key] for key in RUN), folder) for run, folder, _ in tuned_runs(self.grid.study, self.root))
        return {run: folder for run, folder in named if run in done}

    def row(self, plm: str, strategy: Strategy, twin: Strategy, task: str, over_seeds: bool = False) -> Row:
        """The gain of a strategy over its twin on a task."""
        decoder = self.grid.decoders.get(task, self.grid.decoder)
        folders = list(self._pairs(plm, strategy, twin, task))
        found = RowInterval(float("nan"), None, None, 0)
        if folders:
            prepared = read_task(self.root / paths.task(task))
            pairs = [_pair(prepared, seed, ours, theirs, decoder) for seed, ours, theirs in folders]
            found = over_rows(pairs, own_metric(self.grid.metric, prepared.metric), over_seeds)
        interval = {"gain": found.gain, "low": found.low, "high": found.high, "rows": found.rows, "runs": len(folders)}
        about = {"plm": plm, "strategy": str(strategy), "twin": str(twin), "task": task}
        return {**about, **interval, "metric": self.grid.metric, "decoder": decoder}

    def of_task(self, plm: str, strategy: Strategy, task: str) -> Iterator[tuple[Answered, list[str]]]:
        """The test rows of each run of a strategy on a task, and its answers; raises DataError."""
        decoder, prepared = self.grid.decoders.get(task, self.grid.decoder), None
        for run, folder in self._folders.items():
            if run[:3] == (plm, str(strategy), task):
                prepared = prepared or read_task(self.root / paths.task(task))
                rows = _test_rows(folder, prepared, decoder)
                yield rows, rows.answers[decoder]

    def _pairs(self, plm: str, strategy: Strategy, twin: Strategy, task: str) -> Iterator[tuple[int, Path, Path]]:
        """The seed and the folders of runs that both have."""
        for run, folder in self._folders.items():
            if run[:3] == (plm, str(strategy), task) and (other := self._folders.get((plm, str(twin), *run[2:]))):
                yield int(run[-1]), folder, other


def _pair(task: PreparedTask, seed: int, ours: Path, theirs: Path, decoder: str) -> Pair:
    mine, other = (_test_rows(folder, task, decoder) for folder in (ours, theirs))
    return Pair(mine.rows, mine.references, mine.answers[decoder], other.answers[decoder], seed)


def _test_rows(folder: Path, task: PreparedTask, decoder: str) -> Answered:
    rows = answered(folder, task, int(folder.name.removeprefix("sample-")))["test"]
    if decoder not in rows.answers:
        raise DataError(f"{folder} has no answers by {decoder}; delete {folder} and run snakemake again")
    return rows
