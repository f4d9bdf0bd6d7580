"""Making a clone the repository of a study; what dvc.lock has is fetched, or refused, but not made anew."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from priming.dvc.remote import fetch, share
from priming.errors import DataError
from tests.tiny_study import TINY


@pytest.fixture
def here(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, program: Callable[[str], str]) -> Path:
    """A git repository with the tiny study, in which the test runs."""
    subprocess.run([program("git"), "init", "--quiet", str(tmp_path)], check=True)
    program("dvc")
    shutil.copy(TINY, tmp_path / "config.yaml")
    shutil.copy(project / ".gitignore", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ignored(path: str) -> bool:
    return subprocess.run(["git", "check-ignore", "--quiet", path], check=False).returncode == 0


def test_git_gets_tables_and_dvc_the_rest(here: Path) -> None:
    said = share(Path("config.yaml"), "store")
    assert said.startswith(
        f"{here}/store is now the remote of this repository; type next:  snakemake --cores all && dvc repro && "
    )
    config = (here / ".dvc/config").read_text()
    assert f"url = {here}/store" in config
    assert "verify = true" in config
    assert "cache: false" in (here / "dvc.yaml").read_text()
    for path in ("tables/scores.csv", "tables/metrics/mini/none--plm.json", "settings/tasks.yaml"):
        assert not ignored(f"results/tiny/{path}")
    for path in ("plm/mini/model.safetensors", "figures/tasks/tasks.svg", "tables/.snakemake_timestamp"):
        assert ignored(f"results/tiny/{path}")
    share(Path("config.yaml"), "s3://bucket/path")
    assert "url = s3://bucket/path" in (here / ".dvc/config").read_text()
    assert (here / ".gitignore").read_text().count("!results/\n") == 1


def test_there_must_be_a_git_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(TINY, tmp_path / "config.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="is not a git repository; type: git init"):
        share(Path("config.yaml"), "store")


def test_what_is_here_or_was_never_recorded_is_not_fetched(here: Path) -> None:
    assert not fetch("primed@mini/mtl-plm", Path("results/tiny/primed/mini/mtl-plm"))
    (here / "dvc.lock").write_text("stages:\n  primed@mini/mtl-plm:\n    outs: []\n")
    (here / "results/tiny/primed/mini/mtl-plm").mkdir(parents=True)
    (here / "results/tiny/primed/mini/mtl-plm/result.json").touch()
    assert not fetch("primed@mini/mtl-plm", Path("results/tiny/primed/mini/mtl-plm"))
    assert not fetch("primed@mini/mtl", Path("results/tiny/primed/mini/mtl"))


def test_what_was_recorded_and_is_nowhere_is_refused(here: Path) -> None:
    share(Path("config.yaml"), "store")
    (here / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  plm@mini:\n    cmd: x\n    outs:\n    - path: results/tiny/plm/mini\n"
        "      hash: md5\n      md5: d41d8cd98f00b204e9800998ecf8427e.dir\n      size: 3\n      nfiles: 1\n"
    )
    with pytest.raises(
        DataError,
        match="results/tiny/plm/mini: dvc.lock records the results of plm@mini, "
        r"but dvc pull did not fetch them \(ERROR: .*snakemake --cores all plm@mini",
    ):
        fetch("plm@mini", Path("results/tiny/plm/mini"))
