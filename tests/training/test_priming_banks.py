"""Seeds of a priming that are one job come to what each comes to alone."""

import json
import math
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from priming.algorithms.interface import Budget, Upstream
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.algorithms.reptile import Reptile
from priming.elements.sections import Rates
from priming.errors import StoppedError
from priming.runs.checkpoints import CheckpointDir
from priming.runs.loss_curve import LossCurve
from priming.strategies import Priming
from priming.training.priming_run import PrimingJob
from priming.training.upstream import prime, prime_all

from .conftest import RATES

SEEDS = (1, 2, 7)
ALIKE = {"budget": Budget(steps=6), "learning_rates": RATES, "dropout": 0.1}
WITHOUT_QUERY = {"tasks": 2, "support": 2, "inner_learning_rates": Rates(adapter=0.1, plm=0.01)}
EPISODES = {**WITHOUT_QUERY, "query": 2}
CASES: list[tuple[str, Upstream]] = [
    ("mtl[adapter]", Mtl(batch=4, **ALIKE)),
    ("mtl[plm+prompt]", Mtl(batch=4, mixing="examples", optimizer="sgd", **ALIKE)),
    ("mtl[adapter]", Mtl(batch=4, optimizer="sgd", **ALIKE | {"budget": Budget(executed_flops=4e7)})),
    ("maml[adapter | adapter x1]", Maml(**EPISODES, **ALIKE)),
    (
        "maml[plm+adapter | adapter x2]",
        Maml(order="first", optimizer="sgd", over_tasks="sum", same_support=False, **EPISODES, **ALIKE),
    ),
    (
        "maml[plm+adapter | adapter x1]",
        Maml(optimizer="sgd", **EPISODES, **ALIKE | {"budget": Budget(executed_flops=2e8)}),
    ),
    ("reptile[plm+adapter | plm+adapter x2]", Reptile(**EPISODES, **ALIKE)),
    ("reptile[adapter | adapter x2]", Reptile(update="optimizer", **WITHOUT_QUERY, **ALIKE)),
    ("reptile[plm+adapter | adapter x1]", Reptile(update="full_step", **EPISODES, **ALIKE)),
]
PARTS = ("status", "steps", "examples", "flops", "flops_executed", "kept_step", "seed", "parameters")


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result.json").read_text()))


def primed(job: PrimingJob, folder: Path) -> list[Path]:
    """All seeds as one job."""
    outs = [folder / str(seed) for seed in SEEDS]
    prime_all([replace(job, seed=seed) for seed in SEEDS], outs)
    return outs


def same(ours: Sequence[Path], theirs: Sequence[Path], elements: Sequence[str], tolerance: float) -> None:
    for one, other in zip(ours, theirs, strict=True):
        for element in elements:
            found, wanted = (load_file(folder / f"{element}.safetensors") for folder in (one, other))
            assert found.keys() == wanted.keys()
            for name, value in wanted.items():
                torch.testing.assert_close(found[name], value, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("text", "settings"), CASES)
def test_each_seed_is_as_alone(job: PrimingJob, tmp_path: Path, text: str, settings: Upstream) -> None:
    job = replace(job, priming=Priming.parse(text), settings=settings)
    outs = primed(job, tmp_path / "bank")
    alone = [tmp_path / "alone" / str(seed) for seed in SEEDS]
    for seed, out in zip(SEEDS, alone, strict=True):
        prime(replace(job, seed=seed), out)
    same(outs, alone, job.priming.outer, 1e-5)
    for one, other in zip(outs, alone, strict=True):
        ours, theirs = result(one), result(other)
        assert [ours[part] for part in PARTS] == [theirs[part] for part in PARTS]
        steps, losses = ([[point[key] for point in of["curve"]] for of in (ours, theirs)] for key in ("step", "loss"))
        assert steps[0] == steps[1]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_seeds_take_steps_of_their_own(job: PrimingJob, tmp_path: Path) -> None:
    """Else the case of a budget in executed operations would say nothing of runs that end before others."""
    outs = primed(replace(job, priming=Priming.parse(CASES[2][0]), settings=CASES[2][1]), tmp_path)
    assert len({result(out)["steps"] for out in outs}) > 1


def test_a_seed_that_fails_leaves_the_others_alone(
    job: PrimingJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from priming.forms import side_by_side

    losses_of = side_by_side.run_losses

    def broken(*args: Any, **kwargs: Any) -> Tensor:
        losses = losses_of(*args, **kwargs)
        return losses * torch.tensor([1.0, math.inf, 1.0][: len(losses)])

    job = replace(job, priming=Priming.parse("mtl[adapter]"), settings=CASES[0][1])
    whole = primed(job, tmp_path / "whole")
    monkeypatch.setattr(side_by_side, "run_losses", broken)
    outs = primed(job, tmp_path / "broken")
    assert [result(out)["status"] for out in outs] == ["done", "failed", "done"]
    assert "not finite at step 1" in result(outs[1])["reason"]
    same(outs[::2], whole[::2], ("adapter",), 0.0)


@pytest.mark.parametrize(("text", "settings"), CASES[:2])
def test_stopped_seeds_go_on_to_the_same_bytes(
    job: PrimingJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, settings: Upstream
) -> None:
    job = replace(job, priming=Priming.parse(text), settings=settings)
    whole = primed(job, tmp_path / "whole")
    job = replace(job, place=CheckpointDir(tmp_path / "state", "k"))
    noted = LossCurve.after_step

    def after_step(self: LossCurve, done: int, losses: Tensor) -> None:
        if done == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        noted(self, done, losses)

    with monkeypatch.context() as patched:
        patched.setattr(LossCurve, "after_step", after_step)
        with pytest.raises(StoppedError, match="stopped by a signal after step 4"):
            primed(job, tmp_path / "stopped")
    outs = primed(job, tmp_path / "resumed")
    same(outs, whole, job.priming.outer, 0.0)
    assert [result(out)["curve"] for out in outs] == [result(out)["curve"] for out in whole]
