"""How programs are called from where the user types."""

import os
import sys
from pathlib import Path

import pytest

from priming.programs import FOLDER, keep_typed, typed


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an environment in .venv, as make leaves it, which is not on the PATH."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in ("python", "priming", "snakemake"):
        (tmp_path / ".venv/bin" / name).write_text("")
        (tmp_path / ".venv/bin" / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.delenv(FOLDER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_make_installed_is_called_by_its_path(environment: Path) -> None:
    assert typed("priming check my/study.yaml") == ".venv/bin/priming check my/study.yaml"


def test_in_another_folder_by_its_whole_path(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    assert typed("snakemake --unlock") == f"{environment}/.venv/bin/snakemake --unlock"


def test_on_the_path_by_its_name(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{environment}/.venv/bin")
    assert typed("priming check") == "priming check"


def test_a_process_that_changes_the_path_for_its_jobs_keeps_what_the_user_types(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, "")  # so that it is restored after the test
    monkeypatch.delenv(FOLDER)
    keep_typed()
    assert os.environ[FOLDER] == ".venv/bin/"
    monkeypatch.setenv("PATH", f"{environment}/.venv/bin")
    assert typed("priming check") == ".venv/bin/priming check"


def test_a_program_that_is_not_there_is_named_alone(environment: Path) -> None:
    assert typed("make demo") == "make demo"
