"""A finished result replaces an older one whole, on the same file system and across two."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from priming.running.placing import put_in_place


@pytest.fixture(params=["same", "other"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on the same file system, or on that of shared memory."""
    elsewhere = Path("/dev/shm") if tmp_path.stat().st_dev != Path("/dev/shm").stat().st_dev else Path("/tmp")
    if request.param == "other" and elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system")
    place = (tmp_path if request.param == "same" else elsewhere) / f"made-{os.getpid()}"
    (place / "sample-1").mkdir(parents=True)
    (place / "sample-1/new").write_text("new")
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("older", [True, False])
def test_it_stands_there_whole(made: Path, tmp_path: Path, older: bool) -> None:
    place = tmp_path / "results" / "cell"
    if older:
        place.mkdir(parents=True)
        (place / "old").write_text("old")
        os.link(place / "old", tmp_path / "cache")
    put_in_place(made, place)
    assert [file.relative_to(place).as_posix() for file in sorted(place.rglob("*"))] == ["sample-1", "sample-1/new"]
    assert [file.name for file in place.parent.iterdir()] == ["cell"]
    assert not older or (tmp_path / "cache").read_text() == "old"
    assert not made.with_name(f"{made.name}.old").exists()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room."""
    place = tmp_path / "full"
    place.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=False).returncode
    ):
        pytest.skip("no file system can be mounted here: not root")
    yield place
    subprocess.run(["umount", place], check=True)


def test_where_there_is_no_room_the_message_says_how_much_is_needed(tmp_path: Path, full: Path) -> None:
    made = tmp_path / "made"
    (made / "sample-1").mkdir(parents=True)
    (made / "sample-1/weights").write_bytes(bytes(100_000))
    with pytest.raises(
        OSError, match=r"No space left on device \([\d,]+ bytes are needed, [\d,]+ are free\)"
    ) as caught:
        put_in_place(made, full / "cell")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(full / "cell")
    assert [*full.iterdir()] == []
