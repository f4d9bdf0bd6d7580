"""What a machine offers."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from priming.cli.printing import plain
from priming.inspection.doctor import examined


def findings() -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in examined().data["findings"]}


def test_versions_are_those_installed(inside: Path) -> None:
    found = findings()
    for name in ("torch", "transformers", "snakemake", "dvc"):
        assert (found[name]["state"], found[name]["found"]) == ("ok", version(name))


def test_what_is_missing_says_for_what_and_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("PRIMING_HUB", str(tmp_path / "nowhere"))
    found = findings()
    for name in ("git", "make", "SLURM", "C++ compiler", "hub mirror"):
        assert found[name]["state"] == "missing", name
        assert found[name]["needed_for"]
        assert found[name]["get"]
    said = plain(examined())
    assert "Missing, or to look at" in said
    assert "no-such-compiler" not in said.splitlines()[0]


def test_a_program_that_is_there_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: Path) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!{sys.executable}\nprint('git version 9.9')\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert findings()["git"]["found"] == "git version 9.9"


def test_a_site_that_is_wrong_is_to_be_looked_at(copied: Path) -> None:
    (copied / "slurm/site.yaml").write_text("acount: mine\n")
    found = findings()["slurm/site.yaml"]
    assert found["state"] == "look"
    assert "acount" in found["found"]
