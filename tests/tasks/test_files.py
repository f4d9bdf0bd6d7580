"""The user's own files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError, StudyError
from priming.forms.rows import Example
from priming.study.tasks import Tasks
from priming.tasks.sources.table import source_of
from tests.tasks.conftest import reviews, write_rows

Own = Callable[..., Tasks]
ENDINGS = (".jsonl", ".csv", ".tsv", ".parquet")


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_task(tmp_path: Path, own_files: Own, ending: str) -> None:
    task = source_of(own_files(reviews(6), reviews(4, 6), ending), "mine").load(tmp_path)
    assert task.train[1] == Example('review 1, "quoted"', ("good",))
    assert [example.targets[0] for example in task.train] == ["bad", "good"] * 3
    assert [example.input for example in task.test] == [f'review {i}, "quoted"' for i in range(6, 10)]
    assert (task.labels, task.kind, task.origin) == (("bad", "good"), "classification", "files")
    assert source_of(own_files(reviews(6), reviews(4), ending), "mine").raw_files(tmp_path) == [
        tmp_path / f"test{ending}",
        tmp_path / f"train{ending}",
    ]


def test_a_template_takes_several_columns_and_keeps_braces_of_values(tmp_path: Path, own_files: Own) -> None:
    rows = [{"a b": "{x}", "c": 1.0, "label": value} for value in (0, 1)]
    task = source_of(own_files(rows, rows, input="{{{a b}}} and {c}"), "mine").load(tmp_path)
    assert task.train[0].input == "{{x}} and 1"


@pytest.mark.parametrize("ending", ENDINGS)
def test_without_labels_the_values_themselves_are_the_labels_in_order(
    tmp_path: Path, own_files: Own, ending: str
) -> None:
    rows = [{"text": f"t{value}", "label": value} for value in (10, 9, 2)]
    assert source_of(own_files(rows, rows, ending, labels=None), "mine").load(tmp_path).labels == ("2", "9", "10")


def test_two_values_can_share_a_label(tmp_path: Path, own_files: Own) -> None:
    rows = [{"text": f"t{value}", "label": value} for value in "abc"]
    task = source_of(own_files(rows, rows, labels={"a": "yes", "b": "no", "c": "yes"}), "mine").load(tmp_path)
    assert task.labels == ("yes", "no")
    assert [example.targets[0] for example in task.train] == ["yes", "no", "yes"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_booleans_match_in_every_format(tmp_path: Path, own_files: Own, ending: str) -> None:
    rows = [{"text": f"t{value}", "label": value} for value in (True, False)]
    task = source_of(own_files(rows, rows, ending, labels={True: "yes", False: "no"}), "mine").load(tmp_path)
    assert [example.targets[0] for example in task.train] == ["yes", "no"]


def test_a_threshold_holds_for_floats_of_32_bits(tmp_path: Path, own_files: Own) -> None:
    import numpy

    rows = [{"text": f"t{score}", "label": numpy.float32(score)} for score in (0.6, 0.7, 0.9)]
    assert float(numpy.float32(0.7)) < 0.7
    task = source_of(own_files(rows, rows, ".parquet", labels={True: "yes", False: "no"}, threshold=0.7), "mine").load(
        tmp_path
    )
    assert [example.targets[0] for example in task.train] == ["no", "yes", "yes"]


def test_text_to_text_takes_several_references(tmp_path: Path, own_files: Own) -> None:
    rows = [{"text": "what is up", "label": ["sky", "the sky"]}, {"text": "what is down", "label": ["earth"]}]
    task = source_of(own_files(rows, rows, kind="text_to_text", labels=None), "mine").load(tmp_path)
    assert task.train == [Example("what is up", ("sky", "the sky")), Example("what is down", ("earth",))]
    assert task.labels is None


def test_a_csv_field_may_go_on_over_lines(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files(reviews(2), reviews(2), ".csv")
    (tmp_path / "train.csv").write_text('text,label\r\n"one\r\ntwo",0\r\nthree,1\r\nfour,7\r\n', encoding="utf-8")
    with pytest.raises(
        DataError, match=r"train\.csv, line 5, column label: unknown label value '7'; known labels: 0, 1; list it in"
    ):
        source_of(tasks, "mine").load(tmp_path)


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files(reviews(2), reviews(2), ".csv")
    (tmp_path / "train.csv").write_bytes(b"\xef\xbb\xbftext,label\n\none,0\ntwo,1\n\n")
    assert len(source_of(tasks, "mine").load(tmp_path).train) == 2


BROKEN = {
    "not JSON": ("train.jsonl", '{"text": "a", "label": 0}\n{"text": "b", \n', r"train\.jsonl, line 2: not JSON"),
    "no object": ("train.jsonl", "[1, 2]\n", r"train\.jsonl, line 1: a list instead of an object"),
    "no column": (
        "train.jsonl",
        '{"txt": "a", "label": 0}\n',
        r"line 1: there is no column 'text', .*has txt, label; did you mean 'txt'\?",
    ),
    "column missing later": (
        "train.jsonl",
        '{"text": "a", "label": 0}\n{"text": "b"}\n',
        r"line 2: there is no column 'label'",
    ),
    "no value": ("train.jsonl", '{"text": null, "label": 0}\n', r"line 1, column text: no value"),
    "empty input": (
        "train.jsonl",
        '{"text": "a", "label": 1}\n\n{"text": "  ", "label": 0}\n',
        r"line 3, column text: empty input",
    ),
    "a list as input": ("train.jsonl", '{"text": ["a"], "label": 0}\n', r"line 1, column text: a list instead of text"),
    "too few fields": (
        "train.csv",
        "text,label\na,0\nb\n",
        r"train\.csv, line 3: 1 fields where the header names 2 \(text, label\)",
    ),
    "too many fields": (
        "train.csv",
        "text,label\na, b,0\n",
        r"line 2: 3 fields .* quote a field that holds the separator",
    ),
    "a stray quote": ("train.csv", 'text,label\n"a"b,0\n', r"line 2: not a row"),
    "an open quote": ("train.csv", 'text,label\na,0\n"b,1\nc,0\n', r"line 3: not a row"),
    "a quote over lines": (
        "train.tsv",
        'text\tlabel\n"a\t0\nb"\t1\n',
        r"train\.tsv, line 2: a quote opens here and closes in line 3",
    ),
    "a key twice": (
        "train.jsonl",
        '{"text": "a", "text": "b", "label": 0}',
        "line 1: not JSON \\(the key 'text' stands in it twice\\)",
    ),
    "digits without end": (
        "train.jsonl",
        '{"text": "a", "label": ' + "1" * 6000 + "}",
        r"line 1: not JSON \(Exceeds the limit[^;]*\)",
    ),
    "a column twice": ("train.csv", "text,text\na,0\n", r"line 1: the header names 'text' twice"),
    "not UTF-8": ("train.csv", b"text,label\na,0\n\xe9t\xe9,1\n", r"line 3: not UTF-8 \(byte 1 of the line\)"),
    "no rows": ("train.csv", "text,label\n", r"train\.csv: contains no rows"),
    "nothing": ("train.jsonl", "", r"train\.jsonl: contains no rows"),
    "not Parquet": ("train.parquet", "text,label\n", r"train\.parquet: not a complete Parquet file"),
    "an empty label": (
        "train.csv",
        "text,label\na,0\nb,1\nc,\n",
        r"line 4, column label: unknown label value ''.*fill it in",
    ),
    "an empty class": (
        "train.csv",
        "text,label\na,0\nb,0\n",
        r"tasks\.define\.mine\.labels: no training row has the value 1 \('good'\)",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named(tmp_path: Path, own_files: Own, case: str) -> None:
    file, content, message = BROKEN[case]
    tasks = own_files(reviews(2), reviews(2), Path(file).suffix)
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        source_of(tasks, "mine").load(tmp_path)


def test_a_cut_parquet_file_is_named(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files(reviews(50), reviews(2), ".parquet")
    path = tmp_path / "train.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"train\.parquet: not a complete Parquet file"):
        source_of(tasks, "mine").load(tmp_path)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (
            {"threshold": 0.5, "labels": {True: "a", False: "b"}, "output": "text"},
            r"line 1, column text: 'review 0.*' is not a number",
        ),
        ({"output": "lable"}, r"no column 'lable', used in tasks\.define\.mine\.output; .*did you mean 'label'"),
        ({"input": "{text} {txt}"}, r"no column 'txt', used in tasks\.define\.mine\.input"),
        ({"labels": {0: "bad", 2: "good"}}, r"line 2, column label: unknown label value '1'; known labels: 0, 2"),
    ],
)
def test_a_definition_that_does_not_fit_the_rows_is_named(
    tmp_path: Path, own_files: Own, definition: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        source_of(own_files(reviews(4), reviews(4), **definition), "mine").load(tmp_path)


def test_a_label_that_only_the_test_set_has_is_an_error(tmp_path: Path, own_files: Own) -> None:
    test = [{"text": "t", "label": "great"}]
    train = [{"text": f"t{label}", "label": label} for label in ("good", "bad")]
    with pytest.raises(
        DataError, match=r"test\.jsonl, line 1, column label: unknown label value 'great'; known labels: bad, good"
    ):
        source_of(own_files(train, test, labels=None), "mine").load(tmp_path)


def test_a_missing_file_is_named_with_the_nearest(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files(reviews(2), reviews(2), files={"train": "trian.jsonl", "test": "test.jsonl"})
    with pytest.raises(
        DataError,
        match=r"tasks\.define\.mine\.files\.train: 'trian\.jsonl' does not exist .*did you mean 'train\.jsonl'",
    ):
        source_of(tasks, "mine").raw_files(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files(reviews(2), reviews(2), files={"train": "data/train.jsonl", "test": "test.jsonl"})
    with pytest.raises(
        DataError, match=r"'data/train\.jsonl' does not exist \(looked for .*relative to the study file's folder"
    ):
        source_of(tasks, "mine").load(tmp_path)


def test_an_unknown_ending_is_refused(tmp_path: Path, own_files: Own) -> None:
    write_rows(tmp_path / "rows.txt", reviews(2))
    tasks = own_files(reviews(2), reviews(2), files={"train": "rows.txt", "test": "test.jsonl"})
    with pytest.raises(
        DataError, match=r"cannot read files that end in \.txt; allowed: \.jsonl, \.csv, \.tsv, \.parquet"
    ):
        source_of(tasks, "mine").load(tmp_path)


def test_an_unknown_task_is_named_with_the_nearest(tmp_path: Path, study_tasks: Own) -> None:
    tasks = study_tasks(target=["diner_review"])
    with pytest.raises(
        StudyError, match=r"tasks\.target: there is no task 'diner_review'; did you mean 'dinner_review'"
    ):
        source_of(tasks, "diner_review").load(tmp_path)
