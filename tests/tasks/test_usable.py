"""Unusable rows: dropped and counted as far as the study allows, or an error."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.describe import describe
from priming.tasks.prepared import read_task
from priming.tasks.sources.table import source_of
from tests.tasks.conftest import Rows, reviews, write_rows

Mine = Callable[..., Tasks]
EMPTY = {"text": " ", "label": 1}
NO_INPUT = {"text": None, "label": 1}
NO_LABEL = {"text": "unlabelled", "label": None}


@pytest.fixture
def on_hub(tmp_path: Path, study_tasks: Mine, monkeypatch: pytest.MonkeyPatch) -> Mine:
    """`on_hub(train, test, **keys)` defines `mine` on a mirror; keys are the definition's or the section's."""

    def make(train: Rows, test: Rows, **definition: Any) -> Tasks:
        monkeypatch.delenv("PRIMING_HUB", raising=False)
        for split, rows in (("train", train), ("test", test)):
            write_rows(tmp_path / "hub/some/reviews" / f"{split}.parquet", rows)
        keys = {key: definition.pop(key) for key in list(definition) if key in Tasks.model_fields}
        mine = {"hub": {"id": "some/reviews"}, "input": "{text}", "output": "label", "labels": {0: "bad", 1: "good"}}
        return study_tasks({**mine, **definition}, hub_folder="hub", samples=[13], **keys)

    return make


def test_rows_of_the_hub_are_dropped_and_counted(tmp_path: Path, on_hub: Mine) -> None:
    train, test = reviews(300), reviews(200, 300)
    tasks = on_hub([*train[:7], EMPTY, *train[7:], NO_LABEL], [*test, NO_INPUT])
    task = source_of(tasks, "mine").load(tmp_path)
    assert [example.input for example in task.train] == [row["text"] for row in train]
    assert [example.input for example in task.test] == [row["text"] for row in test]
    notes = [
        "task mine: 2 of 302 training rows are unusable and were dropped; the first: some/reviews, train row 8, "
        "column text: empty input",
        "task mine: 1 of 201 test rows are unusable and were dropped; the first: some/reviews, test row 201, "
        "column text: no value",
    ]
    assert source_of(tasks, "mine").prepare("target", tmp_path, tmp_path / "out") == notes
    counts = read_task(tmp_path / "out").counts
    assert (counts["unusable"], counts["pool"], counts["test"]) == ({"train": 2, "test": 1}, 300, 200)
    assert [line for line in describe(task, tasks, 1).splitlines() if "unusable" in line] == [
        f"note: {note}" for note in notes
    ]


def test_a_source_task_counts_them_too(tmp_path: Path, on_hub: Mine) -> None:
    tasks = on_hub([*reviews(300), EMPTY], reviews(200))
    (note,) = source_of(tasks, "mine").prepare("source", tmp_path, tmp_path / "out")
    assert note.startswith("task mine: 1 of 301 training rows are unusable")
    assert read_task(tmp_path / "out").counts["unusable"] == {"train": 1, "test": 0}


def test_a_label_that_only_the_test_set_has_is_dropped_where_labels_are_not_listed(
    tmp_path: Path, on_hub: Mine
) -> None:
    task = source_of(on_hub(reviews(200), [*reviews(150), {"text": "x", "label": 2}], labels=None), "mine").load(
        tmp_path
    )
    assert task.dropped == {"train": 0, "test": 1}
    assert task.notes[0].endswith("the first: some/reviews, test row 151, column label: unknown label value '2'")


def test_a_value_that_the_study_does_not_list_is_a_mistake_in_the_study(tmp_path: Path, on_hub: Mine) -> None:
    with pytest.raises(
        DataError, match=r"test row 151, .*unknown label value '2'; .*list it in tasks\.define\.mine\.labels"
    ):
        source_of(on_hub(reviews(200), [*reviews(150), {"text": "x", "label": 2}]), "mine").load(tmp_path)


def test_text_without_an_output_is_dropped(tmp_path: Path, on_hub: Mine) -> None:
    rows = [{"text": f"t{i}", "label": "" if i == 4 else f"o{i}"} for i in range(100)]
    task = source_of(on_hub(rows, rows, kind="text_to_text", labels=None), "mine").load(tmp_path)
    assert (len(task.train), task.dropped) == (99, {"train": 1, "test": 1})


def test_more_than_the_share_is_one_error_that_says_what_to_set(tmp_path: Path, on_hub: Mine) -> None:
    train, test = [*reviews(200), EMPTY, EMPTY, EMPTY], reviews(200)
    with pytest.raises(DataError) as raised:
        source_of(on_hub(train, test), "mine").load(tmp_path)
    said = str(raised.value)
    assert said.startswith(
        "tasks.define.mine: 3 of 203 training rows are unusable (1.48%), "
        "the first: some/reviews, train row 201, column text: empty input; "
        "tasks.define.mine.unusable_share allows 1.00%;"
    )
    (enough,) = re.findall(r"set it to ([\d.]+) or more", said)
    assert source_of(on_hub(train, test, unusable_share=float(enough)), "mine").load(tmp_path).dropped["train"] == 3
    with pytest.raises(DataError, match="allows 1.47%"):
        source_of(on_hub(train, test, unusable_share=float(enough) - 1e-4), "mine").load(tmp_path)


def test_the_share_itself_is_allowed(tmp_path: Path, on_hub: Mine) -> None:
    assert source_of(on_hub([*reviews(99), EMPTY], reviews(4)), "mine").load(tmp_path).dropped == {
        "train": 1,
        "test": 0,
    }
    with pytest.raises(DataError, match=r"1 of 100 training rows are unusable .* allows 0\.00%"):
        source_of(on_hub([*reviews(99), EMPTY], reviews(4), unusable_share=0.0), "mine").load(tmp_path)


def test_where_no_row_can_be_used_the_definition_is_wrong(tmp_path: Path, on_hub: Mine) -> None:
    """The hub's test sets without labels, for instance."""
    with pytest.raises(
        DataError, match=r"3 of 3 test rows are unusable .*1\.00%; correct tasks\.define\.mine\.input, output"
    ):
        source_of(on_hub(reviews(4), [NO_LABEL] * 3), "mine").load(tmp_path)


