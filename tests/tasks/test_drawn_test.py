"""A test set drawn from rows that come without one."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from priming.study.definition import Files
from priming.study.tasks import Tasks
from priming.tasks.reading.drawn_test import train_and_test
from priming.tasks.reading.rows import Row
from priming.tasks.sources.table import source_of


def rows(labels: str) -> list[Row]:
    return [Row(f"line {n}", {"text": f"text {n}", "label": label}) for n, label in enumerate(labels)]


def texts(found: list[Row]) -> list[str]:
    return [row.values["text"] for row in found]


def test_each_value_gives_its_share() -> None:
    train, test = train_and_test(rows("a" * 60 + "b" * 20 + "c" * 2), "label", 0.25)
    assert Counter(row.values["label"] for row in test) == {"a": 15, "b": 5, "c": 1}
    assert Counter(row.values["label"] for row in train) == {"a": 45, "b": 15, "c": 1}
    assert sorted([*texts(train), *texts(test)]) == sorted(texts(rows("a" * 82)))


def test_the_draw_is_the_same_each_time_and_of_other_values_whatever_comes() -> None:
    first = train_and_test(rows("ab" * 20), "label", 0.3)[1]
    assert texts(first) == texts(train_and_test(rows("ab" * 20), "label", 0.3)[1])
    more = train_and_test([*rows("ab" * 20), Row("more", {"text": "new", "label": "c"})], "label", 0.3)[1]
    assert texts(first) == [text for text in texts(more) if text != "new"]
    assert texts(first) != texts(rows("ab" * 20))[: len(first)]


def test_outputs_that_all_differ_count_as_one_value() -> None:
    train, test = train_and_test(rows("abcdefghij"), "label", 0.3)
    assert (len(train), len(test)) == (7, 3)


def defined(folder: Path, **files: Any) -> Tasks:
    with (folder / "all.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "label"])
        writer.writerows([f"text {n}", "good" if n % 2 else "bad"] for n in range(40))
    define = {"mine": {"files": {"rows": "all.csv", **files}, "input": "{text}", "output": "label"}}
    return Tasks.model_validate(
        {"define": define, "source": ["film_verdict"], "target": ["mine"], "shots": 4, "samples": [13]}
    )


def test_a_task_of_one_file_is_prepared_and_says_so(tmp_path: Path) -> None:
    source = source_of(defined(tmp_path), "mine")
    out = tmp_path / "out"
    said = source.prepare("target", tmp_path, out)
    drawn = "task mine: a test set of 12 of 40 rows was drawn (test_share 0.3, seed 0)"
    assert said[0] == drawn
    about = json.loads((out / "task.json").read_text())
    assert about["remarks"] == [drawn]
    assert (about["counts"]["pool"], about["counts"]["test"]) == (28, 12)
    files = [file.read_text().splitlines() for file in sorted(out.glob("*.jsonl"))]
    parts = [{json.loads(line)["input"] for line in lines} for lines in files]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert source.raw_files(tmp_path) == [tmp_path / "all.csv"]


def test_the_share_is_the_studys(tmp_path: Path) -> None:
    task = source_of(defined(tmp_path, test_share=0.5), "mine").load(tmp_path)
    assert (len(task.train), len(task.test)) == (20, 20)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"rows": "a.csv", "test": "b.csv"}, "rows and test are both given; leave one out"),
        ({"rows": "a.csv", "test_share": 0.0}, "test_share is 0; allowed: above 0, below 1"),
        ({"rows": "a.csv", "test_share": 1.0}, "Input should be less than 1"),
        ({"train": "a.csv"}, "test missing; add 'test: FILE', or write 'rows: FILE' alone"),
        ({}, "train and test missing; add 'train: FILE', or write 'rows: FILE' alone"),
        ({"train": "a.csv", "test": "b.csv", "test_share": 0.2}, "test_share is for rows; leave it out"),
    ],
)
def test_what_does_not_go_together(files: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("(", r"\(")):
        Files.model_validate(files)


def test_recipes_of_tasks_of_two_files_are_as_before() -> None:
    assert Files.model_validate({"train": "a", "test": "b"}).settings() == {"train": "a", "test": "b"}
