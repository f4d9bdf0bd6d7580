"""The rows of a study's own files, read by `check`."""

from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError
from priming.inspection import rows
from priming.inspection.rows import notes_of_rows
from priming.study import Study
from tests.tiny_study import RICH, with_value

TRAIN = "text,label\n" + "".join(f"text {n},{'good' if n % 2 else 'bad'}\n" for n in range(12))
DEFINED: dict[str, Any] = {
    "files": {"train": "mine.csv", "test": "test.csv"},
    "input": "{text}",
    "output": "label",
    "labels": {"bad": "bad", "good": "good"},
}


def study(**changes: Any) -> Study:
    rich = with_value(RICH, "tasks/define/mine", DEFINED | changes)
    return Study.model_validate(with_value(with_value(rich, "tasks/shots", 2), "tasks/samples", [13]))


def put(folder: Path, train: str = TRAIN, test: str = TRAIN.replace("text ", "other ")) -> None:
    (folder / "mine.csv").write_text(train)
    (folder / "test.csv").write_text(test)


def test_rows_in_order_are_counted(tmp_path: Path) -> None:
    put(tmp_path)
    assert notes_of_rows(study(), tmp_path) == ["task mine: 12 training rows, 12 test rows"]


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    bad = "text,label\n,good\nfine,great\nfine too,great\nnothing,\n"
    put(tmp_path, TRAIN, bad)
    with pytest.raises(DataError) as error:
        notes_of_rows(study(), tmp_path)
    first, *lines = str(error.value).splitlines()
    assert first == "3 problems with rows"
    file = tmp_path / "test.csv"
    for line, (start, end) in zip(
        lines,
        (
            (f"  {file}, line 2: column text: empty input; ", "drop"),
            (f"  {file}, line 3: column label: unknown label value 'great'; known labels: bad, good; ", "in line 4)"),
            (f"  {file}, line 5: column label: unknown label value ''; ", "drop"),
        ),
        strict=True,
    ):
        assert line.startswith(start)
        assert line.endswith(end)


def test_a_column_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    put(tmp_path)
    with pytest.raises(DataError) as error:
        notes_of_rows(study(input="{txt}"), tmp_path)
    assert str(error.value).count("there is no column 'txt', used in tasks.define.mine.input") == 2  # a file each
    assert "did you mean 'text'?" in str(error.value)
    assert "and 6 more)" in str(error.value)


def test_a_class_without_rows_is_said(tmp_path: Path) -> None:
    put(tmp_path)
    labels = {"bad": "bad", "good": "good", "fair": "fair"}
    with pytest.raises(DataError, match="no training row has the value fair"):
        notes_of_rows(study(labels=labels), tmp_path)


def test_large_files_are_read_only_if_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "SMALL", 10)
    put(tmp_path, test="text,label\n,good\n")
    (note,) = notes_of_rows(study(), tmp_path)
    assert note.startswith("the rows of mine were not read, which are many; to read them, type: ")
    assert notes_of_rows(study(), tmp_path, wanted=False) == []
    with pytest.raises(DataError, match="empty input"):
        notes_of_rows(study(), tmp_path, wanted=True)


def test_rows_that_may_be_dropped_are_no_mistakes(tmp_path: Path) -> None:
    put(tmp_path, TRAIN + ",good\n")
    said = notes_of_rows(study(unusable="drop", unusable_share=0.5), tmp_path)
    assert any("1 of 13 training rows are unusable" in note for note in said)
