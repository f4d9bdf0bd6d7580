"""The scores that a study has of a result, for its model card."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from priming.result_files import read_json
from priming.sharing.finished import PRIMED, TUNED, Finished
from priming.strategies import Strategy
from priming.study.paths import sample


class Score(NamedTuple):
    """A score, or a gain in a score over the un-primed twin; with its interval, where the study has one."""

    task: str
    metric: str
    decoder: str
    value: float
    gain_of: str | None = None
    """For a gain, its strategy."""
    low: float | None = None
    high: float | None = None
    interval: str | None = None

    @property
    def name(self) -> str:
        """What it is called in a card."""
        return f"gain in {self.metric} ({self.decoder})" if self.gain_of else f"{self.metric} ({self.decoder})"

    @property
    def written(self) -> str:
        """The value with its interval."""
        return f"{self.value:.4f}" if self.low is None else f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def scores(finished: Finished) -> list[Score]:
    """The test scores of a tuned sample; and the mean gains, over all tasks and runs, of strategies that it is of."""
    return [*_of_sample(finished), *_gains(finished)]


def _of_sample(finished: Finished) -> Iterator[Score]:
    if finished.kind != TUNED:
        return
    cell = Path(*finished.folder.relative_to(finished.base).parts[1:-1])
    file = finished.base / "scores" / cell / f"{sample(finished.result['sample'])}.json"
    if not file.is_file():
        return
    for decoder, found in (read_json(file)["test"] or {}).items():
        for metric, value in found.items():
            yield Score(finished.result["task"], metric, decoder, value)


def _gains(finished: Finished) -> Iterator[Score]:
    """From the table of effects: of the sample's strategy, or of the strategies that start from the priming."""
    file = finished.base / "tables" / "effects.csv"
    if not file.is_file() or finished.strategy.priming is None:
        return
    plm = str(finished.result["plm"]).removesuffix(f"-seed-{finished.settings.get('plm_seed')}")
    with file.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if row["plm"] == plm and _is_of(finished, row["strategy"]):
                low, high = (float(row[key]) if row[key] else None for key in ("low", "high"))
                tasks = f"{row['tasks']} task{'' if row['tasks'] == '1' else 's'} of the study"
                how = row["metric"], row["decoder"], float(row["gain"]), row["strategy"]
                yield Score(tasks, *how, low, high, row["interval"])


def _is_of(finished: Finished, strategy: str) -> bool:
    if finished.kind == PRIMED:
        return Strategy.parse(strategy).priming == finished.strategy.priming
    return strategy == str(finished.strategy)
