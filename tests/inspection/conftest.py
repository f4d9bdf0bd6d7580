"""The tiny study, run once for the tests of what is said of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import forked
from tests.tiny_study import Checkout

PROGRAM = """
import contextlib
from pathlib import Path
from priming.jobs.graph import graph
from priming.running import steps
from priming.study.paths import job_log
from priming.tasks.names import open_study
file = Path("config.yaml")
study = open_study(file)
for job in graph(study).jobs.values():
    log = Path(job_log(study, job.out))
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as printed, contextlib.redirect_stdout(printed):
        steps.run(job.step, file, job.out)
"""


@pytest.fixture(scope="session")
def finished_tiny(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("finished"), project)
    (checkout.folder / "whole.py").write_text(PROGRAM)
    done = forked.script(checkout.folder / "whole.py", folder=checkout.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout


@pytest.fixture
def inside(finished_tiny: Checkout, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the finished study, in which the test is; it changes nothing there."""
    monkeypatch.chdir(finished_tiny.folder)
    return finished_tiny.folder


@pytest.fixture
def copied(finished_tiny: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished study, in which the test is."""
    folder = tmp_path / "copy"
    shutil.copytree(finished_tiny.folder, folder, ignore=shutil.ignore_patterns("src", "workflow", "envs"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def table_rows() -> Callable[[str, str], list[list[str]]]:
    """`table_rows(text, head)` gives the words of the lines below the line that begins with `head`."""

    def rows(text: str, head: str) -> list[list[str]]:
        lines = text.splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith(head)) + 1
        end = next((number for number in range(start, len(lines)) if not lines[number]), len(lines))
        return [line.split() for line in lines[start:end]]

    return rows
