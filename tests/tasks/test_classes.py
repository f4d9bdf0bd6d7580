"""Columns of class ids whose names the data set has: in the schema of its Parquet files, or in its data card."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas
import pytest
import yaml

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.prepared import read_task
from priming.tasks.sources.table import source_of

NAMES = ["refund", "card_lost", "True"]
STARS = ["2", "1", "0"]
"""Names that look like ids, and of other classes."""
ROWS = {"text": [f"t{i}" for i in range(6)], "label": [0, 1, 2, 2, 1, 0], "stars": [2, 0, 1, 2, 0, 1]}
CLASSES = {"label": datasets.ClassLabel(names=NAMES), "stars": datasets.ClassLabel(names=STARS)}
FEATURES = datasets.Features({"text": datasets.Value("string"), **CLASSES})
CARD = {
    "dataset_info": {
        "features": [
            {"name": "text", "dtype": "string"},
            {"name": "label", "dtype": {"class_label": {"names": dict(zip("012", NAMES, strict=True))}}},
            {"name": "stars", "dtype": {"class_label": {"names": dict(zip("012", STARS, strict=True))}}},
        ]
    },
    "configs": [
        {
            "config_name": "default",
            "data_files": [{"split": split, "path": f"data/{split}-*"} for split in ("train", "test")],
        }
    ],
}
Rows = dict[str, list[Any]]
Mine = Callable[..., Tasks]


def by_schema(folder: Path, split: str, rows: Rows) -> None:
    """A Parquet file as `datasets` writes it, without a card."""
    datasets.Dataset.from_dict(rows, features=FEATURES).to_parquet(folder / f"{split}.parquet")


def by_card(folder: Path, split: str, rows: Rows) -> None:
    """A Parquet file of bare numbers, and a card with the names."""
    with_card(folder)
    pandas.DataFrame(rows).to_parquet(folder / f"data/{split}-00000-of-00001.parquet")


def by_card_of_csv(folder: Path, split: str, rows: Rows) -> None:
    with_card(folder)
    pandas.DataFrame(rows).to_csv(folder / f"data/{split}-00000-of-00001.csv", index=False)


def by_both(folder: Path, split: str, rows: Rows) -> None:
    """As the hub has most data sets."""
    with_card(folder)
    datasets.Dataset.from_dict(rows, features=FEATURES).to_parquet(folder / f"data/{split}-00000-of-00001.parquet")


def with_card(folder: Path) -> None:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(CARD, sort_keys=False)}---\n")


Write = Callable[[Path, str, Rows], None]
left_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""`datasets` leaves a CSV file open that it streams."""
every_way = pytest.mark.parametrize(
    "write", [by_schema, by_card, pytest.param(by_card_of_csv, marks=left_open), by_both]
)


@pytest.fixture
def bank(tmp_path: Path, study_tasks: Mine, monkeypatch: pytest.MonkeyPatch) -> Mine:
    """`bank(write, rows, **definition)` puts a data set into a mirror and defines `mine` on it."""

    def make(write: Write = by_schema, train: Rows = ROWS, test: Rows = ROWS, **definition: Any) -> Tasks:
        monkeypatch.delenv("PRIMING_HUB", raising=False)
        folder = tmp_path / "hub" / "some" / "bank"
        folder.mkdir(parents=True)
        for split, rows in (("train", train), ("test", test)):
            write(folder, split, rows)
        keys = {key: definition.pop(key) for key in list(definition) if key in Tasks.model_fields}
        mine = {"hub": {"id": "some/bank"}, "input": "{text}", "output": "label", **definition}
        return study_tasks(mine, hub_folder="hub", **keys)

    return make


def written(tasks: Tasks, base: Path) -> list[str]:
    return [example.targets[0] for example in source_of(tasks, "mine").load(base).train]


@every_way
def test_the_names_are_the_labels_in_the_order_of_the_data_set(tmp_path: Path, bank: Mine, write: Write) -> None:
    task = source_of(bank(write), "mine").load(tmp_path)
    assert task.labels == ("refund", "card_lost", "True")
    expected = ["refund", "card_lost", "True", "True", "card_lost", "refund"]
    assert [example.targets for example in task.train] == [(name,) for name in expected]
    assert [example.targets for example in task.test] == [(name,) for name in expected]


def test_a_class_without_a_row_is_no_label(tmp_path: Path, bank: Mine) -> None:
    train = {key: [values[i] for i in (0, 2, 3, 5)] for key, values in ROWS.items()}
    assert source_of(bank(train=train, test=train), "mine").load(tmp_path).labels == ("refund", "True")


