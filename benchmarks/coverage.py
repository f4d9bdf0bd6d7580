"""How often the intervals of gains contain the true mean, in simulated studies; the table is in docs/protocol.md.

    python benchmarks/coverage.py

A simulated study draws the gain of each task, the effect of each PLM and priming on all tasks and on single ones, the
effect of each sample of a task on all primings, and the residual of each run. Standard deviations are close to those
of the embedded study (docs/embedded.md).
"""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priming.evaluation.gains import RELATIVE
from priming.evaluation.intervals import GIVEN_PRIMINGS, OVER_PLMS, OVER_PRIMINGS, estimate, filled, offsets

Array = NDArray[np.float64]

TASK, SAMPLE, INTERACTION, RUN = 0.17, 0.03, 0.04, 0.05
SAMPLES = 2
GAIN, WITHOUT_EFFECT = 0.15, 0.25
BASELINES = (0.3, 0.8)
MISSING = 0.05
SHARES = (0.0, 0.25, 0.5, 1.0)
TASKS = (6, 8, 12, 16, 20)
BOUNDS = {"normal": (0.93, 0.97), "a quarter without effect": (0.93, 0.97), "exponential": (0.91, 1.0)}


@dataclass(frozen=True)
class Design:
    """Numbers of PLMs and of primings per PLM; whether gains are relative; whether some cells are missing."""

    plms: int
    primings: int
    relative: bool = False
    missing: bool = False

    @property
    def kind(self) -> str:
        """The kind of its intervals."""
        return OVER_PLMS if self.plms > 1 else OVER_PRIMINGS if self.primings >= 5 else GIVEN_PRIMINGS

    def __str__(self) -> str:
        name = f"{self.plms} PLMs x {self.primings} primings" if self.plms > 1 else f"{self.primings} primings"
        return name + (", ARG" if self.relative else "") + (f", {MISSING:.0%} missing" if self.missing else "")


DESIGNS = (
    Design(1, 2),
    Design(1, 5),
    Design(3, 3),
    Design(1, 2, relative=True),
    Design(1, 5, relative=True),
    Design(1, 5, missing=True),
)


def effects(kind: str, generator: np.random.Generator, size: tuple[int, int]) -> Array:
    """The gain of each task [R x N], with an expected value of GAIN."""
    if kind == "exponential":
        return GAIN + TASK * (generator.exponential(size=size) - 1)
    spread = TASK * generator.standard_normal(size)
    if kind == "normal":
        return GAIN + spread
    return np.where(generator.random(size) < WITHOUT_EFFECT, 0.0, GAIN / (1 - WITHOUT_EFFECT) + spread)


def studies(kind: str, tasks: int, design: Design, shares: tuple[float, float], number: int) -> tuple[Array, Array]:
    """Cells [R x N x S] of `number` studies, and the true mean gain over tasks [R], given their primings or over them.

    `shares` are the standard deviations over PLMs and over primings, as fractions of that over tasks.
    """
    generator = np.random.default_rng(0)
    p, s = design.plms, design.primings
    over_plms, over_primings = (TASK * share for share in shares)

    def normal(deviation: float, *size: int) -> Array:
        return deviation * generator.standard_normal((number, *size))

    columns = normal(over_plms, 1, p, 1) + normal(over_primings, 1, p, s)
    cells = effects(kind, generator, (number, tasks))[:, :, None, None] + columns + normal(INTERACTION, tasks, p, s)
    cells = cells + normal(RUN / np.sqrt(SAMPLES), tasks, p, s) + normal(SAMPLE / np.sqrt(SAMPLES), tasks, 1, 1)
    if over_plms:
        cells = cells + normal(INTERACTION, tasks, p, 1)
    cells = cells.reshape(number, tasks, p * s)
    mean = GAIN + (columns.mean(axis=(1, 2, 3)) if design.kind == GIVEN_PRIMINGS else np.zeros(number))
    if design.missing:
        cells[generator.random(cells.shape) < MISSING] = np.nan
    return _relative(cells, mean, generator) if design.relative else (cells, mean)


def _relative(cells: Array, mean: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """The same cells as relative gains, in percent of baselines that vary over tasks and have noise of their own."""
    low, high = BASELINES
    baselines = generator.uniform(low, high, size=(*cells.shape[:2], 1)) + RUN / 2 * generator.standard_normal(
        cells.shape
    )
    return RELATIVE.of_cells((baselines + cells)[..., None], baselines[..., None]), 100 * mean * np.log(high / low) / (
        high - low
    )


def coverage(kind: str, tasks: int, design: Design, shares: tuple[float, float], number: int) -> float:
    """The fraction of intervals that contain the true mean."""
    cells, true = studies(kind, tasks, design, shares, number)
    table = filled(cells)
    low, high = offsets(estimate(table, design.kind, np.repeat(np.arange(design.plms), design.primings)))
    error = table.mean(axis=(1, 2)) - true
    return float(((error + low <= 0) & (error + high >= 0)).mean())


def coverages(kind: str, tasks: int, design: Design, number: int) -> tuple[float, float]:
    """The lowest and highest coverage as the variation over PLMs and primings goes from none to that over tasks."""
    found = [
        coverage(kind, tasks, design, shares, number)
        for shares in itertools.product(SHARES if design.plms > 1 else SHARES[:1], SHARES)
    ]
    return min(found), max(found)


def rows(number: int) -> Iterator[list[str]]:
    """A row per kind of effects and number of tasks, a column per design; `*` marks values outside the bounds."""
    for kind, tasks in itertools.product(BOUNDS, TASKS):
        found = [coverages(kind, tasks, design, number) for design in DESIGNS]
        yield [kind, str(tasks), *(_written(least, most, BOUNDS[kind]) for least, most in found)]


def _written(least: float, most: float, bounds: tuple[float, float]) -> str:
    within = bounds[0] <= round(least, 3) and round(most, 3) <= bounds[1]
    texts = list(dict.fromkeys(f"{share:.3f}".lstrip("0") for share in (least, most)))
    return " to ".join(texts) + ("" if within else " *")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=10_000, help="number of simulated studies per design")
    header = ["effects of tasks", "tasks", *map(str, DESIGNS)]
    for row in (header, ["---"] * len(header), *rows(parser.parse_args().studies)):
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
