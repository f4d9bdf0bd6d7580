"""Tables that are kept before a study is run again."""

import re
import shutil
from pathlib import Path

import pytest

from priming.errors import DataError, StudyError
from priming.jobs.verify import verify
from priming.reporting.compare import with_kept
from priming.running.kept_tables import keep_tables
from tests.tiny_study import Checkout

FILE = Path("config.yaml")


@pytest.fixture(autouse=True)
def there(made: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.folder)


def test_tables_are_kept_whole(made: Checkout) -> None:
    tables = made.folder / "results/tiny/tables"
    (tables / "status.json").unlink()  # which the fixture added
    out = keep_tables(FILE, "before")
    assert out == Path("results/tiny/kept/before")
    assert {file.name: file.read_bytes() for file in out.iterdir()} == {
        file.name: file.read_bytes() for file in tables.iterdir()
    }
    assert verify(out) == (1, [])
    shutil.rmtree(tables)
    assert (out / "result.json").is_file()


@pytest.mark.parametrize("name", ["../out", "", ".hidden", "a/b"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(StudyError, match=re.escape(f"--keep-as {name!r}: allowed: letters")):
        keep_tables(FILE, name)


def test_what_is_kept_is_not_overwritten() -> None:
    keep_tables(FILE, "before")
    with pytest.raises(StudyError, match="results/tiny/kept/before is there already; give another name"):
        keep_tables(FILE, "before")


def test_without_tables_there_is_nothing_to_keep() -> None:
    shutil.rmtree("results/tiny/tables")
    with pytest.raises(DataError, match="study tiny has no finished tables to keep"):
        keep_tables(FILE, "before")


def test_kept_tables_are_compared_by_name() -> None:
    with pytest.raises(StudyError, match="none are; keep some by: priming run --keep-as NAME"):
        with_kept("none -> plm", None, FILE, "befor", None)
    keep_tables(FILE, "before")
    with pytest.raises(StudyError, match="kept as 'befor'; did you mean 'before'.; kept are: before"):
        with_kept("none -> plm", None, FILE, "befor", None)
    ((ours, theirs),) = with_kept("none -> plm", None, FILE, "before", None)
    assert (ours.folder, theirs.folder) == (Path("results/tiny/tables"), Path("results/tiny/kept/before"))
    assert ours.strategy == theirs.strategy == "none -> plm"