@pytest.mark.parametrize(("row", "message"), [
    (EMPTY, r"some/reviews, train row 301, column text: empty input; fill it in or remove the row"),
    (NO_LABEL, r"train row 301, column label: no value; fill it in or remove the row, or write .*mine\.unusable: drop"),
])  # fmt: skip
def test_the_row_is_named_where_the_study_refuses(
    tmp_path: Path, on_hub: Mine, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        source_of(on_hub([*reviews(300), row], reviews(4), unusable="refuse"), "mine").load(tmp_path)


def test_own_files_refuse_unless_the_study_drops(tmp_path: Path, own_files: Mine) -> None:
    rows = [*reviews(300), EMPTY]
    with pytest.raises(
        DataError,
        match=r"train\.jsonl, line 301, column text: empty input; .*, or write tasks\.define\.mine\.unusable: drop",
    ):
        source_of(own_files(rows, reviews(4)), "mine").load(tmp_path)
    assert source_of(own_files(rows, reviews(4), unusable="drop"), "mine").load(tmp_path).dropped == {
        "train": 1,
        "test": 0,
    }
    source_of(own_files(reviews(300), reviews(9, 300), samples=[13]), "mine").prepare(
        "target", tmp_path, tmp_path / "out"
    )
    assert "unusable" not in read_task(tmp_path / "out").counts


def test_a_column_that_holds_no_text_is_a_mistake_in_the_study(tmp_path: Path, on_hub: Mine) -> None:
    rows = [{"text": ["a"], "label": 0}]
    with pytest.raises(DataError, match=r"train row 1, column text: a list instead of text; name a column of text"):
        source_of(on_hub(rows, rows), "mine").load(tmp_path)
