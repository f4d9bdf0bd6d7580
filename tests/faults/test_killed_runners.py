"""A Snakemake that is killed leaves a lock: `priming run` clears it, and no other."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forked
from tests.tiny_study import Checkout

WAITS = """    from pathlib import Path as There
    import time
    There("begun").touch()
    while There("wait").exists():
        time.sleep(0.05)
"""
READS = "from snakemake.utils import min_version\n"
IN_TURN = """import os, time
turn = "two" if os.path.exists("one.here") else "one"
open(f"{turn}.here", "w").close()
while os.path.exists(turn):
    time.sleep(0.05)
"""
"""The first that reads the workflow waits for one file to go, the second for another."""
RUN = [sys.executable, "-m", "priming", "run", "config.yaml", "--", "--cores", "1", "tasks"]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "1", "tasks"]


class Folder:
    """A checkout in which preparing tasks waits as long as there is a file, and what was started there."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout, self.folder = checkout, checkout.folder
        self.started: list[subprocess.Popen[str]] = []
        (self.folder / "wait").touch()
        line = "    return write_task(load(task, tasks, base), tasks, part, out)\n"
        checkout.edit("src/priming/tasks/generated/prepare.py", line, WAITS + line)

    def start(self, command: list[str]) -> "subprocess.Popen[str]":
        seen = {**forked.environment(), "PYTHONPATH": str(self.folder / "src"), "PRIMING_FORKS_OF": "none"}
        process = subprocess.Popen(
            command, cwd=self.folder, env=seen, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def begun(self, command: list[str]) -> "subprocess.Popen[str]":
        """A process whose first job has begun."""
        (self.folder / "begun").unlink(missing_ok=True)
        process = self.start(command)
        until(self.folder / "begun", process)
        return process

    def finish(self, process: "subprocess.Popen[str]", status: int = 0) -> str:
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == status, printed
        return printed

    def left(self) -> list[str]:
        """Locks, runners and folders of attempts."""
        places = (".snakemake/locks", ".snakemake/runners", "work/tiny/locks", "work/tiny/running")
        return [file.name for place in places for file in (self.folder / place).glob("*")]


def until(file: Path, process: "subprocess.Popen[str]") -> None:
    """Wait for a file while a process runs."""
    deadline = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def folder(checkout: Checkout) -> Iterator[Folder]:
    folder = Folder(checkout)
    yield folder
    (folder.folder / "wait").unlink(missing_ok=True)
    for process in folder.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.mark.fault("lock of a killed Snakemake")
@pytest.mark.parametrize("command", [SNAKEMAKE, RUN], ids=["snakemake", "priming_run"])
def test_the_lock_of_a_dead_runner_is_cleared(folder: Folder, command: list[str]) -> None:
    first = folder.begun(command)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    (folder.folder / "wait").unlink()
    said = folder.finish(folder.start(SNAKEMAKE), 1)
    assert "LockException" in said
    assert re.search(r"locked by process \d+ on host .*, which is dead; to clear .*: priming run config\.yaml", said)
    assert "removed the lock of a Snakemake that is dead" in folder.finish(folder.start(RUN))
    assert "Nothing to be done" in folder.finish(folder.start(SNAKEMAKE))
    assert folder.left() == []


@pytest.mark.fault("second live Snakemake")
@pytest.mark.parametrize("command", [SNAKEMAKE, RUN], ids=["snakemake", "priming_run"])
def test_a_second_live_runner_is_refused(folder: Folder, command: list[str]) -> None:
    first = folder.begun(command)
    said = folder.finish(folder.start(RUN), 75)
    pid = re.search(r"study tiny: process (\d+) on host \S+, since", said)
    assert pid, said
    assert int(pid[1]) == first.pid
    (folder.folder / "wait").unlink()
    assert "LockException" not in folder.finish(first)
    assert folder.left() == []


@pytest.mark.fault("second live Snakemake")
def test_a_snakemake_whose_parent_was_killed_early_is_still_a_live_runner(folder: Folder) -> None:
    """It was reading the workflow, and had no lock, when the second one looked."""
    place = folder.folder
    folder.checkout.edit("workflow/Snakefile", READS, f"{IN_TURN}{READS}")
    for turn in ("one", "two"):
        (place / turn).touch()
    first = folder.start(RUN)
    until(place / "one.here", first)
    first.kill()
    second = folder.start(RUN)
    until(place / "two.here", second)
    (place / "one").unlink()
    until(place / "begun", second)
    (place / "two").unlink()
    said = folder.finish(second, 75)
    assert re.search(r"study tiny: process \d+ on host .* runs it in this folder; wait for it, or stop it first", said)
    (place / "wait").unlink()
    first.communicate()
    deadline = time.monotonic() + 120
    while folder.left() and time.monotonic() < deadline:  # its Snakemake is nobody's child now
        time.sleep(0.1)
    assert folder.left() == []


@pytest.mark.fault("lock of a killed Snakemake")
def test_a_lock_that_nobody_owns_is_left_alone(folder: Folder) -> None:
    first = folder.begun(SNAKEMAKE)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    for file in (folder.folder / ".snakemake/runners").glob("*"):
        file.unlink()
    assert "nothing says whose; if no Snakemake is at work here, type: snakemake --unlock" in folder.finish(
        folder.start(RUN), 75
    )
    (folder.folder / "wait").unlink()
    folder.checkout.snakemake("--unlock")
    folder.finish(folder.start(RUN))


@pytest.mark.fault("lock of a killed Snakemake")
def test_the_lock_of_another_study_is_left_alone(folder: Folder) -> None:
    text = (folder.folder / "config.yaml").read_text()
    (folder.folder / "other.yaml").write_text(text.replace("name: tiny", "name: other"))
    first = folder.begun(SNAKEMAKE)
    other = folder.begun([part.replace("config.yaml", "other.yaml") for part in RUN])
    os.killpg(other.pid, signal.SIGKILL)
    other.communicate()
    (folder.folder / "wait").unlink()
    folder.finish(first)
    assert folder.left() == [name for name in folder.left() if name.startswith("other")]
    folder.finish(folder.start([part.replace("config.yaml", "other.yaml") for part in RUN]))


def test_a_dry_run_is_no_runner(folder: Folder) -> None:
    first = folder.begun(SNAKEMAKE)
    runners = list((folder.folder / ".snakemake/runners").iterdir())
    assert len(runners) == 1  # its jobs are none
    folder.finish(folder.start([*SNAKEMAKE, "-n"]))
    assert list((folder.folder / ".snakemake/runners").iterdir()) == runners
    (folder.folder / "wait").unlink()
    folder.finish(first)


def test_a_term_signal_reaches_snakemake(folder: Folder) -> None:
    first = folder.begun(RUN)
    first.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert first.poll() is None  # Snakemake waits for its jobs
    (folder.folder / "wait").unlink()
    folder.finish(first, 1)
    assert folder.left() == []


def test_only_failed_cells_have_their_own_status(made: Checkout) -> None:
    failed = '{"failed": ["mini: none -> plm, task dinner_review: 1 of 4 runs"], "not_primed": [], "cells": 8}'
    (made.folder / "results/tiny/tables/status.json").write_text(failed)
    done = subprocess.run(
        [sys.executable, "-m", "priming", "run"], cwd=made.folder, capture_output=True, text=True, check=False,
        env={**forked.environment(), "PYTHONPATH": str(made.folder / "src"), "PRIMING_RUNLOG": str(made.runlog)},
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    assert made.executed() == {}


def test_it_is_run_where_the_workflow_is(tmp_path: Path, project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "priming", "run", str(project / "config.yaml")],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2, f"error: there is no Snakefile in {tmp_path}; type this in the folder of the project\n",
    )  # fmt: skip
