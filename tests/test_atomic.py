"""Files and folders that are there whole or not at all."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from priming.atomic import atomic_file, atomic_folder


def fail(writing: AbstractContextManager[Path]) -> None:
    with writing as part:
        (part / "new" if part.is_dir() else part).write_text("ne")
        raise OSError("the disk is full")


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")
    with atomic_file(file) as part:
        part.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_stays_where_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")
    with pytest.raises(OSError, match="full"):
        fail(atomic_file(file))
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_replaced_at_the_end_without_what_was_left(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    for name in ("task", ".task.unfinished"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").touch()
    with atomic_folder(folder) as part:
        assert list(part.iterdir()) == []
        (part / "new").touch()
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["task", "task/new"]


def test_a_folder_stays_where_writing_fails(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    (folder / "old").mkdir(parents=True)
    with pytest.raises(OSError, match="full"):
        fail(atomic_folder(folder))
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["task", "task/old"]
