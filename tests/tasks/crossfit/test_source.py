"""Rows of CrossFit's tasks from a mirror: what has changed on the hub, what is missing, what is wrong."""

import json
from pathlib import Path

import datasets
import pytest

from priming.errors import DataError
from priming.tasks.crossfit.draw import Drawn, draw
from priming.tasks.crossfit.registry import entry
from priming.tasks.crossfit.source import Source, missing, raw_files, unexpected_rows
from tests.tasks.crossfit.conftest import Mirrored, sentences


def drawn(name: str, hub: Path | None, size: int = 2) -> Drawn:
    return draw(entry(name), Source(entry(name), None if hub is None else str(hub), Path()), [13], size)


def test_rows_come_from_the_mirror(mirrored: Mirrored) -> None:
    hub = mirrored("nyu-mll/glue", "rte", train=sentences(20), validation=sentences(4, 50))
    found = drawn("glue-rte", hub)
    assert [example.input for example in found.test] == [
        f"sentence 1: one {i} [SEP] sentence 2: two {i}" for i in range(50, 54)
    ]
    assert found.read == {"train": 20, "validation": 4}
    assert [path.name for path in raw_files(entry("glue-rte"), str(hub), Path())] == [
        "README.md", "train-00000-of-00001.parquet", "validation-00000-of-00001.parquet",
    ]  # fmt: skip
    assert missing(entry("glue-rte"), str(hub), Path()) is None


def test_other_row_counts_than_crossfits_are_said(mirrored: Mirrored) -> None:
    hub = mirrored("nyu-mll/glue", "rte", train=sentences(20), validation=sentences(4, 50))
    assert unexpected_rows(entry("glue-rte"), drawn("glue-rte", hub).read) == [
        "task glue-rte: nyu-mll/glue (rte), split train has 20 rows, and had 2490 when CrossFit was made",
        "task glue-rte: nyu-mll/glue (rte), split validation has 4 rows, and had 277 when CrossFit was made",
    ]
    assert unexpected_rows(entry("glue-rte"), {"train": 2490, "validation": 277}) == []


def test_a_missing_configuration_split_column_or_label_is_named(mirrored: Mirrored) -> None:
    hub = mirrored("nyu-mll/glue", "cola", train=sentences(20), validation=sentences(4))
    with pytest.raises(
        DataError, match=r"task glue-rte\.config: there is no configuration 'rte'; nyu-mll/glue has cola|.*has cola"
    ):
        drawn("glue-rte", hub)
    assert "there is no configuration 'rte'" in str(missing(entry("glue-rte"), str(hub), Path()))
    hub = mirrored("nyu-mll/glue", "rte", train=sentences(20), valid=sentences(4))
    with pytest.raises(
        DataError,
        match=r"there is no split 'validation'; did you mean 'valid'\?; nyu-mll/glue \(rte\) has train, valid",
    ):
        drawn("glue-rte", hub)
    hub = mirrored("nyu-mll/glue", "rte", train=sentences(20), validation=[row | {"label": 2} for row in sentences(1)])
    with pytest.raises(
        DataError, match=r"nyu-mll/glue \(rte\), validation row 1, column label: unknown label 2; known: 0 'entailment'"
    ):
        drawn("glue-rte", hub)
    renamed = [{"first": "a", "sentence2": "b", "label": 0}]
    hub = mirrored("nyu-mll/glue", "rte", train=renamed, validation=renamed)
    with pytest.raises(
        DataError,
        match=r"nyu-mll/glue \(rte\), train row 1, column sentence1: there is no such column; "
        "the row has first, sentence2",
    ):
        drawn("glue-rte", hub)


def test_a_data_set_that_is_not_in_the_mirror_is_named_with_a_copy_that_others_use(mirrored: Mirrored) -> None:
    hub = mirrored("nyu-mll/glue", "rte", train=sentences(20), validation=sentences(4))
    with pytest.raises(
        DataError,
        match=r"task liar\.id: 'ucsbnlp/liar' is not in the mirror .*; a widely used copy is tasksource/liar, "
        "which was not compared",
    ):
        drawn("liar", hub)
    assert raw_files(entry("liar"), str(hub), Path()) == []


def test_a_data_set_that_is_gone_is_said_before_anything_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRIMING_HUB", raising=False)
    assert (
        missing(entry("eli5-askh"), None, Path())
        == "task eli5-askh: the data set defunct-datasets/eli5 was withdrawn by its publisher"
    )
    with pytest.raises(
        DataError,
        match=r"task eli5-askh: the data set defunct-datasets/eli5 was withdrawn by its publisher; exclude the task",
    ):
        drawn("eli5-askh", None)


@pytest.mark.parametrize(
    ("name", "old", "now", "words", "expected"),
    [
        (
            "trec",
            "label-coarse",
            "coarse_label",
            ["ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"],
            {0: "ABBR", 2: "DESC", 5: "NUM"},
        ),
        (
            "trec-finegrained",
            "label-fine",
            "fine_label",
            ["ABBR:abb", "ENTY:animal", "DESC:desc", "NUM:other"],
            {0: "abb", 2: "desc", 3: "other"},
        ),
    ],
)
def test_classes_that_were_renumbered_are_told_by_name(
    mirrored: Mirrored, name: str, old: str, now: str, words: list[str], expected: dict[int, str]
) -> None:
    ids = list(expected) * 40
    hub = mirrored("CogComp/trec", "default", train=[{"text": "placeholder", now: 0}])
    features = datasets.Features({"text": datasets.Value("string"), now: datasets.ClassLabel(names=words)})
    data = datasets.Dataset.from_dict(
        {"text": [f"q{i} of {k}" for i, k in enumerate(ids)], now: ids}, features=features
    )
    data.to_parquet(hub / "CogComp/trec/default/train-00000-of-00001.parquet")
    found = drawn(name, hub, 16)
    train, dev = found.samples[13]
    assert found.classes == tuple(sorted(expected.values()))
    assert all(
        example.targets == (expected[int(example.input.split(" of ")[1])],) for example in (*train, *dev, *found.test)
    )


def test_a_file_outside_the_hub_is_read_from_the_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRIMING_HUB", raising=False)
    file = tmp_path / "hub/iesl/protoqa-data/data/train/train.jsonl"
    file.parent.mkdir(parents=True)
    rows = [{"question": {"normalized": f"q {i}"}, "answers": {"raw": {f"b{i}": 1, f"a{i}": 2}}} for i in range(100)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = drawn("proto_qa", tmp_path / "hub", 32)
    assert all(example.targets == (f"b{example.input[2:]}", f"a{example.input[2:]}") for example in found.test)
    assert len(found.test) == 20
    with pytest.raises(
        DataError,
        match=r"task proto_qa: iesl/protoqa-data is not a data set of the hub; fetch it: priming tasks mirror proto_qa",
    ):
        drawn("proto_qa", None)