@pytest.mark.parametrize(
    "labels",
    [
        {0: "money", 1: "lost", 2: "yes"},
        {"0": "money", "1": "lost", "2": "yes"},
        {"refund": "money", "card_lost": "lost", "True": "yes"},
        {"card_lost": "lost", 0: "money", True: "yes"},
    ],
)
def test_labels_may_name_a_class_or_give_its_id(tmp_path: Path, bank: Mine, labels: dict[Any, str]) -> None:
    tasks = bank(labels=labels)
    assert written(tasks, tmp_path) == ["money", "lost", "yes", "yes", "lost", "money"]
    assert source_of(tasks, "mine").load(tmp_path).labels == tuple(labels.values())


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, ["0", "2", "1", "0", "2", "1"]),
        ({0: "two", 1: "one", 2: "none"}, ["none", "two", "one", "none", "two", "one"]),
        ({"2": "two", "1": "one", "0": "none"}, ["none", "two", "one", "none", "two", "one"]),
    ],
)
def test_a_number_as_key_is_an_id_and_text_that_is_a_name_the_name(
    tmp_path: Path, bank: Mine, labels: dict[Any, str] | None, expected: list[str]
) -> None:
    assert written(bank(output="stars", labels=labels), tmp_path) == expected


@pytest.mark.parametrize(("labels", "message"), [
    ({0: "a", "refund": "b", 1: "c", 2: "d"}, r"mine\.labels: 0 and 'refund' are the same value of label; remove one"),
    ({0: "a", 1: "b"}, r"train row 3, .*: unknown label value 'true'; known labels: refund, card_lost; list it in"),
    ({0: "a", 1: "b", 2: "c", 3: "d"}, r"mine\.labels: no training row has the value 3 \('d'\)"),
])  # fmt: skip
def test_labels_that_do_not_fit_the_classes_are_named(
    tmp_path: Path, bank: Mine, labels: dict[Any, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        source_of(bank(labels=labels), "mine").load(tmp_path)


def test_names_stand_in_inputs_and_in_outputs_of_text(tmp_path: Path, bank: Mine) -> None:
    task = source_of(bank(kind="text_to_text", input="{text} {stars}"), "mine").load(tmp_path)
    assert [example.input for example in task.train] == ["t0 0", "t1 2", "t2 1", "t3 0", "t4 2", "t5 1"]
    assert task.train[1].targets == ("card_lost",)


def test_lists_of_classes_have_their_names(tmp_path: Path, bank: Mine) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.List(CLASSES["label"])})

    def write(folder: Path, split: str, rows: Rows) -> None:
        datasets.Dataset.from_dict(rows, features=features).to_parquet(folder / f"{split}.parquet")

    rows = {"text": ["a", "b"], "label": [[0, 1], [2]]}
    task = source_of(bank(write, rows, rows, kind="text_to_text"), "mine").load(tmp_path)
    assert [example.targets for example in task.train] == [("refund", "card_lost"), ("True",)]


def test_a_threshold_is_on_the_ids(tmp_path: Path, bank: Mine) -> None:
    tasks = bank(output="stars", threshold=1, labels={True: "high", False: "low"})
    assert written(tasks, tmp_path) == ["high", "low", "high", "high", "low", "high"]


@pytest.mark.parametrize("labels", [None, {0: "money", 1: "lost", 2: "yes"}])
def test_rows_without_a_class_are_dropped_and_counted(
    tmp_path: Path, bank: Mine, labels: dict[Any, str] | None
) -> None:
    """-1 is what the hub writes for no class."""
    train = {"text": [f"t{i}" for i in range(300)], "label": [-1, *(i % 3 for i in range(299))]}
    rows = {**train, "stars": [0] * 300}
    tasks = bank(train=rows, labels=labels, samples=[13])
    assert len(source_of(tasks, "mine").load(tmp_path).train) == 299
    why = "some/bank, train row 1, column label: the class id -1 has no name"
    said = f"task mine: 1 of 300 training rows are unusable and were dropped; the first: {why}"
    assert said in source_of(tasks, "mine").prepare("target", tmp_path, tmp_path / "out")
    assert read_task(tmp_path / "out").counts["unusable"] == {"train": 1, "test": 0}


def test_an_id_without_a_name_may_be_listed(tmp_path: Path, bank: Mine) -> None:
    rows = {key: [*values, value] for (key, values), value in zip(ROWS.items(), ["x", -1, 0], strict=True)}
    tasks = bank(train=rows, labels={0: "money", 1: "lost", 2: "yes", -1: "none"})
    assert written(tasks, tmp_path)[-1] == "none"
