"""A finished result replaces an older one whole, on the same file system and across two."""

import os
import shutil
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
