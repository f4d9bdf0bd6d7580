"""Intervals cover the true mean as often as they claim, over fewer simulated studies than in docs/protocol.md."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

NUMBER = 2000
# Four standard errors of a coverage of .95 or .91 in so many studies.
ERROR = {"normal": 0.02, "a quarter without effect": 0.02, "exponential": 0.026}


@pytest.fixture(scope="module")
def simulation(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_of_intervals", project / "benchmarks/coverage.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("tasks", [6, 20])
@pytest.mark.parametrize("effects", list(ERROR))
@pytest.mark.parametrize("design", [(1, 2), (1, 5), (3, 3)])
def test_coverage(simulation: ModuleType, effects: str, tasks: int, design: tuple[int, int]) -> None:
    least, most = simulation.BOUNDS[effects]
    found = simulation.coverages(effects, tasks, simulation.Design(*design), NUMBER)
    assert least - ERROR[effects] <= found[0] <= found[1] <= most + ERROR[effects]


def test_primings_left_out_cover_too_little(simulation: ModuleType) -> None:
    """What the simulation is there to see: t over task means alone, where five primings vary as much as tasks."""
    cells, true = simulation.studies("normal", 20, simulation.Design(1, 5), (0.0, 1.0), NUMBER)
    low, high = simulation.offsets(simulation.estimate(cells, simulation.GIVEN_PRIMINGS, None))
    error = cells.mean(axis=(1, 2)) - true
    assert ((error + low <= 0) & (error + high >= 0)).mean() < 0.75


def test_the_table_has_every_row(simulation: ModuleType, project: Path) -> None:
    """Its bounds are those of the simulation: a mark stands where a number lies outside, and nowhere else."""
    text = (project / "docs/protocol.md").read_text()
    for effects, tasks in ((effects, tasks) for effects in simulation.BOUNDS for tasks in simulation.TASKS):
        (row,) = re.findall(rf"^\| {effects} \| {tasks} \|.*$", text, re.MULTILINE)
        cells = [cell.strip() for cell in row.strip("|").split("|")][2:]
        assert len(cells) == len(simulation.DESIGNS)
        least, most = simulation.BOUNDS[effects]
        for cell in cells:
            shares = [float(share) for share in re.findall(r"\.\d{3}", cell)]
            assert ("*" in cell) != (least <= min(shares) and max(shares) <= most)
