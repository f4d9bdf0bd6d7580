"""The set-up: which Python it takes, what it says without one, and that it installs once."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def make(project: Path, tmp_path: Path, program: Callable[[str], str]) -> Make:
    """`make(...)` runs make in a folder that holds what the set-up reads, and no environment."""
    path = program("make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(project / name, tmp_path)

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        outer = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        return subprocess.run(
            [path, *arguments], cwd=tmp_path, env={**outer, **variables}, capture_output=True, text=True, check=False
        )

    return run


def python(folder: Path, name: str, version: str, status: int) -> None:
    """A stand-in for a Python: it tells its version, and whether it is recent enough."""
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo Python {version} && exit 0\nexit {status}\n')
    script.chmod(0o755)


def test_a_python_too_old_is_a_clear_line(make: Make, tmp_path: Path) -> None:
    python(tmp_path / "bin", "python3", "3.9.18", 1)
    done = make("demo", PATH=str(tmp_path / "bin"))
    assert done.returncode == 2
    line = done.stderr.splitlines()[0]
    assert line.startswith(
        "error: this project needs Python 3.11 or later with the modules venv and ensurepip; "
        "here python3 is Python 3.9.18."
    )
    assert line.endswith("or give one: make PYTHON=/path/to/python3 demo")
    assert not (tmp_path / ".venv").exists()


def test_a_named_python_too_old_is_refused_as_well(make: Make, tmp_path: Path) -> None:
    python(tmp_path / "bin", "old", "3.10.13", 1)
    done = make("test", f"PYTHON={tmp_path}/bin/old")
    assert done.returncode == 2
    assert f"here {tmp_path}/bin/old is Python 3.10.13" in done.stderr


def test_a_newer_python_than_python3_is_found(make: Make, tmp_path: Path) -> None:
    python(tmp_path / "bin", "python3", "3.9.18", 1)
    python(tmp_path / "bin", "python3.12", "3.12.1", 0)
    planned = make("-n", "environment", PATH=str(tmp_path / "bin"))
    assert planned.returncode == 0, planned.stderr
    assert '"python3.12" -m venv .venv' in planned.stdout


def test_what_is_installed_is_installed_once(make: Make, tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed").touch()
    named = f"PYTHON={sys.executable}"
    assert make("-q", "environment", named).returncode == 0
    later = (tmp_path / ".venv" / "installed").stat().st_mtime + 10
    os.utime(tmp_path / "constraints.txt", (later, later))
    assert make("-q", "environment", named).returncode == 1
    assert "--constraint constraints.txt --editable '.'" in make("-n", "environment", named).stdout


def test_tests_and_checks_get_what_they_need_beside(make: Make) -> None:
    named = f"PYTHON={sys.executable}"
    assert "--editable '.[dev" not in make("-n", "demo", named).stdout
    for target in ("test", "test-slow", "lint"):
        assert "--editable '.[dev,slurm]'" in make("-n", target, named).stdout


def test_the_site_is_built_from_its_own_packages_and_warnings_are_errors(make: Make) -> None:
    planned = make("-n", "docs", f"PYTHON={sys.executable}").stdout
    assert "--constraint constraints.txt --editable '.[docs]'" in planned
    assert re.search(r"-m sphinx .*-W .*-b html docs build/docs", planned)
    assert "-b linkcheck docs build/linkcheck" in make("-n", "linkcheck", f"PYTHON={sys.executable}").stdout


def test_another_index_for_torch_is_passed_on(make: Make) -> None:
    planned = make("-n", "environment", f"PYTHON={sys.executable}", "TORCH_INDEX=file:///wheels").stdout
    assert '--extra-index-url "file:///wheels"' in planned
    assert "index" not in make("-n", "environment", f"PYTHON={sys.executable}").stdout


def test_a_repository_of_a_study_is_made_with_the_remote_named(make: Make) -> None:
    planned = make("-n", "remote", f"PYTHON={sys.executable}", "REMOTE=../store", "STUDY=studies/tweets.yaml").stdout
    assert '.venv/bin/priming share --remote "../store" "studies/tweets.yaml"' in planned


def test_benchmarks_are_run_one_after_the_other(make: Make, project: Path) -> None:
    """Each once, and all that are there, but for those that are run alone and the modules that these import."""
    planned = make("-n", "bench", f"PYTHON={sys.executable}").stdout
    run = re.findall(r"benchmarks/(\w+)\.py [^;]*--json \"\$folder/(\w+)\.json\"", planned)
    scripts = {file.stem for file in (project / "benchmarks").glob("*.py") if "typer.Typer(" in file.read_text()}
    assert {script for script, _ in run} == scripts - {"demo", "gpu"}
    assert all(script == file for script, file in run)
    assert len(run) == len(scripts) - 2
