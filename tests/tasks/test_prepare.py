"""Preparing a task, and reading the folder back."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from priming.errors import DataError, DiskError
from priming.forms.rows import Example
from priming.study.tasks import Tasks
from priming.tasks.names import undrawable
from priming.tasks.prepared import read_task
from priming.tasks.sources.table import source_of
from tests.tasks.conftest import reviews, write_rows

Own = Callable[..., Tasks]


@pytest.fixture
def prepared(tmp_path: Path, own_files: Own) -> Path:
    """A target task, prepared: 100 training rows, 10 test rows of which 4 are among them."""
    tasks = own_files(reviews(100), [*reviews(4), *reviews(6, 100)], samples=[13, 21])
    assert source_of(tasks, "mine").prepare("target", tmp_path, tmp_path / "out") == []
    return tmp_path / "out"


def test_samples_are_read_back_as_they_were_drawn(tmp_path: Path, prepared: Path) -> None:
    task = read_task(prepared)
    assert (task.name, task.kind, task.labels, task.part, task.origin) == (
        "mine",
        "classification",
        ("bad", "good"),
        "target",
        "files",
    )
    for number in (13, 21):
        train, dev, test = task.sample(number)
        assert len(train) == len(dev) == 32
        drawn = {example.input for example in (*train, *dev)}
        dropped = sum(row["text"] in drawn for row in reviews(4))
        assert (task.counts["dropped_from_test"][str(number)], len(test)) == (dropped, 10 - dropped)
    assert task.counts["pool"] == 100
    assert task.counts["test"] == 10


def test_every_file_is_there_with_its_digest_and_nothing_else(prepared: Path) -> None:
    about = json.loads((prepared / "task.json").read_text(encoding="utf-8"))
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in prepared.iterdir()
        if path.name != "task.json"
    }
    assert about["sha256"] == digests
    assert sorted(digests) == [f"sample-{k}-{part}.jsonl" for k in (13, 21) for part in ("dev", "test", "train")]
    line = (prepared / "sample-13-train.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert list(json.loads(line)) == ["input", "targets"]


def test_preparing_twice_gives_the_same_bytes(tmp_path: Path, study_tasks: Own) -> None:
    tasks = study_tasks(target=["dinner_review"])
    for out in ("a", "b"):
        source_of(tasks, "dinner_review").prepare("target", tmp_path, tmp_path / out)
    assert {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()
    }


def test_a_source_task_has_a_pool_of_different_rows_up_to_the_limit(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files([*reviews(100), *reviews(100)], reviews(2), source_limit=60)
    source_of(tasks.model_copy(update={"source": ["mine"]}), "mine").prepare("source", tmp_path, tmp_path / "out")
    task = read_task(tmp_path / "out")
    assert len({example.input for example in task.pool()}) == len(task.pool()) == 60
    assert task.counts["repeated_in_pool"] == 100
    with pytest.raises(
        DataError, match=r"the source task mine was prepared without sample-13-train\.jsonl; it has pool\.jsonl"
    ):
        task.sample(13)


def test_what_is_short_is_said_once_and_written(tmp_path: Path, own_files: Own) -> None:
    rows = [{"text": f"t{i}", "label": int(i < 20)} for i in range(60)]
    tasks = own_files(rows, [{"text": "unseen", "label": 1}], samples=[13, 21])
    said = source_of(tasks, "mine").prepare("development", tmp_path, tmp_path / "out")
    assert said == [
        "task mine: no test row is 'bad'",
        "task mine, class 'good': too few different rows for 16 + 16; training has 16, development 4",
    ]
    short = read_task(tmp_path / "out").counts["short_classes"]
    assert short == {k: {"good": {"train": 16, "dev": 4}} for k in ("13", "21")}


def test_text_and_labels_of_any_script_come_back(tmp_path: Path, own_files: Own) -> None:
    rows = [{"text": f"naïve \u2028 {i} 日本", "label": i % 2} for i in range(40)]
    source_of(
        own_files(rows, [{"text": "\u2028 ü \u2028 é", "label": 0}], labels={0: "schön", 1: "悪い"}, samples=[13]),
        "mine",
    ).prepare("target", tmp_path, tmp_path / "out")
    train, dev, test = read_task(tmp_path / "out").sample(13)
    assert {e.targets[0] for e in train} == {"schön", "悪い"}
    assert {e.input for e in (*train, *dev)} <= {row["text"] for row in rows}
    assert test == [Example("ü \u2028 é", ("schön",))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"sample-13-dev\.jsonl, line 2: not an example"),
        ('{"input": "a"}', r"sample-13-dev\.jsonl, line 2: not an example"),
        ('{"input": "a", "targets": []}', r"line 2: not an example .*; expected"),
        ('{"input": "a", "targets": "b"}', r"line 2: not an example .*; expected"),
        (
            '{"input": "a", "targets": ["good"]}',
            r"sample-13-dev\.jsonl has changed since it was prepared; remove .*out and run snakemake again",
        ),
    ],
)
def test_a_broken_row_is_named(prepared: Path, line: str, message: str) -> None:
    path = prepared / "sample-13-dev.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], line, *lines[2:]]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_task(prepared).sample(13)


def test_missing_files_are_named(prepared: Path) -> None:
    task = read_task(prepared)
    (prepared / "sample-21-test.jsonl").unlink()
    with pytest.raises(DataError, match=r"sample-21-test\.jsonl is missing; run snakemake again"):
        task.sample(21)
    (prepared / "task.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"task\.json: it lacks name, kind, labels"):
        read_task(prepared)
    (prepared / "task.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"task\.json: not JSON"):
        read_task(prepared)
    (prepared / "task.json").unlink()
    with pytest.raises(DataError, match=r"task\.json is missing"):
        read_task(prepared)


def test_a_failure_leaves_what_was_there(tmp_path: Path, prepared: Path, own_files: Own) -> None:
    before = {path.name: path.read_bytes() for path in prepared.iterdir()}
    tasks = own_files(reviews(100), [{"text": "", "label": 0}], samples=[13])
    with pytest.raises(DataError, match="empty input"):
        source_of(tasks, "mine").prepare("target", tmp_path, prepared)
    assert {path.name: path.read_bytes() for path in prepared.iterdir()} == before


def test_a_place_that_cannot_be_written_is_a_disk_error(tmp_path: Path, study_tasks: Own) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DiskError, match=r"the prepared task could not be written .*make room or rights there"):
        source_of(study_tasks(), "film_verdict").prepare("source", tmp_path, tmp_path / "file" / "out")
    assert source_of(study_tasks(), "film_verdict").load(tmp_path).origin == "generated"


def split_files(folder: Path, own_files: Own, **keys: object) -> Tasks:
    """100 training rows, a development split of 12 of which 2 are among them and 1 is there twice, and 4 test rows."""
    tasks = own_files(reviews(100), [*reviews(3, 200), *reviews(1)], dev_set="split", samples=[13], **keys)
    write_rows(folder / "dev.jsonl", [*reviews(2), *reviews(9, 300), *reviews(1, 300)])
    mine = tasks.define["mine"]
    assert mine.files
    define = {"mine": mine.model_copy(update={"files": mine.files.model_copy(update={"dev": "dev.jsonl"})})}
    return tasks.model_copy(update={"define": define})


def test_a_development_split_is_prepared_as_it_is(tmp_path: Path, own_files: Own) -> None:
    tasks = split_files(tmp_path, own_files, draw="all")
    source_of(tasks, "mine").prepare("target", tmp_path, tmp_path / "out")
    task = read_task(tmp_path / "out")
    train, dev, test = task.sample(13)
    assert {example.input for example in train} == {row["text"] for row in reviews(100)}
    assert {example.input for example in dev} == {row["text"] for row in reviews(9, 300)}
    assert len(test) == 3
    assert (task.counts["dev"], task.counts["repeated_in_dev"]) == (12, 1)
    assert (task.counts["dropped_from_dev"], task.counts["dropped_from_test"]) == ({"13": 2}, {"13": 1})


def test_what_is_the_same_may_be_kept(tmp_path: Path, own_files: Own) -> None:
    tasks = split_files(tmp_path, own_files, draw="all", duplicates="keep")
    source_of(tasks, "mine").prepare("target", tmp_path, tmp_path / "out")
    task = read_task(tmp_path / "out")
    assert [len(part) for part in task.sample(13)] == [100, 12, 4]
    assert (task.counts["dropped_from_dev"], task.counts["in_sample_and_test"]) == ({"13": 0}, {"13": 1})
    assert "dropped_from_test" not in task.counts


def test_a_pool_keeps_repeated_rows_where_the_study_does(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files([*reviews(30), *reviews(30)], reviews(2), duplicates="keep")
    source_of(tasks.model_copy(update={"source": ["mine"]}), "mine").prepare("source", tmp_path, tmp_path / "out")
    task = read_task(tmp_path / "out")
    assert (len(task.pool()), task.counts["repeated_in_pool"]) == (60, 30)


def test_a_sample_without_a_development_set_has_an_empty_file(tmp_path: Path, own_files: Own) -> None:
    tasks = own_files(reviews(40), reviews(4, 100), dev_set="none", shots=20, samples=[13])
    assert source_of(tasks, "mine").prepare("target", tmp_path, tmp_path / "out") == []
    train, dev, test = read_task(tmp_path / "out").sample(13)
    assert (len(train), dev, len(test)) == (40, [], 4)


def test_samples_that_cannot_be_drawn_are_named_with_the_study(tmp_path: Path, own_files: Own) -> None:
    splits = own_files(reviews(40), reviews(4, 100), dev_set="split").model_copy(
        update={"target": ["mine", "dinner_review"]}
    )
    assert [problem.text for problem in undrawable(splits, tmp_path)] == [
        "'split' needs a development split, and the task mine has none; "
        "name it as 'dev' under tasks.define.mine.files or .hub, or write dev_set: drawn",
        "'split' needs a development split, and the task dinner_review has none; write dev_set: drawn",
    ]
    text = own_files(reviews(40), reviews(4, 100), draw="per_class", kind="text_to_text", labels=None)
    (problem,) = undrawable(text, tmp_path)
    assert problem.text.startswith(
        "'per_class' draws from each class, and the task mine has none; leave tasks.draw out"
    )
    assert list(undrawable(own_files(reviews(40), reviews(4, 100)), tmp_path)) == []
