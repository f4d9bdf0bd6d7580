"""Notes on attempts, left by real processes that end in every way there is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from priming.running.killed_attempts import STOPPED, folder, killed, track_attempt
from priming.running.owners import Owner

OUT = "results/some/primed/mini/mtl-plm/seed-1"

PROGRAM = """
import signal, sys, time
from priming.running.killed_attempts import track_attempt
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell turns off for what it runs in the background
with track_attempt("some", "results/some/primed/mini/mtl-plm/seed-1"):
    print("started", flush=True)
    if sys.argv[1] == "fail":
        raise ValueError("broken")
    if sys.argv[1] == "wait":
        time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def attempt(does: str, number: signal.Signals | None = None) -> int:
    """The exit status of an attempt that does this, and is sent a signal once it has started."""
    source = str(Path(__file__).parents[2] / "src")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, does],
        env={**os.environ, "PYTHONPATH": source},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        if number:
            process.send_signal(number)
        return process.wait(timeout=20)


def test_only_kills_without_warning_count() -> None:
    assert attempt("wait", signal.SIGTERM) == STOPPED == 143
    assert attempt("wait", signal.SIGINT) != 0
    assert attempt("fail") == 1
    assert killed("some", OUT) == 0
    for count in (1, 2):
        assert attempt("wait", signal.SIGKILL) == -signal.SIGKILL
        assert killed("some", OUT) == count
    assert attempt("fail") == 1
    assert killed("some", OUT) == 2
    assert killed("some", OUT.replace("seed-1", "seed-2")) == 0


def test_a_job_that_is_done_starts_to_count_anew() -> None:
    attempt("wait", signal.SIGKILL)
    assert attempt("end") == 0
    assert killed("some", OUT) == 0
    assert not folder("some", OUT).exists()


def test_an_attempt_that_is_at_work_does_not_count() -> None:
    with track_attempt("some", OUT):
        assert len(list(folder("some", OUT).glob("*.started"))) == 1
        assert killed("some", OUT) == 0


@pytest.mark.parametrize(("state", "counts"), [("RUNNING", 0), ("", 1), ("CANCELLED", 1)])
def test_an_attempt_on_another_machine_counts_once_slurm_has_its_job_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, counts: int
) -> None:
    (tmp_path / "squeue").write_text(f"#!/bin/sh\necho {state}\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with track_attempt("some", OUT):
        (note,) = folder("some", OUT).glob("*.started")
        note.write_text(Owner("elsewhere", "then", 1, "1", "17").written())
        assert killed("some", OUT) == counts


def test_a_handler_that_is_there_is_left_alone() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        with track_attempt("some", OUT):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]


def test_what_was_set_before_is_put_back() -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with track_attempt("some", OUT):
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
