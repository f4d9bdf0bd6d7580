"""Jobs in forks of a process that has imported what they need end, print and die as in processes of their own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.running import forks, steps
from priming.running.machine import ALLOCATED
from tests.tiny_study import TINY

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(forks.owner() == "none", reason="jobs are not forked on this system")

TELLS = """
import os

from priming.elements.interface import Element


class Own(Element):
    name, noun, rates, colour = "own", "nothing", (1.0,), "grey"


ELEMENT = Own()
with open("told", "a") as file:
    file.write(f"{os.getpid()} {os.getppid()} {os.environ.get('COLOUR')}\\n")
"""
SLEEPS = f"{TELLS}\nimport time\ntime.sleep(600)\n"


class Owner:
    """Stands for the Snakemake whose jobs share a server."""

    def __init__(self, folder: Path, package: Path) -> None:
        self.folder, self.package = folder, package
        self.sockets = Path(tempfile.mkdtemp(prefix="forks-"))  # the path of a socket must be short
        self.process = subprocess.Popen(["sleep", "600"])
        study = yaml.safe_load(TINY.read_text())
        (folder / "config.yaml").write_text(yaml.safe_dump({**study, "extensions": ["own.py"]}))
        self.does(TELLS)

    def does(self, text: str) -> None:
        """Have jobs run this when they read the study."""
        (self.folder / "own.py").write_text(text)

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        given = arguments or ("prepare", "--study", "config.yaml", "--out", "nothing")
        told = {
            forks.OWNER: forks.name_of(self.process.pid),
            "TMPDIR": str(self.sockets),
            "OMP_NUM_THREADS": "1",
            **environment,
        }
        kept = {name: value for name, value in os.environ.items() if name not in ALLOCATED}
        return subprocess.Popen(
            [sys.executable, "-m", "priming", *given],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(self.package), **told, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Status and what was printed."""
        process = self.start(*arguments, **environment)
        printed = process.communicate(timeout=120)[0]
        return process.returncode, printed

    def told(self) -> list[list[str]]:
        """Of each job so far: its process, its parent, and the environment's colour."""
        with suppress(FileNotFoundError):
            return [line.split() for line in (self.folder / "told").read_text().splitlines()]
        return []

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def clean(self) -> None:
        """End, with the servers."""
        self.end()
        until(lambda: not any(is_server(parent) for parent in parents(self)))
        shutil.rmtree(self.sockets)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    found = Owner(tmp_path, ROOT / "src")
    yield found
    found.clean()


def until(true: Callable[[], Any]) -> None:
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it does not happen")


