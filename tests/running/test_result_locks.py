"""Locks on results, taken by real processes that end in every way, on machines that are called differently."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from priming.errors import BusyError, UserError
from priming.running import owners, result_locks
from priming.running.result_locks import Locks, patience

SOURCE = str(Path(__file__).parents[2] / "src")
HOLDS = """
import socket, sys, time
from priming.running import owners
from priming.running.result_locks import Locks
owners.INTERVAL = 0.1
if sys.argv[1]:
    socket.gethostname = lambda: sys.argv[1]
locks = Locks("some")
with locks.working(), locks.held({"primed~seed-1": "results/some/primed/seed-1"}, 60.0):
    print("held", flush=True)
    sys.stdin.readline()
    print("lost" if locks.lost() else "kept", flush=True)
"""
ADDS = """
import sys
from pathlib import Path
from priming.running.result_locks import Locks, PAUSES
for _ in range(int(sys.argv[1])):
    locks = Locks("some")
    with locks.working(), locks.held({"a": "results/a", "b.1": "results/b.1"}, 60.0):
        file = Path("number")
        number = int(file.read_text())
        file.write_text("")
        file.write_text(str(number + 1))
"""


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(owners, "INTERVAL", 0.1)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


def start(program: str, *arguments: str, **seen: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": SOURCE, **seen},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def holder(host: str = "", **seen: str) -> "subprocess.Popen[str]":
    """A process that holds the lock until it is told to let go."""
    process = start(HOLDS, host, **seen)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def held_elsewhere() -> Iterator["subprocess.Popen[str]"]:
    process = holder("other")
    yield process
    process.kill()
    process.communicate()


def take(seconds: float) -> float:
    """Take the lock and let it go; the seconds that it took."""
    begun, locks = time.monotonic(), Locks("some")
    with locks.working(), locks.held({"primed~seed-1": "results/some/primed/seed-1"}, seconds):
        assert locks.lost() is None
        took = time.monotonic() - begun
    assert sorted(Path("work/some").rglob("*")) == [Path("work/some/locks"), Path("work/some/running")]
    return took


@pytest.mark.parametrize("host", ["", "other"])
def test_a_live_owner_is_waited_for_and_named(host: str) -> None:
    process = holder(host)
    name = host or owners.this_process().host
    with pytest.raises(
        BusyError, match=rf"primed/seed-1: process {process.pid} on host {name}, since .* has been wait"
    ):
        take(3.0 if host else 0.3)  # longer than the silence of a dead one
    assert BusyError.exit_code == 75
    assert process.communicate("go\n")[0] == "kept\n"
    take(1.0)


def test_a_waiting_process_goes_on_when_the_first_ends() -> None:
    process = holder()
    waiting = start(HOLDS, "")
    time.sleep(0.5)
    process.communicate("go\n")
    assert waiting.communicate("go\n", timeout=30)[0] == "held\nkept\n"


def test_a_dead_owner_on_the_same_machine_is_known_at_once() -> None:
    process = holder()
    process.kill()  # a zombie until it is waited for
    time.sleep(0.1)
    assert take(5.0) < 1.0
    process.communicate()


def test_another_process_with_the_same_number_is_not_the_owner() -> None:
    process = holder()
    lock = Path("work/some/locks/primed~seed-1.1")
    process.kill()
    process.communicate()
    owner = json.loads(lock.read_text())
    lock.write_text(json.dumps(owner | {"pid": os.getpid()}))
    assert take(5.0) < 1.0


def test_a_dead_owner_on_another_machine_is_known_by_its_silence(held_elsewhere: "subprocess.Popen[str]") -> None:
    held_elsewhere.kill()
    assert 0.5 < take(20.0) < 5.0


def test_an_owner_that_was_silent_for_too_long_learns_that_it_has_lost() -> None:
    process = holder("other")
    process.send_signal(signal.SIGSTOP)
    taker = holder()
    process.send_signal(signal.SIGCONT)
    assert process.communicate("go\n")[0] == "lost\n"
    assert taker.communicate("go\n")[0] == "kept\n"
    take(1.0)


@pytest.mark.parametrize(
    ("squeue", "free"),
    [
        ("echo RUNNING", False),
        ("exit 0", True),
        ("echo PENDING", True),
        ("echo slurm_load_jobs error: Invalid job id specified >&2; exit 1", True),
        ("echo slurm_load_jobs error: Unable to contact slurm controller >&2; exit 1", False),
    ],
)
def test_a_silent_job_of_slurm_is_dead_when_slurm_does_not_have_it(
    squeue: str, free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/squeue").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{squeue}\n')
    (tmp_path / "bin/squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=os.pathsep)
    process = holder("other", SLURM_JOB_ID="1234")
    process.kill()
    process.communicate()
    if free:
        take(20.0)
    else:
        with pytest.raises(BusyError, match=r"on host other \(SLURM job 1234\)"):
            take(3.0)
    assert "--jobs 1234" in Path("asked").read_text()


def test_a_job_that_slurm_starts_again_takes_over_from_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    process = holder("other", SLURM_JOB_ID="1234")
    process.kill()
    process.communicate()
    monkeypatch.setenv("SLURM_JOB_ID", "1234")
    take(20.0)


def test_only_one_holds_a_lock_at_a_time() -> None:
    Path("number").write_text("0")
    several = [start(ADDS, "25") for _ in range(4)]
    assert [process.wait(timeout=120) for process in several] == [0] * 4
    for process in several:
        process.communicate()
    assert Path("number").read_text() == "100"


def test_what_dead_processes_left_is_removed_and_what_live_ones_have_is_not(
    held_elsewhere: "subprocess.Popen[str]",
) -> None:
    process = start(HOLDS.replace("primed~seed-1", "primed~seed-2"), "")
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.communicate()
    assert len([*Path("work/some/running").iterdir()]) == 2
    locks = Locks("some")
    with locks.working():
        assert len([*Path("work/some/running").iterdir()]) == 2
        assert locks.work.is_dir()


@pytest.mark.parametrize("written", ["", '{"host": "'])
def test_a_process_that_died_while_it_described_itself_is_dead_at_once(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "INTERVAL", 10.0)
    gone = owners.Owner(**{**vars(owners.this_process()), "pid": 4_000_000, "start": "1"})
    folder = Path("work/some/running", f"{gone.key}-0a1b2c3d")
    folder.mkdir(parents=True)
    (folder / "owner").write_text(written)
    with Locks("some").working():
        assert not folder.exists()


def test_how_long_to_wait_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert patience(60.0) == 60.0
    monkeypatch.setenv(result_locks.PATIENCE, "0.5")
    assert patience(60.0) == 0.5
    monkeypatch.setenv(result_locks.PATIENCE, "long")
    with pytest.raises(UserError, match="PRIMING_WAIT is 'long', but must be a number of seconds, such as 600"):
        patience(60.0)
