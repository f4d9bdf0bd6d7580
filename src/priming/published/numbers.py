"""Published numbers in terms of a study: each corresponds to a strategy, and can be shown beside its result.

A paper has several sets of numbers, one for each PLM or partition; a study names the set to show beside each of its
PLMs (`scoring.published`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from priming.published.sheets import Row, sheet


class Way(NamedTuple):
    """A strategy as described in papers: one element, primed by an algorithm and then tuned."""

    algorithm: str
    element: str

    def __str__(self) -> str:
        return (
            f"none -> {self.element}"
            if self.algorithm == "none"
            else f"{self.algorithm}[{self.element}] -> {self.element}"
        )


@dataclass(frozen=True)
class Number:
    """A score of a task, between 0 and 1; or, with a baseline, the average relative gain (ARG) over it, in percent.

    `baseline` is the set and the strategy that gains are over; `certainty` says how well the number is known, `table`
    where it is printed.
    """

    lot: str
    way: Way
    value: float
    certainty: str
    task: str = ""
    metric: str = ""
    baseline: tuple[str, Way] | None = None
    table: str = ""


def numbers(paper: str, lot: str) -> list[Number]:
    """The numbers in one of a paper's sets; raises KeyError for a paper that has none in this form."""
    return [number for number in PAPERS[paper]() if number.lot == lot]


def lots(paper: str) -> list[str]:
    """The PLMs or partitions for which a paper has numbers."""
    return list(dict.fromkeys(number.lot for number in PAPERS[paper]()))


def report() -> Iterator[Number]:
    """The course report: scores read off bars, and ARG over the BART primed and tuned in full by the same algorithm."""
    for row in sheet("adl2022_scores").rows:
        way = _way(row)
        for task in task_columns(row):
            metric = "accuracy" if task == "superglue-cb" else "macro-F1"
            yield Number(row["plm"], way, float(row[task]), "read off a bar, to 0.006", task, metric)
    for row in sheet("adl2022_arg").rows:
        baseline = ("BART", Way(row["algorithm"].lower(), "plm"))
        yield Number(
            row["plm"],
            _way(row),
            float(row["arg_percent"]),
            _report_certainty(row),
            baseline=baseline,
            table=row["table"],
        )


def crossfit() -> Iterator[Number]:
    """CrossFit: ARG of each partition over direct tuning of the whole PLM, and scores on `random` as copied later."""
    for row in sheet("ye2021_arg").rows:
        certainty = "from memory, not confirmed" if row["confirmed"] == "no" else f"confirmed {row['confirmed']}"
        way = Way(row["algorithm"].lower(), "plm")
        yield Number(
            row["partition"], way, float(row["arg_percent"]), certainty, baseline=(row["partition"], Way("none", "plm"))
        )
    for row in sheet("ponti2022_random").rows:
        if row["metric"]:
            certainty = "as copied by Ponti et al. (2022); algorithm presumed"
            yield Number("random", Way("mtl", "plm"), float(row["Ye21"]) / 100, certainty, row["task"], row["metric"])


PAPERS: dict[str, Callable[[], Iterator[Number]]] = {"adl2022": report, "ye2021": crossfit}


def task_columns(row: Row) -> list[str]:
    """The tasks of a row of the report's scores, in its order."""
    return [column for column in row if column not in ("algorithm", "plm", "element")]


def _way(row: Row) -> Way:
    return Way(row["algorithm"].lower(), row["element"])


def _report_certainty(row: Row) -> str:
    swapped = row["algorithm"] == "MAML" and row["table"] == "Table 2"
    return f"printed in {row['table']}" + (", where the two MAML rows are swapped" if swapped else "")
