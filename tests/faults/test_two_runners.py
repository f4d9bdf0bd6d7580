"""One job run twice: by two processes, and by two Snakemakes of which one was killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import forked
from tests.tiny_study import Checkout

from .counting import FULL, Inject

PAIRS = 31 if FULL else 4
ORPHAN = "orphan of a killed Snakemake"
PRIMED = "results/tiny/primed/mini/mtl-plm+adapter"
FIRST, SECOND = f"{PRIMED}/seed-1", f"{PRIMED}/seed-2"
STEP = "    _prime([job], [out], share)\n"
# A priming says that it has begun, and waits for a file; that of the second seed waits for the result of the first.
BEGIN = """    import os, time
    from pathlib import Path as There
    There(f"begun-{job.seed}").write_text(str(os.getpid()))
    if job.seed == 2:
        There("go").touch()
    while not There("go" if job.seed == 1 else "results/tiny/primed/mini/mtl-plm+adapter/seed-1/recipe.json").exists():
        time.sleep(0.05)
"""


def wait(holds: Callable[[], object], what: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Runners:
    """A checkout whose primings wait, and the Snakemakes that were started there."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout, self.folder = checkout, checkout.folder
        self.started: list[subprocess.Popen[bytes]] = []
        checkout.edit("config.yaml", "  - maml[plm+prompt | prompt x1] -> prompt\n", "")
        checkout.edit(
            "src/priming/training/upstream.py",
            "    if failure := plm_failure(jobs[0].plm_folder):\n",
            BEGIN.replace("job.", "jobs[0].") + "    if failure := plm_failure(jobs[0].plm_folder):\n",
        )
        checkout.snakemake("tasks", "plm")

    def start(self, *arguments: str, **seen: str) -> "subprocess.Popen[bytes]":
        """Start Snakemake as a user does, each job in a process of its own."""
        environment = {**forked.environment(), "PRIMING_RUNLOG": str(self.checkout.runlog), "PRIMING_FORKS_OF": "none"}
        number = len(self.started)
        with (self.folder / f"printed-{number}").open("wb") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--cores", "1", *arguments],
                cwd=self.folder, env=environment | seen, stdout=printed, stderr=printed, start_new_session=True,
            )  # fmt: skip
        self.started.append(process)
        return process

    def finish(self, number: int, status: int = 0) -> str:
        found = self.started[number].wait(timeout=180)
        printed = (self.folder / f"printed-{number}").read_text()
        assert found == status, printed
        return printed

    def orphan(self) -> None:
        """A Snakemake is killed while its job, the priming of the first seed, goes on."""
        process = self.start(FIRST)
        wait((self.folder / "begun-1").exists, "the first priming begins")
        process.kill()
        process.wait()
        self.checkout.snakemake("--unlock")

    def waits(self) -> int:
        """The process of the second Snakemake's job, once it waits for the first."""
        log = self.folder / "logs/tiny/primed/mini/mtl-plm+adapter/seed-1.log"
        wait(lambda: log.exists() and "waiting for process" in log.read_text(), "the second waits")
        owners = {json.loads(file.read_text())["pid"] for file in (self.folder / "work/tiny/running").glob("*/owner")}
        (pid,) = owners - {int((self.folder / "begun-1").read_text())}
        return int(pid)

    def is_done(self) -> None:
        """Nothing is left to do, and nothing lies about."""
        assert "Nothing to be done" in self.checkout.snakemake(FIRST)
        left = [path.relative_to(self.folder).as_posix() for path in (self.folder / "work/tiny").glob("*/*")]
        assert [path for path in left if not path.startswith("work/tiny/attempts")] == []


@pytest.fixture
def runners(checkout: Checkout) -> Iterator[Runners]:
    runners = Runners(checkout)
    runners.checkout.executed()
    yield runners
    (runners.folder / "go").touch()
    for process in runners.started:
        process.kill()
        process.wait()


def test_one_job_run_twice_is_made_once(tmp_path: Path, checkout: Checkout, injected: Inject) -> None:
    done = forked.script(
        Path(__file__).with_name("pairs.py"), str(PAIRS), folder=tmp_path,
        seen={**forked.environment(), "PRIMING_RUNLOG": str(checkout.runlog)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found["pairs"]) == PAIRS
    injected({"one job run twice": [pair == {"status": [0, 0], "whole": True} for pair in found["pairs"]]})
    assert checkout.executed()["tune"] == PAIRS * found["results"]


@pytest.mark.fault(ORPHAN)
def test_the_second_snakemake_waits_for_the_orphan_of_the_first(runners: Runners) -> None:
    runners.orphan()
    runners.start(FIRST)
    runners.waits()
    (runners.folder / "go").touch()
    runners.finish(1)
    assert runners.checkout.executed() == Counter(prime=1)
    runners.is_done()


@pytest.mark.fault(ORPHAN)
def test_a_result_that_an_orphan_finished_in_the_meantime_is_not_deleted_before_a_start(runners: Runners) -> None:
    runners.orphan()
    runners.start("--prioritize", SECOND, "--", FIRST, SECOND)
    runners.finish(1)
    assert runners.checkout.executed() == Counter(prime=2)
    runners.is_done()


@pytest.mark.fault(ORPHAN)
def test_a_job_that_fails_does_not_take_the_result_of_the_other_with_it(runners: Runners) -> None:
    runners.orphan()
    runners.start(FIRST)
    second = runners.waits()
    os.kill(second, signal.SIGSTOP)
    (runners.folder / "go").touch()
    wait((runners.folder / FIRST / "recipe.json").exists, "the orphan's result")
    os.kill(second, signal.SIGKILL)
    runners.finish(1, status=1)
    assert (runners.folder / FIRST / "plm.safetensors").is_file()
    runners.start(FIRST)
    runners.finish(2)
    assert runners.checkout.executed() == Counter(prime=1)
    runners.is_done()


@pytest.mark.fault(ORPHAN)
def test_where_waiting_runs_out_the_job_says_who_is_at_work(runners: Runners) -> None:
    runners.orphan()
    runners.start(FIRST, PRIMING_WAIT="2")
    printed = runners.finish(1, status=1)
    pid = (runners.folder / "begun-1").read_text()
    assert re.search(
        rf"error: {re.escape(FIRST)}: process {pid} on host .*, has been waited for 2 s; type", printed
    ) or (
        f"error: {FIRST}: process {pid} on host" in printed and "waited for 2 s; type the same command again" in printed
    )
    assert "exit status 75" in printed or "code 75" in printed or "exit code 75" in printed
    (runners.folder / "go").touch()
    wait((runners.folder / FIRST / "recipe.json").exists, "the orphan's result")
    runners.start(FIRST)
    runners.finish(2)
    assert runners.checkout.executed() == Counter(prime=1)
