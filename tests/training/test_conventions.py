"""CrossFit's conventions of training reach the trainings that name them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from priming.algorithms.interface import Budget, Upstream
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.elements.sections import Rates
from priming.strategies import Priming, Strategy
from priming.study.tuning import Scoring
from priming.tasks.prepared import read_task
from priming.training.priming_run import PrimingJob
from priming.training.tuner import Tuner
from priming.training.upstream import prime
from tests.tiny_bart import SIZES

from .conftest import PLM, TARGET, TUNING


def losses(job: PrimingJob, out: Path) -> list[float]:
    prime(job, out)
    return [point["loss"] for point in json.loads((out / "result.json").read_text())["curve"]]


RATES = Rates(plm=1e-3)
SETTINGS: list[tuple[str, Upstream]] = [
    ("mtl[plm]", Mtl(budget=Budget(steps=1), batch=4, learning_rates=RATES, dropout=0.0)),
    (
        "maml[plm | plm x1]",
        Maml(budget=Budget(steps=1), support=4, query=4, learning_rates=RATES, inner_learning_rates=RATES, dropout=0.0),
    ),
]


@pytest.mark.parametrize(("priming", "settings"), SETTINGS, ids=["mtl", "maml"])
@pytest.mark.parametrize("change", [{"target_space": True}, {"loss": "sum"}, {"label_smoothing": 0.1}], ids=str)
def test_each_setting_reaches_priming(
    job: PrimingJob, spaceless: Path, tmp_path: Path, priming: str, settings: Upstream, change: dict[str, object]
) -> None:
    job = replace(job, priming=Priming.parse(priming), settings=settings, plm_folder=spaceless)
    plain = losses(job, tmp_path / "plain")
    assert losses(replace(job, settings=settings.model_copy(update=change)), tmp_path / "changed") != plain


def test_the_task_prefix_reaches_priming(job: PrimingJob, tmp_path: Path) -> None:
    assert losses(replace(job, task_prefix=True), tmp_path / "prefix") != losses(job, tmp_path / "plain")


@pytest.fixture
def curve(plm_folder: Path, tasks: Path) -> Callable[..., list[float]]:
    """The losses of a tuning with other settings."""

    def tuned(task_prefix: bool = False, **changes: object) -> list[float]:
        tuning = TUNING.model_copy(update={"clip": None, **changes})
        tuner = Tuner(
            PLM, plm_folder, SIZES, Strategy.parse("none -> adapter"), tuning, Scoring(), 1, task_prefix=task_prefix
        )
        [[first, *_]] = tuner.sweeps([read_task(tasks / TARGET[0])], [1])
        return [point["loss"] for point in first.curve[1:]]

    return tuned


def test_each_setting_reaches_tuning(curve: Callable[..., list[float]]) -> None:
    plain = curve()
    assert curve(label_smoothing=0.0, loss="mean", task_prefix=False) == plain
    for change in ({"label_smoothing": 0.1}, {"loss": "sum"}, {"task_prefix": True}, {"schedule": "constant"}):
        assert curve(**change) != plain


def test_test_rows_are_read_with_the_prefix_too(plm_folder: Path, tasks: Path) -> None:
    tuner = Tuner(PLM, plm_folder, SIZES, Strategy.parse("none -> adapter"), TUNING, Scoring(), 1, task_prefix=True)
    task = read_task(tasks / TARGET[0])
    rows = task.sample(1)[2]
    form = tuner.form([task])
    assert tuner.inputs(form, TARGET[0], rows) == [list(ids) for ids in tuner.encoded(form, task, rows).inputs]
    assert tuner.inputs(form, TARGET[0], rows) == tuner.encoder.inputs([f" [{TARGET[0]}] {row.input}" for row in rows])
