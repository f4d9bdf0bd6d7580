"""Clones that have pulled nothing, remotes that are damaged or out of reach, S3, and no DVC at all."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from .conftest import NOTHING, Repository

pytestmark = pytest.mark.slow

Clone = Callable[..., Repository]
FIGURE = "figures/strategy_matrix"


def test_figures_are_drawn_from_tables_in_git(clone: Clone) -> None:
    bare = clone()
    assert bare.wanted() == {"draw": 1}
    bare.dvc("repro", "-s", "figures")
    assert bare.made() == [FIGURE]
    assert (bare.folder / "results/tiny" / FIGURE / "strategy_matrix.svg").is_file()
    assert "dvc.lock" not in bare.git("status", "--short")
    bare.edit("config.yaml", "formats: [svg]", "formats: [svg, png]")
    bare.dvc("repro", "-s", "figures")
    assert bare.made() == [FIGURE]
    assert (bare.folder / "results/tiny" / FIGURE / "strategy_matrix.png").is_file()


def test_what_cannot_be_pulled_is_not_trained_again(clone: Clone, tmp_path: Path) -> None:
    bare = clone("data.dvc")
    bare.dvc("remote", "modify", "--local", "store", "url", str(tmp_path / "gone"))
    refused = bare.dvc("repro", status=255)
    assert (
        "error: results/tiny/tasks: dvc.lock records the results of tasks, but dvc pull did not fetch them" in refused
    )
    assert "or rebuild them: snakemake --cores all tasks" in refused
    assert "Traceback" not in refused
    assert bare.made() == []


def test_reproducing_a_bare_clone_fetches(clone: Clone) -> None:
    bare = clone("data.dvc")
    bare.dvc("repro", "primed@mini/mtl-prompt")
    assert bare.made() == []
    assert (bare.folder / "results/tiny/primed/mini/mtl-prompt/seed-1/recipe.json").is_file()
    assert not (bare.folder / "results/tiny/primed/mini/mtl-plm").exists()


def test_a_damaged_weight_is_refused(origin: Repository, clone: Clone, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    shutil.copytree(origin.folder.parent / "remote", remote)
    weights = (origin.folder / "results/tiny/primed/mini/mtl-plm/seed-1/plm.safetensors").read_bytes()
    (damaged,) = [path for path in remote.rglob("*") if path.is_file() and path.read_bytes() == weights]
    damaged.chmod(0o644)
    damaged.write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    fresh = clone()
    fresh.dvc("remote", "modify", "--local", "store", "url", str(remote))
    fresh.dvc("pull", status=1)
    assert not (fresh.folder / "results/tiny/primed/mini/mtl-plm/seed-1/plm.safetensors").exists()
    assert (fresh.folder / "results/tiny/primed/mini/mtl-prompt/seed-1/prompt.safetensors").exists()


@pytest.fixture
def s3(tmp_path: Path, missing: Callable[[str, str], NoReturn]) -> Iterator[str]:
    """The address of a server that behaves as S3, with a bucket `studies`."""
    for module in ("moto", "dvc_s3"):
        if find_spec(module) is None:
            missing("s3", f"there is no module {module}; install the extras s3 and dev")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (tmp_path / "moto.log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log)
        try:
            _make_bucket(f"{address}/studies", server)
            yield address
        finally:
            server.terminate()
            server.wait(10)


def _make_bucket(url: str, server: "subprocess.Popen[bytes]") -> None:
    """Create the bucket once the server listens; its first answer is slow, since it imports lazily."""
    port = int(urlsplit(url).port or 80)
    for _ in range(1200):
        assert server.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            break
        except OSError:
            time.sleep(0.1)
    urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=120).close()


def test_a_remote_on_s3(fresh: Repository, clone: Clone, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
        fresh.environment[name] = value
    said = fresh.run("priming", "share", "--remote", "s3://studies/tiny")
    assert said.startswith("s3://studies/tiny is now the remote of this repository; type next:  ")
    fresh.dvc("remote", "modify", "store", "endpointurl", s3)
    assert "files pushed" in fresh.dvc("push")
    fresh.commit("Move to S3")
    other = clone("all", source=fresh)
    assert NOTHING in other.snakemake()
    assert other.made() == []


def test_without_git_and_without_dvc(origin: Repository, tmp_path: Path) -> None:
    copy = Repository(tmp_path / "copy")
    shutil.copytree(
        origin.folder, copy.folder, symlinks=True, ignore=shutil.ignore_patterns(".git", ".snakemake", "config.local")
    )
    copy.dvc("config", "--local", "core.no_scm", "true")
    assert "up to date" in copy.dvc("status")
    copy.edit("config.yaml", "formats: [svg]", "formats: [svg], width: 5.0")
    copy.dvc("repro")
    assert copy.made() == [FIGURE]
    for name in (".dvc", "dvc.yaml", "dvc.lock", "data.dvc", ".dvcignore"):
        path = copy.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert NOTHING in copy.snakemake()
    copy.edit("config.yaml", "prompt: 1.0e-2}", "prompt: 2.0e-2}")
    assert copy.wanted() == {"prime": 1, "tune": 1, "score": 1, "tabulate": 1, "draw": 1}
