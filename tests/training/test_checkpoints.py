"""A training that was stopped or killed goes on from its state, to the same bytes."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from priming.algorithms.interface import Budget, Upstream, Validation
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.algorithms.reptile import Reptile
from priming.elements.sections import Rates
from priming.errors import StoppedError
from priming.runs import checkpoints, stopping
from priming.runs.checkpoints import CheckpointDir, Checkpointer, State
from priming.runs.loss_curve import LossCurve
from priming.strategies import Priming, Strategy
from priming.study.tuning import Scoring
from priming.training.priming_run import PrimingJob
from priming.training.tuner import Tuner
from priming.training.upstream import prime
from priming.training.validation import DevelopmentTasks
from tests.tiny_bart import SIZES

from .conftest import DEVELOPMENT, PLM, RATES, TUNING

ADAPTER = Rates(adapter=0.1)
CASES: list[tuple[str, Upstream]] = [
    ("mtl[plm+adapter]", Mtl(budget=Budget(steps=6), batch=4, learning_rates=RATES, dropout=0.1)),
    (
        "maml[plm+adapter | adapter x1]",
        Maml(budget=Budget(steps=6), support=2, query=2, learning_rates=RATES, inner_learning_rates=ADAPTER),
    ),
    ("reptile[adapter | adapter x2]", Reptile(budget=Budget(steps=6), support=2, inner_learning_rates=ADAPTER)),
]


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result.json").read_text()))


def told_to_stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the process send itself SIGTERM while the loss of `step` is noted."""
    noted = LossCurve.after_step

    def after_step(self: LossCurve, done: int, losses: Tensor) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGTERM)
        noted(self, done, losses)

    monkeypatch.setattr(LossCurve, "after_step", after_step)


@pytest.mark.parametrize(("text", "settings"), CASES, ids=[text for text, _ in CASES])
def test_a_stopped_priming_goes_on_to_the_same_bytes(
    job: PrimingJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, settings: Upstream
) -> None:
    job = replace(job, priming=Priming.parse(text), settings=settings, place=CheckpointDir(tmp_path / "state", "k"))
    prime(replace(job, place=None), tmp_path / "whole")
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        told_to_stop_at(patched, 3)
        with pytest.raises(StoppedError, match="stopped by a signal after step 4; the same command resumes from there"):
            prime(job, tmp_path / "stopped")
    assert signal.getsignal(signal.SIGTERM) is before
    assert not (tmp_path / "stopped" / "result.json").exists()
    prime(job, tmp_path / "resumed")
    for element in job.priming.outer:
        assert (tmp_path / f"resumed/{element}.safetensors").read_bytes() == (
            tmp_path / f"whole/{element}.safetensors"
        ).read_bytes()
    whole, resumed = result(tmp_path / "whole"), result(tmp_path / "resumed")
    assert resumed["curve"] == whole["curve"]
    assert [point["step"] for point in resumed["curve"]] == [1, 2, 3, 4, 5, 6]
    assert len(resumed["resumed"]) == 1
    assert resumed["seconds"] > resumed["resumed"][0]


