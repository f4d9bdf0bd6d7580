"""Processes that share a priming give what one gives."""

import json
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from priming.algorithms.interface import Budget, Upstream
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.algorithms.reptile import Reptile
from priming.backbones.compute import Compute
from priming.elements.sections import Rates
from priming.runs.dropout import keep_mask
from priming.runs.shards import Shard
from priming.strategies import Priming
from priming.training.priming_run import PrimingJob
from priming.training.processes import prime_in, processes
from priming.training.upstream import prime

from .conftest import RATES

ADAPTER = Rates(adapter=0.1)
CASES: list[tuple[str, Upstream]] = [
    ("mtl[plm+adapter]", Mtl(budget=Budget(steps=3), batch=5, learning_rates=RATES, dropout=0.1)),
    (
        "mtl[adapter]",
        Mtl(budget=Budget(steps=3), batch=5, learning_rates=ADAPTER, dropout=0.1, loss="sum", label_smoothing=0.1),
    ),
    (
        "maml[plm+adapter | adapter x1]",
        Maml(budget=Budget(steps=3), tasks=2, support=2, query=2, learning_rates=RATES, inner_learning_rates=ADAPTER),
    ),
    (
        "reptile[adapter | adapter x2]",
        Reptile(budget=Budget(steps=3), tasks=2, support=2, inner_learning_rates=ADAPTER),
    ),
]


@pytest.mark.parametrize("size", [1, 2, 5, 32])
@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_shares_cover_a_batch_once(size: int, world: int) -> None:
    parts = [list(range(size))[Shard(rank, world).rows(size)] for rank in range(world)]
    assert [row for part in parts for row in part] == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [
        row for rank in range(world) for rows in Shard(rank, world).parts(size, 3) for row in range(size)[rows]
    ] == list(range(size))


def test_the_mask_of_a_share_is_that_part_of_the_mask() -> None:
    key = torch.tensor(7, dtype=torch.int32)
    whole = keep_mask(key, (6, 3, 4), 0.3)
    assert torch.equal(keep_mask(key, (2, 3, 4), 0.3, first_row=4), whole[4:])
    assert not torch.equal(keep_mask(key, (2, 3, 4), 0.3), whole[4:])


@pytest.mark.slow
@pytest.mark.parametrize(("text", "settings"), CASES, ids=[text for text, _ in CASES])
def test_two_processes_equal_one(job: PrimingJob, tmp_path: Path, text: str, settings: Upstream) -> None:
    job = replace(job, priming=Priming.parse(text), settings=settings, compute=Compute(device="cpu"))
    prime(job, tmp_path / "one")
    prime_in(2, [job], [tmp_path / "two"])
    one, two = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("one", "two"))
    assert one["ran_on"]["processes"] == 1
    assert two["ran_on"]["processes"] == 2
    equal(tmp_path / "two", tmp_path / "one", job.priming.outer)


@pytest.mark.slow
def test_two_processes_take_seeds_one_after_the_other(job: PrimingJob, tmp_path: Path) -> None:
    text, settings = CASES[1]
    job = replace(job, priming=Priming.parse(text), settings=settings, compute=Compute(device="cpu"))
    seeds = [replace(job, seed=seed) for seed in (1, 2)]
    prime_in(2, seeds, [tmp_path / f"two-{one.seed}" for one in seeds])
    for one in seeds:
        prime(one, tmp_path / f"one-{one.seed}")
        equal(tmp_path / f"two-{one.seed}", tmp_path / f"one-{one.seed}", job.priming.outer)


@pytest.mark.parametrize(("text", "settings"), CASES, ids=[text for text, _ in CASES])
def test_a_batch_in_parts_equals_the_whole(job: PrimingJob, tmp_path: Path, text: str, settings: Upstream) -> None:
    """Dropout masks included; parts of a batch of 5 differ in size."""
    job = replace(job, priming=Priming.parse(text), settings=settings)
    prime(job, tmp_path / "whole")
    prime(replace(job, settings=settings.model_copy(update={"accumulation_steps": 2})), tmp_path / "parts")
    equal(tmp_path / "parts", tmp_path / "whole", job.priming.outer)


def equal(ours: Path, theirs: Path, elements: tuple[str, ...]) -> None:
    """Losses and weights of two primings, but for what the order of sums does to them."""
    curves = [
        [p["loss"] for p in json.loads((folder / "result.json").read_text())["curve"]] for folder in (ours, theirs)
    ]
    assert curves[0] == pytest.approx(curves[1], rel=1e-5)
    for element in elements:
        mine, others = (load_file(folder / f"{element}.safetensors") for folder in (ours, theirs))
        # A key's bias has gradient zero but for rounding, which AdamW makes a step of.
        for name, value in ((name, value) for name, value in others.items() if not name.endswith("k_proj.bias")):
            torch.testing.assert_close(
                mine[name], value, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
            )


@pytest.mark.slow
def test_what_one_process_refuses_is_one_message(
    job: PrimingJob, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # the next prints where this test looks
    with pytest.raises(SystemExit) as ended:
        prime_in(2, [replace(job, plm_folder=tmp_path / "nowhere", compute=Compute(device="cpu"))], [tmp_path / "out"])
    assert ended.value.code == 4
    printed = capfd.readouterr().err
    assert printed.count("error: no PLM at") == 1
    assert "Traceback" not in printed


def test_without_a_gpu_there_is_one_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert processes(Compute(device="cpu", gpus=2)) == 1
    assert "using one process on the CPU" in capsys.readouterr().err
    assert processes(Compute(device="cpu")) == 1
    assert capsys.readouterr().err == ""
