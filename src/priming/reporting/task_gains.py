"""The gain on each task with an interval over its test rows, for studies with too few tasks for an interval over tasks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from priming.errors import DataError
from priming.evaluation.intervals import TOO_FEW_TASKS
from priming.evaluation.metrics import own_metric
from priming.evaluation.rows import Pair, RowInterval, over_rows
from priming.reporting.collect import RUN, Row, tuned_folders
from priming.reporting.effects import twins
from priming.reporting.grid import Grid
from priming.strategies import Strategy

COLUMNS = ["plm", "strategy", "twin", "task", "gain", "low", "high", "rows", "runs", "metric", "decoder"]


def task_gains(grid: Grid, root: Path) -> pd.DataFrame:
    """A row a task of each gain over a twin that is over too few tasks, read from the predictions below `root`.

    Raises DataError for predictions that are missing or do not fit together.
    """
    predictions = _Predictions(grid, root)
    few = [pair for pair in twins(grid) if (found := grid.gain(*pair)).tasks and found.interval == TOO_FEW_TASKS]
    return pd.DataFrame([predictions.row(*pair, task) for pair in few for task in grid.study.tasks.target], columns=COLUMNS)


@dataclass(frozen=True)
class _Predictions:
    """What the runs of a study answered on their test rows."""

    grid: Grid
    root: Path

    @cached_property
    def _folders(self) -> dict[tuple[str | int, ...], Path]:
        """The folder of each run that is done."""
        samples = self.grid.results.samples
        done = set(samples.loc[samples["status"] == "done", RUN].itertuples(index=False, name=None))
        named = ((tuple(run[key] for key in RUN), folder) for run, folder in tuned_folders(self.grid.study, self.root))
        return {run: folder for run, folder in named if run in done}

    def row(self, plm: str, strategy: Strategy, twin: Strategy, task: str) -> Row:
        """The gain of a strategy over its twin on a task."""
        decoder = self.grid.decoders.get(task, self.grid.decoder)
        folders = list(self._pairs(plm, strategy, twin, task))
        found = RowInterval(float("nan"), None, None, 0)
        if folders:
            metric = own_metric(self.grid.metric, _own(folders[0][0]))
            found = over_rows([_pair(*pair, decoder) for pair in folders], metric)
        interval = {"gain": found.gain, "low": found.low, "high": found.high, "rows": found.rows, "runs": len(folders)}
        about = {"plm": plm, "strategy": str(strategy), "twin": str(twin), "task": task}
        return {**about, **interval, "metric": self.grid.metric, "decoder": decoder}

    def _pairs(self, plm: str, strategy: Strategy, twin: Strategy, task: str) -> Iterator[tuple[Path, Path]]:
        """The folders of runs that both have."""
        for run, folder in self._folders.items():
            if run[:3] == (plm, str(strategy), task) and (other := self._folders.get((plm, str(twin), *run[2:]))):
                yield folder, other


def _own(folder: Path) -> str:
    return str(json.loads((folder / "result.json").read_text(encoding="utf-8")).get("task_metric", ""))


def _pair(ours: Path, theirs: Path, decoder: str) -> Pair:
    mine, other = _read(ours), _read(theirs)
    try:
        rows = [row["row"] for row in mine]
        if rows != [row["row"] for row in other]:
            raise DataError(f"{ours} and {theirs} have other test rows; delete both folders and run snakemake again")
        return Pair(rows, [row["targets"] for row in mine], [row[decoder] for row in mine], [row[decoder] for row in other])
    except KeyError as error:
        raise DataError(f"{ours / 'predictions.jsonl'}: a row has no {error}; delete {ours} and run snakemake again") from error


def _read(folder: Path) -> list[Row]:
    path = folder / "predictions.jsonl"
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; delete {folder} and run snakemake to make it") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON lines ({error}); delete {folder} and run snakemake again") from error
