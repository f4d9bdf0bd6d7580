"""A small study's parts, as the steps get them."""

import json
from pathlib import Path
from typing import Any

import pytest

from priming.algorithms.interface import Budget
from priming.algorithms.mtl import Mtl
from priming.elements.sections import Rates
from priming.strategies import Priming, Strategy
from priming.study.plm import Plm
from priming.study.tasks import GeneratedTasks, Tasks
from priming.study.tuning import Grid, Scoring, Tuning
from priming.tasks.sources.table import source_of
from priming.training.downstream import Group
from priming.training.priming_run import PrimingJob
from priming.training.tuner import Tuner
from tests.tiny_bart import SIZES

PLM = Plm(path=".", max_input=24, max_output=16)
SOURCE, DEVELOPMENT, TARGET = ["film_verdict", "age_compare"], ["hotel_review"], ["dinner_review"]
TASKS = Tasks(
    generated=GeneratedTasks(train=60, test=10),
    source=SOURCE,
    development=DEVELOPMENT,
    target=TARGET,
    shots=4,
    samples=[1, 2],
)
TUNING = Tuning(steps=4, evaluate_every=2, learning_rates=Grid(adapter=[1e-2, 1e-3]), batch_sizes=[4], dropout=0.0)
RATES = Rates(plm=1e-3, adapter=1e-2, prompt=1e-1)


def result(folder: Path) -> dict[str, Any]:
    """The `result.json` of a folder."""
    return dict(json.loads((folder / "result.json").read_text()))


def tuner(plm_folder: Path, text: str) -> Tuner:
    return Tuner(PLM, plm_folder, SIZES, Strategy.parse(text), TUNING, Scoring(), seed=1)


def group(tasks: Path, primed: Path | None, out: Path, names: list[str] = TARGET) -> Group:
    return Group(
        "s", "mini", [1, 2], [tasks / name for name in names], primed, {}, {name: out / name for name in names}
    )


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    for part, names in (("source", SOURCE), ("development", DEVELOPMENT), ("target", TARGET)):
        for name in names:
            source_of(TASKS, name).prepare(part, folder, folder / name)
    return folder


@pytest.fixture
def job(plm_folder: Path, tasks: Path) -> PrimingJob:
    settings = Mtl(budget=Budget(steps=4), batch=4, learning_rates=RATES, dropout=0.0)
    sources = [tasks / name for name in SOURCE]
    return PrimingJob("s", "mini", PLM, SIZES, Priming.parse("mtl[plm+adapter]"), settings, 1, plm_folder, sources)
