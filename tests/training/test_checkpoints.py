"""A training that was stopped or killed goes on from its state, to the same bytes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
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
from priming.digests import of_json
from priming.elements.sections import Rates
from priming.errors import StoppedError
from priming.runs import checkpoints, stopping
from priming.runs.checkpoints import CheckpointDir, Checkpointer, State
from priming.runs.loss_curve import LossCurve
from priming.runs.parameters import StackedParameters
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
    step, _ = Checkpointer(CheckpointDir(folder, key), {"part": part}).start(3)
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
        (lambda folder: (folder / "state.json").write_text("[" * 100_000 + "]" * 100_000), "it cannot be read"),
        (lambda folder: forged(folder, b"no tensors"), "it cannot be read"),
        (lambda folder: (folder / "state.json").write_text('{"format": 2}'), "it cannot be read"),
        (lambda folder: edit(folder, lambda pointer: pointer.update(format=1)), "it belongs to another version"),
        (lambda folder: edit(folder, lambda pointer: pointer["state"].update(step=2)), "state.json is damaged"),
        (lambda folder: edit(folder, lambda pointer: pointer["state"].update(losses=[0.1])), "state.json is damaged"),
        (
            lambda folder: edit(folder, lambda pointer: pointer["state"]["parts"].update(part={})),
            "state.json is damaged",
        ),
        (lambda folder: again(folder, step=4), "it is one after step 4 of a training of 3"),
        (lambda folder: again(folder, step="1"), "it is one after step 1 of a training of 3"),
        (lambda folder: again(folder, parts={"other": None}), "it has other parts than this training"),
        (lambda folder: again(folder, key="other"), "it belongs to another training"),
    ],
)
def test_a_damaged_state_is_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object], reason: str
) -> None:
    saved(tmp_path / "state")
    spoil(tmp_path / "state")
    kept, place = tmp_path / "refused-state", tmp_path / "state"
    before = {file.name: file.read_bytes() for file in place.iterdir()}
    assert started(place)[0] == 0
    said = capsys.readouterr().err
    assert f"the state in {place} is not used, since {reason}" in said
    assert f"it is kept as {kept}, and training starts anew from step 0" in said
    assert {file.name: file.read_bytes() for file in kept.iterdir()} == before
    assert started(place)[0] == 0
    assert capsys.readouterr().err == ""  # it is not looked at again
    saved(place, 2)
    assert started(place)[0] == 2


def forged(folder: Path, weights: bytes) -> None:
    """Other weights, which state.json knows of."""
    (folder / "step-1.safetensors").write_bytes(weights)
    again(folder, sha256=hashlib.sha256(weights).hexdigest())


def edit(folder: Path, change: Callable[[Any], object]) -> None:
    """Change state.json as somebody who knows nothing of its hash."""
    pointer = json.loads((folder / "state.json").read_text())
    change(pointer)
    (folder / "state.json").write_text(json.dumps(pointer))


def again(folder: Path, **entries: object) -> None:
    """Change entries of a state, with the hash that it then has."""
    edit(folder, lambda pointer: pointer.update(sha256=of_json(pointer["state"] | entries)))
    edit(folder, lambda pointer: pointer["state"].update(entries))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"plm": torch.ones(1, 3)}, "its parameters are not those of this training"),
        ({"adapter": torch.ones(1, 2)}, "its parameters are not those of this training"),
        ({"plm": torch.ones(1, 2, dtype=torch.float64)}, "its parameters are not those of this training"),
        ({"plm": torch.tensor([[1.0, torch.nan]])}, "it has weights that are not finite"),
    ],
)
def test_values_of_another_training_are_refused(values: dict[str, Tensor], reason: str) -> None:
    parameters = StackedParameters({"w": torch.zeros(1, 2)}, lambda _: "plm")
    assert parameters.wrong(State({"plm": torch.ones(1, 2)}), 1) is None
    assert parameters.wrong(State(values), 1) == reason


@pytest.mark.parametrize(("steps", "step"), [(6, 1), (6, 6), (250, 9), (250, 249), (250, 250), (1999, 1999)])
def test_curves_of_another_training_are_refused(steps: int, step: int) -> None:
    curve = LossCurve("a", steps)
    for done in range(1, step + 1):
        assert curve.wrong(curve.state(), done) is None  # stopped before the point of the step is there
        curve.after_step(done, torch.tensor([0.5]))
        assert curve.wrong(curve.state(), done) is None
    for points in (curve.points[1:], [*curve.points, {"step": 9999, "loss": 1.0}], [{"loss": 1.0}], None):
        if points or step > 2:
            assert curve.wrong(State({}, points), step) == "its curve is not one of this training", points


FULL = """
import resource, sys
from pathlib import Path
import torch
from priming.runs.checkpoints import CheckpointDir, Checkpointer, State

class Part:
    def state(self):
        return State({"values": torch.zeros(10_000)})

keeper = Checkpointer(CheckpointDir(Path(sys.argv[1]), "k"), {"part": Part()})
keeper.after_step(1, torch.tensor([0.5]))
keeper.save()
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
keeper.after_step(2, torch.tensor([0.5]))
keeper.save()
print("went on", len(keeper.unsaved) > 0, flush=True)
"""


def test_training_goes_on_when_its_state_cannot_be_saved(tmp_path: Path) -> None:
    """The quota is a real one; the last state stays whole."""
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": source},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "went on True\n"), done.stderr
    assert "WARNING: the state after step 2 could not be saved; training goes on" in done.stderr
    assert f"{tmp_path}/step-2.safetensors: File too large (40,000 bytes are needed, " in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "step-1.safetensors"]
    assert json.loads((tmp_path / "state.json").read_text())["state"]["step"] == 1


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
