"""Uploads to a hub, which a server on this machine stands in for; the command is run as a user types it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from priming.errors import DataError
from priming.sharing.push import check_exported, check_repository, listed, write_record
from tests.sharing.hub import Uploads, taking_uploads


@pytest.fixture
def hub() -> Iterator[Uploads]:
    with taking_uploads() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An exported folder, as far as uploads look at it."""
    made = tmp_path / "made"
    (made / "adapter").mkdir(parents=True)
    (made / "README.md").write_text("---\nlicense: apache-2.0\n---\n\n# made\n")
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "adapter" / "adapter.safetensors").write_bytes(b"more")
    write_record(made)
    return made


def typed(folder: Path, hub: Uploads, *options: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    """`priming export` with an export that is there already."""
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": token or hub.token, "HF_HOME": str(folder.parent / "hf")}
    seen = {**os.environ, **own, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "priming", "export", "results/none", str(folder), *options]
    return subprocess.run(command, env=seen, capture_output=True, text=True, check=False)


def test_what_would_be_uploaded(folder: Path, hub: Uploads) -> None:
    done = typed(folder, hub, "--push", "somebody/made")
    assert (done.returncode, hub.repositories) == (0, {}), done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[-1] for line in lines[:-1]] == [name for name, _ in listed(folder)]
    assert "nothing was uploaded: 4 files, " in lines[-1]
    assert lines[-1].endswith(" bytes would go to somebody/made; add --yes")


def test_an_upload(folder: Path, hub: Uploads) -> None:
    for _ in range(2):
        done = typed(folder, hub, "--push", "somebody/made", "--yes", "--private")
        assert done.returncode == 0, done.stderr
    assert hub.repositories["somebody/made"] == {name: (folder / name).read_bytes() for name, _ in listed(folder)}
    assert (hub.private, hub.commits[0]) == ({"somebody/made"}, "Export of made")


def test_without_the_right_to_write(folder: Path, hub: Uploads) -> None:
    done = typed(folder, hub, "--push", "somebody/made", "--yes", token="wrong")
    assert done.returncode == DataError.exit_code
    assert done.stderr.startswith("error: --push somebody/made: the hub did not take it (401")
    assert "log in with 'hf auth login'" in done.stderr
    assert "Traceback" not in done.stderr


def test_folders_that_are_no_export(folder: Path) -> None:
    (folder / "README.md").write_text("Edited.")
    check_exported(folder)
    (folder / "model.safetensors").write_bytes(b"others")
    with pytest.raises(DataError, match="model.safetensors is not as it was exported; remove the folder"):
        check_exported(folder)
    with pytest.raises(DataError, match="is there, and no export: it has no export.json; name a new folder"):
        check_exported(folder.parent)


@pytest.mark.parametrize("name", ["made", "somebody/", "a/b/c", "https://huggingface.co/a/b"])
def test_names_of_repositories(name: str) -> None:
    with pytest.raises(DataError, match="not a repository of the hub; allowed: OWNER/NAME"):
        check_repository(name)
