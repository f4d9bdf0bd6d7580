"""Which examples a step sees: each task equally likely, or each example once an epoch; batches by length."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from priming.algorithms.budget import schedule
from priming.algorithms.interface import Budget
from priming.algorithms.mtl import Mtl
from priming.algorithms.table import bound
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.flops import Counter as Operations
from priming.forms.batches import Part, TokenPair, disjoint_batches, epoch_batch, mixture_batch, part_of
from priming.training.priming_run import PrimingJob
from priming.training.upstream import prime

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


def uneven(rows: int) -> TokenizedDataset:
    """Rows of their number, as many times as a geometric distribution says."""
    lengths = np.random.default_rng(0).geometric(0.08, size=rows)
    return TokenizedDataset(tuple((row,) * int(n) for row, n in enumerate(lengths)), (((1,),),) * rows)


def filled(batches: Iterable[Sequence[TokenPair]]) -> float:
    """The share of padded batches that is no padding."""
    lengths = [[len(ids) for ids, _ in batch] for batch in batches]
    return sum(map(sum, lengths)) / sum(len(own) * max(own) for own in lengths)


@pytest.mark.parametrize("rows", [640, 647])
def test_batches_by_length_have_little_padding_and_miss_no_row(rows: int) -> None:
    data, epochs = uneven(rows), 3
    steps = range(epochs * rows // 32)
    grouped = [epoch_batch(data, 5, step, 32, 20) for step in steps]
    assert filled(grouped) > 0.7 > 2 * filled(epoch_batch(data, 5, step, 32) for step in steps)
    times = Counter(ids[0] for batch in grouped for ids, _ in batch)
    assert set(times) == set(range(rows))
    assert set(times.values()) <= {epochs - 1, epochs}
    first = [len(batch[0][0]) for batch in grouped[:20]]
    assert first != sorted(first)


@pytest.mark.parametrize("grouped", [1, 4])
def test_a_batch_does_not_depend_on_those_drawn_before(grouped: int) -> None:
    """Orders of epochs are kept, of each run the last two; a step that goes back makes its own anew."""
    data = uneven(70)
    steps = [0, 1, 30, 31, 5, 40, 0]
    drawn = {(run, step): epoch_batch(data, run, step, 8, grouped) for step in steps for run in (5, 6)}
    assert drawn == {(run, step): epoch_batch(uneven(70), run, step, 8, grouped) for run, step in drawn}
    for step in range(40):
        epoch_batch(data, 7, step, 8, grouped)
    assert len([known for known in data.orders if known[0] == 7]) <= 2


def test_mixtures_by_length_have_little_padding_and_every_length() -> None:
    data = uneven(640)
    drawn = [mixture_batch([data, data], 5, step, 16, 20) for step in range(400)]
    assert all(len(batch) == 16 for batch in drawn)
    assert filled(drawn) > 0.75
    mean = fmean(len(ids) for batch in drawn for ids, _ in batch)
    assert mean == pytest.approx(fmean(map(len, data.inputs)), rel=0.1)


def test_support_and_query_of_a_part_by_length_share_no_row() -> None:
    data, seen, batches = uneven(650), Counter[int](), []
    for step in range(600):
        drawn = disjoint_batches(data, step, [8, 8], part=part_of(5, step, 20))
        rows = [ids[0] for batch in drawn for ids, _ in batch]
        assert len(set(rows)) == 16
        seen.update(rows)
        batches += drawn
    assert filled(batches) > 0.75
    assert len(seen) == 650


def test_tasks_with_few_rows_are_divided_into_fewer_parts() -> None:
    data = uneven(40)
    for number in range(20):
        drawn = disjoint_batches(data, 1, [8, 8], part=Part(number, 20))
        assert len({ids[0] for batch in drawn for ids, _ in batch}) == 16
    whole = disjoint_batches(data, 1, [20, 20], part=Part(3, 20))
    assert whole == disjoint_batches(data, 1, [20, 20])
