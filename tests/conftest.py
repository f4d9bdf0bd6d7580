"""What all tests share: parts that a machine may lack, and that PRIMING_REQUIRE says it must have."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.cluster.node import unlink_dead

pytest_plugins = ["tests.faults.counting", "tests.tiny_bart", "tests.tiny_plms", "tests.tiny_study"]

# Tests see no PRIMING_HUB but the one they set; workers of pytest-xdist start with what is left of the environment.
HUB = os.environ.pop("PRIMING_HUB", None) or os.environ.get("PRIMING_TESTS_HUB")
if HUB:
    os.environ["PRIMING_TESTS_HUB"] = HUB
REQUIRED = {part for part in os.environ.get("PRIMING_REQUIRE", "").split(",") if part}
LONGEST = ("workflow", "dvc")
"""Folders of tests that run whole studies."""
PARTS = ("data", "golden", "dvc", "make", "git", "s3", "slurm", "network", "gpu", "compiler", "mount", "peft")

# Workers of pytest-xdist share the cores: more threads would only wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Messages name programs as if they were on the PATH, however the tests were started.
os.environ["PRIMING_PROGRAMS"] = ""


def pytest_configure() -> None:
    """Heed SIGINT, which a shell turns off for what it runs in the background, and for all that starts from there.

    Clear what tests that were killed have left. Refuse a part that no test asks for: a typo would let its tests skip.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unlink_dead()
    if unknown := REQUIRED - set(PARTS):
        raise pytest.UsageError(f"PRIMING_REQUIRE names {', '.join(sorted(unknown))}; allowed: {', '.join(PARTS)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it."""
    items.sort(key=lambda item: LONGEST.index(folder) if (folder := item.path.parent.name) in LONGEST else len(LONGEST))


class Together(LoadFileScheduling):
    """Tests that share what they set up run in one worker: those of a file, and those of tests/dvc."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "tests/dvc" if file.startswith("tests/dvc/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Take this scheduler with `--dist loadfile`."""
    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


def skip_without(part: str, reason: str) -> NoReturn:
    """Skip the test for want of `part`, or fail it where PRIMING_REQUIRE names the part."""
    assert part in PARTS, f"{part!r} is not in PARTS of tests/conftest.py"
    if part in REQUIRED:
        pytest.fail(f"PRIMING_REQUIRE names {part!r}, but {reason}", pytrace=False)
    pytest.skip(f"{part}: {reason}")


@pytest.fixture(scope="session")
def missing() -> Callable[[str, str], NoReturn]:
    """`missing(part, reason)` ends a test that this machine lacks a part for."""
    return skip_without


@pytest.fixture
def program() -> Callable[[str], str]:
    """`program(name)` is the path of a program, in the environment or on the PATH, or ends the test."""

    def find(name: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return shutil.which(name, path=path) or skip_without(name, f"there is no program {name!r}")

    return find


@pytest.fixture(scope="session")
def hub_mirror() -> Path:
    """The folder that PRIMING_HUB names, with real data sets laid out as the hub has them."""
    if HUB is None or not Path(HUB).is_dir():
        skip_without("data", "PRIMING_HUB names no folder")
    return Path(HUB).resolve()


@pytest.fixture(scope="session")
def golden() -> Path:
    """The file that PRIMING_GOLDEN names: made-up rows for each CrossFit task, and digests of CrossFit's output."""
    named = os.environ.get("PRIMING_GOLDEN")
    if not named or not Path(named).is_file():
        skip_without("golden", "PRIMING_GOLDEN names no file")
    return Path(named).resolve()


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return Path(__file__).parents[1]
