"""Rows that are broken or no text: for each file, what the message says; and that its advice works."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.prepared import TASK_FILE, read_task
from priming.tasks.sources.table import source_of
from tests.tasks.conftest import reviews

Own = Callable[..., Tasks]
LATE = 2**60
"""Microseconds since 1970: the year 38,000, which Python has not."""


def table(**columns: Any) -> pyarrow.Table:
    return pyarrow.table({"text": ["a", "b"], "label": ["x", "y"], **columns})


def line(**row: Any) -> str:
    return json.dumps({"text": "a", "label": "x", **row}) + "\n"


OK = line() + line(text="b", label="y")
UTF8 = pyarrow.StringArray.from_buffers(
    2, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"a\xff"), None, 0
)
TWICE = pyarrow.Table.from_arrays([["a", "b"], ["x", "y"], ["c", "d"]], names=["text", "label", "text"])
FIX = "or write it as text (pandas: .str.decode('utf-8'))"
BAD: dict[str, tuple[str, Any, str]] = {
    "binary input": (
        ".parquet",
        table(text=[b"a", b"b"]),
        f"row 1, column text: binary data instead of text; name another column in tasks.define.mine.input, {FIX}",
    ),
    "binary label": (".parquet", table(label=[b"x", b"y"]), "row 1, column label: binary data instead of text"),
    "list as label": (".parquet", table(label=[["x"], ["y"]]), "row 1, column label: a list instead of text"),
    "object as label": (".jsonl", line(label={"a": 1}), "line 1, column label: a dict instead of text; name a column"),
    "list as input": (".jsonl", line(text=[1, 2]), "line 1, column text: a list instead of text; name a column"),
    "two columns of a name": (".parquet", TWICE, "two columns are called 'text'; rename one"),
    "invalid UTF-8": (".parquet", table(text=UTF8), "row 2, column text: a value of the type string that cannot be"),
    "overflowing time": (
        ".parquet",
        table(when=pyarrow.array([0, LATE], pyarrow.timestamp("us"))),
        "row 2, column when: a value of the type timestamp[us] that cannot be read",
    ),
    "one class": (
        ".jsonl",
        line() + line(text="b"),
        "tasks.define.mine: all 2 training rows have the label 'x'; add rows of another, name another column",
    ),
    "deep JSON": (".jsonl", "[" * 100_000 + "\n", "line 1: too many lists and objects inside each other"),
    "huge number": (".jsonl", f'{{"text": {"9" * 5000}}}\n', "line 1: not JSON ("),
    "half of a pair in the input": (
        ".jsonl",
        line(text="\ud83d") + OK,
        "line 1: half of a character (\\ud83d), which no file can hold; write the whole character, or remove the row",
    ),
    "half of a pair in the label": (".jsonl", OK + line(label="\ud83d"), "jsonl, line 3"),
    "quote that never closes": (
        ".csv",
        'text,label\n"a,x\n' + "b,y\n" * 40_000,
        "line 2: not a row (a field has more than 131,072 characters); if a quote opens in this line and closes",
    ),
    "no UTF-8": (".csv", b"text,label\n\xff,x\n", "line 2: not UTF-8 (byte 1 of the line); save the file as UTF-8"),
    "no Parquet": (".parquet", b"PAR1 and nothing", "not a complete Parquet file"),
    "nothing": (".jsonl", "", "contains no rows; add some, or give another file"),
}


def write(path: Path, content: Any) -> None:
    if isinstance(content, pyarrow.Table):
        pyarrow.parquet.write_table(content, path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode("ascii"))


@pytest.mark.parametrize(
    ("name", "part"),
    [(name, part) for name in BAD for part in ("train", "test") if (name, part) != ("one class", "test")],
)
def test_is_one_message(tmp_path: Path, own_files: Own, name: str, part: str) -> None:
    ending, content, expected = BAD[name]
    tasks = own_files([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}], reviews(2), ending, labels=None)
    write(tmp_path / f"test{ending}", (tmp_path / f"train{ending}").read_bytes())
    write(tmp_path / f"{part}{ending}", content)
    with pytest.raises(DataError) as caught:
        source_of(tasks, "mine").prepare("target", tmp_path, tmp_path / "out")
    assert expected in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert not (tmp_path / "out").exists()


def test_binary_columns_can_be_written_as_text(tmp_path: Path, own_files: Own) -> None:
    """The advice of the message."""
    tasks = own_files(reviews(2), reviews(2), ".parquet", labels=None)
    frame = table(text=[b"caf\xc3\xa9", b"b"]).to_pandas()
    for part in ("train", "test"):
        frame.assign(text=frame["text"].str.decode("utf-8")).to_parquet(tmp_path / f"{part}.parquet")
    assert source_of(tasks, "mine").load(tmp_path).train[0].input == "café"


def test_dates_and_numbers_are_still_text(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files(reviews(2), reviews(2), ".parquet", labels=None)
    for part in ("train", "test"):
        write(tmp_path / f"{part}.parquet", table(text=[datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)]))
    assert source_of(tasks, "mine").load(tmp_path).train[1].input == "2020-01-02"


def test_a_row_with_half_of_a_character_may_be_dropped(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files(reviews(2), reviews(2), labels=None, unusable="drop", unusable_share=0.5)
    for part in ("train", "test"):
        write(tmp_path / f"{part}.jsonl", line(text="\ud83d") + OK)
    task = source_of(tasks, "mine").load(tmp_path)
    assert (len(task.train), task.dropped) == (2, {"train": 1, "test": 1})


@pytest.mark.parametrize("listed", [True, False])
def test_an_input_with_the_label_is_said_and_never_refused(tmp_path: Path, own_files: Own, listed: bool) -> None:
    template = "{text} {label}" if listed else "{text}"
    tasks = own_files(reviews(8), reviews(4), input=template, shots=1, samples=[1])
    said = source_of(tasks, "mine").prepare("target", tmp_path, tmp_path / "out")
    remark = "task mine: its input contains the column 'label', which is its output"
    assert (said.count(remark) == 1) == listed
    written = json.loads((tmp_path / "out" / TASK_FILE).read_text(encoding="utf-8"))
    assert written.get("remarks", []) == ([remark] if listed else [])
    assert read_task(tmp_path / "out").name == "mine"


def test_a_class_whose_rows_repeat_another(tmp_path: Path, own_files: Own) -> None:
    """The message says so; either piece of advice works."""
    rows = [{"text": f"t{n}", "label": label} for label in "xy" for n in range(20)]
    tasks = own_files(rows, rows, labels=None, shots=2, samples=[1])
    source = source_of(tasks, "mine")
    with pytest.raises(DataError, match="no row to draw of class 'y': 20 training rows have the input of an earlier"):
        source.prepare("target", tmp_path, tmp_path / "out")
    kept = tasks.model_copy(update={"duplicates": "keep"})
    source_of(kept, "mine").prepare("target", tmp_path, tmp_path / "kept")
    rows = [row | {"text": f"{row['text']} {row['label']}"} for row in rows]
    corrected = own_files(rows, rows, labels=None, shots=2, samples=[1])
    source_of(corrected, "mine").prepare("target", tmp_path, tmp_path / "corrected")
    assert read_task(tmp_path / "kept").labels == read_task(tmp_path / "corrected").labels == ("x", "y")