def test_a_priming_stopped_while_it_is_judged_is_judged_once(
    job: PrimingJob, tasks: Path, plm_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Mtl(
        budget=Budget(steps=4),
        batch=4,
        learning_rates=RATES,
        dropout=0.0,
        keep="best",
        validation=Validation(every=2, steps=2, samples=1),
    )
    tuner = Tuner(PLM, plm_folder, SIZES, Strategy.parse("mtl[plm+adapter] -> adapter"), TUNING, Scoring(), seed=1)
    validator = DevelopmentTasks({"adapter": tuner}, [tasks / name for name in DEVELOPMENT], [1], 2)
    job = replace(job, settings=settings, validator=validator, place=CheckpointDir(tmp_path / "state", "k"))
    prime(replace(job, place=None), tmp_path / "whole")
    scores = DevelopmentTasks.scores

    def interrupted(self: DevelopmentTasks, values: dict[str, Tensor]) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return scores(self, values)

    with monkeypatch.context() as patched:
        patched.setattr(DevelopmentTasks, "scores", interrupted)
        with pytest.raises(StoppedError, match="stopped by a signal after step 2"):
            prime(job, tmp_path / "stopped")
    prime(job, tmp_path / "resumed")
    whole, resumed = result(tmp_path / "whole"), result(tmp_path / "resumed")
    assert resumed["validation"] == whole["validation"]
    assert [one["step"] for one in resumed["validation"]] == [2, 4]
    assert resumed["digests"] == whole["digests"]


class Counting:
    """A part that counts, with a tensor."""

    def __init__(self) -> None:
        self.values = torch.zeros(3)

    def state(self) -> State:
        return State({"values": self.values}, {"text": "é"})

    def load_state(self, state: State) -> None:
        self.values = state.tensors["values"]


def saved(folder: Path, steps: int = 1) -> Counting:
    part = Counting()
    keeper = Checkpointer(CheckpointDir(folder, "k"), {"part": part})
    for step in range(1, steps + 1):
        part.values = part.values + 1
        keeper.after_step(step, torch.tensor([0.5]))
        keeper.save()
    return part


def started(folder: Path, key: str = "k") -> tuple[int, Counting]:
    part = Counting()
    step, _ = Checkpointer(CheckpointDir(folder, key), {"part": part}).start()
    return step, part


def test_only_the_last_state_is_kept(tmp_path: Path) -> None:
    part = saved(tmp_path, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "step-3.safetensors"]
    step, again = started(tmp_path)
    assert step == 3
    assert torch.equal(again.values, part.values)


def damage(change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    def to_weights(folder: Path) -> None:
        data = bytearray((folder / "step-1.safetensors").read_bytes())
        change(data)
        (folder / "step-1.safetensors").write_bytes(data)

    return to_weights


def flip(data: bytearray) -> None:
    data[-1] ^= 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (damage(flip), "step-1.safetensors is damaged"),
        (damage(lambda data: data.pop()), "step-1.safetensors is damaged"),
        (damage(lambda data: data.clear()), "step-1.safetensors is damaged"),
        (lambda folder: (folder / "step-1.safetensors").unlink(), "it cannot be read"),
        (lambda folder: (folder / "state.json").write_text("{"), "it cannot be read"),
        (lambda folder: (folder / "state.json").write_text("[]"), "it cannot be read"),
        (lambda folder: (folder / "state.json").write_text('{"format": 1}'), "it cannot be read"),
    ],
)
def test_a_damaged_state_is_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object], reason: str
) -> None:
    saved(tmp_path)
    spoil(tmp_path)
    assert started(tmp_path)[0] == 0
    assert f"the state in {tmp_path} is not used, since {reason}" in capsys.readouterr().err


def test_the_state_of_another_training_is_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path)
    assert started(tmp_path, "other")[0] == 0
    assert "it belongs to another training" in capsys.readouterr().err


def test_a_save_that_fails_leaves_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "save_file", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="full"):
            saved(tmp_path, 2)
    assert started(tmp_path)[0] == 1


def test_saving_takes_no_more_than_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, saves = [0.0], []

    class Slow(Counting):
        def state(self) -> State:
            saves.append(now[0])
            now[0] += 3.0
            return super().state()

    keeper = Checkpointer(CheckpointDir(tmp_path, "k"), {"part": Slow()}, clock=lambda: now[0])
    for step in range(1, 1001):
        now[0] += 1.0
        keeper.after_step(step, torch.zeros(1))
    gaps = [b - a for a, b in pairwise(saves)]
    assert saves[0] == checkpoints.SOONEST
    assert min(gaps) >= 3.0 / checkpoints.MAX_OVERHEAD
    assert len(saves) * 3.0 <= 1.1 * checkpoints.MAX_OVERHEAD * now[0]


def test_signals_end_nothing_while_somebody_listens() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stopping.listening():
        assert not stopping.requested()
        stopping.check()
        os.kill(os.getpid(), signal.SIGINT)
        assert stopping.requested()
        with pytest.raises(StoppedError):
            stopping.check()
    assert signal.getsignal(signal.SIGINT) is before
