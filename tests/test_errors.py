"""Messages for mistakes name what is wrong and what to type next, and the advice is right."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from priming.digests import RECIPE
from priming.errors import DataError, DiskError, disk_error, nearest
from priming.result_files import read_result, write_result


def test_nothing_is_no_suggestion() -> None:
    assert nearest("", ["", " ", "adapter"]) == ""
    assert nearest("a", ["", "adapter"]) == ""
    assert nearest("adaptr", ["", "adapter"]) == "; did you mean 'adapter'?"


def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    """Of `[Errno 2] No such file or directory: 'work/tiny/attempts'` a user knows neither cause nor cure."""
    gone = tmp_path / "work" / "tiny" / "attempts"
    with pytest.raises(FileNotFoundError) as caught:
        (gone / "note").touch()
    error = disk_error("results/tiny/plm/small", caught.value)
    assert str(error) == (
        f"{gone / 'note'}: No such file or directory (for results/tiny/plm/small); it went away while this ran; "
        "type the same command again"
    )
    assert isinstance(error, DiskError)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, "the disk is full; make room, and type the same command again"),
        (errno.EACCES, "give yourself the right to write there"),
        (errno.EROFS, "it is on a file system that is read only; work in another folder"),
        (errno.ENAMETOOLONG, "shorten the names of the study"),
        (errno.EIO, "the disk or its server fails; look at them, then type the same command again"),
    ],
)
def test_what_to_do_about_a_disk(number: int, expected: str) -> None:
    said = str(disk_error("out", OSError(number, os.strerror(number))))
    assert said.startswith(f"out: {os.strerror(number)}; ")
    assert expected in said
    assert "Errno" not in said


def test_a_result_that_was_not_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none/result\.json is missing; run snakemake, which makes it$"):
        read_result(tmp_path / "none")


@pytest.mark.parametrize("gone", ["sample-13/result.json", "result.json"])
def test_a_result_without_its_file(tmp_path: Path, gone: str) -> None:
    """The message names the whole result, and not a part of it."""
    whole = tmp_path / "tuned" / "task"
    write_result((whole / gone).parent, {"a": 1})
    (whole / RECIPE).write_text("{}")
    assert read_result((whole / gone).parent)["a"] == 1
    (whole / gone).unlink()
    with pytest.raises(DataError, match=rf"result\.json is missing; delete {whole} and run snakemake again$"):
        read_result((whole / gone).parent)
    shutil.rmtree(whole)
    with pytest.raises(DataError, match="run snakemake, which makes it$"):
        read_result(whole)
