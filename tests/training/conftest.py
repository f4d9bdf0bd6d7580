"""A small study's parts, as the steps get them."""

from pathlib import Path

import pytest

from priming.strategies import Priming
from priming.study.plm import Plm
from priming.study.priming import Budget, Mtl, Rates
from priming.study.tasks import GeneratedTasks, Tasks
from priming.study.tuning import Grid, Tuning
from priming.tasks.prepare import prepare
from priming.training.upstream import PrimingJob
from tests.tiny_bart import SIZES

PLM = Plm(path=".", max_input=24, max_output=16)
SOURCE, DEVELOPMENT, TARGET = ["film_verdict", "age_compare"], ["hotel_review"], ["dinner_review"]
TASKS = Tasks(generated=GeneratedTasks(train=60, test=10), source=SOURCE, development=DEVELOPMENT, target=TARGET, shots=4, samples=[1, 2])
TUNING = Tuning(steps=4, evaluate_every=2, learning_rates=Grid(adapter=[1e-2, 1e-3]), batch_sizes=[4], dropout=0.0)
RATES = Rates(plm=1e-3, adapter=1e-2, prompt=1e-1)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    for part, names in (("source", SOURCE), ("development", DEVELOPMENT), ("target", TARGET)):
        for name in names:
            prepare(name, TASKS, part, folder, folder / name)
    return folder


@pytest.fixture
def job(plm_folder: Path, tasks: Path) -> PrimingJob:
    settings = Mtl(budget=Budget(steps=4), batch=4, learning_rates=RATES, dropout=0.0)
    sources = [tasks / name for name in SOURCE]
    return PrimingJob("s", "mini", PLM, SIZES, Priming.parse("mtl[plm+adapter]"), settings, 1, plm_folder, sources)
