"""A tuning that was stopped goes on from its state, to the same bytes, bank by bank."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from priming.errors import StoppedError
from priming.runs import checkpoints
from priming.runs.checkpoints import CheckpointDir
from priming.runs.parameters import StackedParameters
from priming.study.tuning import Grid
from priming.training import sweep
from priming.training.bank import BankWatch
from priming.training.downstream import Group, tune

from .conftest import group, result, tuner

LONGER = {
    "steps": 6,
    "evaluate_every": 2,
    "batch_sizes": [4, 2],
    "dropout": 0.1,
    "learning_rates": Grid(adapter=[1e-2, 1e-3]),
}
FILES = ("predictions.jsonl", "adapter.safetensors")


def tuned(plm_folder: Path, tasks: Path, out: Path, place: CheckpointDir | None, *, keep: str = "best") -> Group:
    """Tune a task, in two banks of two samples at two rates, and return what was asked for."""
    one = tuner(plm_folder, "none -> adapter")
    one = replace(one, tuning=one.tuning.model_copy(update={**LONGER, "keep": keep}))
    asked = replace(group(tasks, None, out), place=place)
    tune(one, asked)
    return asked


def stopping_in(monkeypatch: pytest.MonkeyPatch, which: str, step: int) -> None:
    """Let the process send itself SIGTERM after a step of a bank."""
    noted = BankWatch.after_step

    def after_step(self: BankWatch, done: int, losses: Tensor) -> None:
        if done == step and which in self.name:
            os.kill(os.getpid(), signal.SIGTERM)
        noted(self, done, losses)

    monkeypatch.setattr(BankWatch, "after_step", after_step)


@pytest.mark.parametrize(("which", "step"), [("bank 1 of 2", 3), ("bank 2 of 2", 2)])
@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_stopped_tuning_goes_on_to_the_same_bytes(
    plm_folder: Path, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, step: int, keep: str
) -> None:
    monkeypatch.setattr(checkpoints, "SOONEST", 0.0)
    whole = tuned(plm_folder, tasks, tmp_path / "whole", None, keep=keep)
    place = CheckpointDir(tmp_path / "state", "a key")
    with monkeypatch.context() as patched:
        stopping_in(patched, which, step)
        with pytest.raises(StoppedError, match="the same command resumes from there"):
            tuned(plm_folder, tasks, tmp_path / "stopped", place, keep=keep)
    steps: list[str] = []
    trained = sweep.SideBySide.__call__

    def counted(self: sweep.SideBySide, parameters: StackedParameters, step: int) -> object:
        steps.append(f"{len(steps)}")
        return trained(self, parameters, step)

    monkeypatch.setattr(sweep.SideBySide, "__call__", counted)
    resumed = tuned(plm_folder, tasks, tmp_path / "resumed", place, keep=keep)
    assert len(steps) == 12 - (step + 1) - (6 if "2 of" in which else 0)
    for task, folder in whole.outs.items():
        for number in (1, 2):
            ours, theirs = folder / f"sample-{number}", resumed.outs[task] / f"sample-{number}"
            assert [file.name for file in sorted(theirs.iterdir())] == [file.name for file in sorted(ours.iterdir())]
            for file in ours.glob("*"):
                if file.name != "result.json":
                    assert (theirs / file.name).read_bytes() == file.read_bytes()
            assert [run["curve"] for run in result(theirs)["runs"]] == [run["curve"] for run in result(ours)["runs"]]
            assert result(theirs)["flops_executed"] == result(ours)["flops_executed"]
            assert (len(result(theirs)["resumed"]), result(ours)["resumed"]) == (1 if step else 0, [])


def test_a_state_of_other_runs_is_not_used(
    plm_folder: Path, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        stopping_in(patched, "bank 1 of 2", 3)
        with pytest.raises(StoppedError):
            tuned(plm_folder, tasks, tmp_path / "stopped", CheckpointDir(tmp_path / "state", "a key"))
    tuned(plm_folder, tasks, tmp_path / "other", CheckpointDir(tmp_path / "state", "another key"))
    assert "it belongs to another training; it is kept as" in capsys.readouterr().err


def test_a_run_that_failed_stays_failed(
    plm_folder: Path, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One rate makes its runs break at once; after the stop their reason is the one of then."""
    place = CheckpointDir(tmp_path / "state", "a key")
    monkeypatch.setitem(LONGER, "learning_rates", Grid(adapter=[1e30, 1e-3]))
    whole = tuned(plm_folder, tasks, tmp_path / "whole", None)
    with monkeypatch.context() as patched:
        stopping_in(patched, "bank 1 of 2", 4)
        with pytest.raises(StoppedError):
            tuned(plm_folder, tasks, tmp_path / "stopped", place)
    resumed = tuned(plm_folder, tasks, tmp_path / "resumed", place)
    for task, folder in whole.outs.items():
        ours, theirs = (result(one / "sample-1")["runs"] for one in (folder, resumed.outs[task]))
        assert [run["reason"] for run in theirs] == [run["reason"] for run in ours]
        assert any(run["reason"] and "not finite at step" in run["reason"] for run in ours)
