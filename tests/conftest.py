"""What all tests share: parts that a machine may lack, and that PRIMING_REQUIRE says it must have."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

pytest_plugins = ["tests.tiny_bart", "tests.tiny_plms"]

# Tests see no PRIMING_HUB but the one they set; workers of pytest-xdist start with what is left of the environment.
HUB = os.environ.pop("PRIMING_HUB", None) or os.environ.get("PRIMING_TESTS_HUB")
if HUB:
    os.environ["PRIMING_TESTS_HUB"] = HUB
REQUIRED = {part for part in os.environ.get("PRIMING_REQUIRE", "").split(",") if part}
PARTS = ("data", "golden", "dvc", "make", "git", "s3", "slurm", "network", "gpu")

# Workers of pytest-xdist share the cores: more threads would only wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"


def pytest_configure() -> None:
    """Refuse a part that no test asks for: a typo would let its tests skip."""
    if unknown := REQUIRED - set(PARTS):
        raise pytest.UsageError(f"PRIMING_REQUIRE names {', '.join(sorted(unknown))}; allowed: {', '.join(PARTS)}")


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
    """The file that PRIMING_GOLDEN names: rows made up for each of CrossFit's tasks, and the digests of what CrossFit makes of them."""
    named = os.environ.get("PRIMING_GOLDEN")
    if not named or not Path(named).is_file():
        skip_without("golden", "PRIMING_GOLDEN names no file")
    return Path(named).resolve()


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return Path(__file__).parents[1]