def is_server(pid: int) -> bool:
    try:
        return b"priming.cli.fork_server" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def parents(owner: Owner) -> list[int]:
    return [int(parent) for _, parent, _ in owner.told()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_jobs_are_forked_from_one_server_and_print_and_end_as_by_themselves(owner: Owner) -> None:
    forked = [owner.run(), owner.run()]
    first, second = parents(owner)
    assert first == second
    assert is_server(first)
    alone = owner.run(**{forks.OWNER: "none"})
    assert not is_server(parents(owner)[-1])
    assert forked == [alone, alone]
    assert alone[0] == 2
    assert "no prepare makes nothing" in alone[1]


def test_a_job_makes_what_it_makes_alone(owner: Owner) -> None:
    out = "results/tiny/tasks/chunks/00"
    status, printed = owner.run("prepare", "--study", "config.yaml", "--out", out)
    assert status == 0
    assert printed.startswith("took ")
    assert (owner.folder / out / "recipe.json").is_file()
    made = {path: path.read_bytes() for path in sorted((owner.folder / "results").rglob("*")) if path.is_file()}
    assert is_server(parents(owner)[0])
    for path in made:
        path.unlink()
    owner.run("prepare", "--study", "config.yaml", "--out", out, **{forks.OWNER: "none"})
    assert made == {path: path.read_bytes() for path in made}
    assert len(made) > 10


def test_another_environment_is_another_server(owner: Owner) -> None:
    for colour in ("red", "blue", "red"):
        owner.run(COLOUR=colour)
    assert [colour for _, _, colour in owner.told()] == ["red", "blue", "red"]
    red, blue, again = parents(owner)
    assert red == again != blue


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_job(owner: Owner, number: signal.Signals) -> None:
    owner.does(SLEEPS)
    ends = []
    for environment in ({}, {forks.OWNER: "none"}):
        before = len(owner.told())
        process = owner.start(**environment)
        until(lambda before=before: len(owner.told()) > before)
        process.send_signal(number)
        printed = process.communicate(timeout=60)[0]
        assert not alive(int(owner.told()[-1][0]))
        ends.append((process.returncode, printed.splitlines()[-1:]))
    assert is_server(parents(owner)[0])
    assert ends[0] == ends[1]


def test_a_job_dies_with_the_process_that_snakemake_started(owner: Owner) -> None:
    owner.does(SLEEPS)
    process = owner.start()
    until(owner.told)
    process.kill()
    process.communicate()
    until(lambda: not alive(int(owner.told()[0][0])))


def test_a_job_that_is_killed_is_killed_there_too(owner: Owner) -> None:
    owner.does(SLEEPS)
    process = owner.start()
    until(owner.told)
    os.kill(int(owner.told()[0][0]), signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_a_server_that_dies_is_no_loss(owner: Owner) -> None:
    owner.run()
    assert is_server(parents(owner)[0])
    os.kill(parents(owner)[0], signal.SIGKILL)
    until(lambda: not alive(parents(owner)[0]))
    assert owner.run()[0] == 2
    assert is_server(parents(owner)[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_dies_under_a_job_leaves_it_to_a_process_of_its_own(owner: Owner, number: signal.Signals) -> None:
    """The fork's end is then not known, so the job is looked at again; and signals are obeyed."""
    owner.does(SLEEPS)
    process = owner.start()
    until(owner.told)
    os.kill(parents(owner)[0], signal.SIGKILL)
    os.kill(int(owner.told()[0][0]), signal.SIGKILL)
    until(lambda: len(owner.told()) == 2)
    assert int(owner.told()[1][0]) == process.pid
    process.send_signal(number)
    printed = process.communicate(timeout=60)[0]
    alone = owner.start(**{forks.OWNER: "none"})
    until(lambda: len(owner.told()) == 3)
    alone.send_signal(number)
    assert printed.splitlines()[-1:] == alone.communicate(timeout=60)[0].splitlines()[-1:]
    assert process.returncode == alone.returncode != 0


def test_every_step_is_imported_for() -> None:
    assert forks.IMPORTS.keys() == steps.STEPS.keys()


def test_the_server_ends_with_its_owner_and_leaves_nothing(owner: Owner) -> None:
    owner.run()
    server = parents(owner)[0]
    [place] = owner.sockets.iterdir()
    assert len([*place.iterdir()]) == 2
    assert place.stat().st_mode & 0o777 == 0o700
    owner.end()
    until(lambda: not alive(server))
    assert not [*place.iterdir()]
    assert owner.run()[0] == 2  # such as a job that outlives its Snakemake
    assert not is_server(parents(owner)[-1])


def test_changed_code_is_what_the_next_job_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    owner = Owner(tmp_path, tmp_path / "src")
    try:
        assert "no prepare makes nothing" in owner.run()[1]
        steps = tmp_path / "src/priming/running/steps.py"
        steps.write_text(steps.read_text().replace(": no {step} makes {out}", ": never makes {out}"))
        assert "never makes nothing" in owner.run()[1]
        assert "never makes nothing" in owner.run()[1]
        old, alone, new = parents(owner)
        assert [is_server(pid) for pid in (alone, new)] == [False, True]
        until(lambda: not alive(old))
    finally:
        owner.clean()


ELSEWHERE = [{"SLURM_JOB_ID": "3"}, {"OMP_NUM_THREADS": "2"}, {forks.OWNER: "1:1"}, {forks.OWNER: "x"}]


@pytest.mark.parametrize("environment", ELSEWHERE)
def test_elsewhere_a_job_has_a_process_of_its_own(owner: Owner, environment: dict[str, str]) -> None:
    assert owner.run(**environment)[0] == 2
    assert not is_server(parents(owner)[0])


def test_a_folder_that_others_can_enter_is_not_used(owner: Owner) -> None:
    (owner.sockets / f"priming-forks-{os.getuid()}").mkdir(mode=0o755)
    assert owner.run()[0] == 2
    assert not is_server(parents(owner)[0])


def test_other_commands_are_not_forked(owner: Owner) -> None:
    assert owner.run("--help")[0] == 0
    assert not [*owner.sockets.iterdir()]
