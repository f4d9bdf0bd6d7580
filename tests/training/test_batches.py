"""Which examples multi-task learning sees: each task equally likely, or each example once an epoch."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from priming.algorithms.budget import schedule
from priming.algorithms.interface import Budget
from priming.algorithms.mtl import Mtl
from priming.algorithms.table import bound
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.flops import Counter as Operations
from priming.forms.batches import epoch_batch, mixture_batch
from priming.training.upstream import PrimingJob, prime

from .conftest import RATES


def numbered(first: int, size: int, length: int = 1) -> TokenizedDataset:
    """Examples whose input and target are their own number, `length` times."""
    rows = tuple((first + n,) * length for n in range(size))
    return TokenizedDataset(rows, tuple((row,) for row in rows))


def test_all_examples_of_all_tasks_come_once_an_epoch() -> None:
    whole = TokenizedDataset.joined([numbered(0, 3), numbered(100, 12)])
    seen = [ids[0] for step in range(6) for ids, _ in epoch_batch(whole, 5, step, 5)]
    everything = sorted([*range(3), *range(100, 112)])
    assert sorted(seen[:15]) == sorted(seen[15:]) == everything
    assert seen[:15] != seen[15:]


def test_a_small_task_is_as_likely_as_a_large_one() -> None:
    sets = [numbered(0, 3), numbered(100, 12)]
    seen = Counter(ids[0] // 100 for step in range(100) for ids, _ in mixture_batch(sets, 5, step, 20))
    assert seen.total() == 2000
    assert 900 < seen[0] < 1100


def test_the_setting_reaches_priming(job: PrimingJob, tmp_path: Path) -> None:
    settings = Mtl(budget=Budget(steps=2), batch=4, learning_rates=RATES, dropout=0.0)
    curves = []
    for mixing in ("tasks", "examples"):
        prime(replace(job, settings=settings.model_copy(update={"mixing": mixing})), tmp_path / mixing)
        curves.append([point["loss"] for point in json.loads((tmp_path / mixing / "result.json").read_text())["curve"]])
    assert curves[0] != curves[1]


def test_the_cost_of_a_step_is_that_of_what_is_drawn(job: PrimingJob) -> None:
    """One short example a task in ten: by tasks half of the examples are short, by examples a tenth."""
    from priming.backbones.attachment import attach
    from priming.backbones.loading import load_plm

    sets = [numbered(0, 2, length=2), numbered(100, 18, length=12)]
    counter = Operations(attach(load_plm(job.plm_folder), job.priming.elements, job.elements, 1))
    costs = {}
    for mixing, length in (("tasks", (2 + 12) / 2), ("examples", (2 * 2 + 18 * 12) / 20)):
        settings = Mtl(budget=Budget(steps=2), batch=4, learning_rates=RATES).model_copy(update={"mixing": mixing})
        costs[mixing] = schedule(bound("mtl", settings, job.priming), counter, sets, 1).cost
        assert costs[mixing] == pytest.approx(4 * counter.example(length, length, job.priming.outer).gradient)
    assert costs["examples"] > costs["tasks"]
