"""Tagging tasks from CoNLL files, JSONL and the hub: columns, schemes, and what is said of rows that are wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from priming.errors import DataError
from priming.evaluation.metrics.entities import Entity, strict
from priming.forms.tags import sentence
from priming.study.definition import TaskDefinition
from priming.study.tasks import Tasks
from priming.tasks.prepare import write_task
from priming.tasks.prepared import read_task
from priming.tasks.reading.schemes import SCHEMES, TagError
from priming.tasks.sources.table import source_of

GOOD = "Ada NNP B-PER\nLovelace NNP I-PER\nsleeps VB O\n\nRome NNP B-LOC\n"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., object]:
    """`load(train, **definition)` reads a task whose test file has the sentences GOOD."""

    def of(train: str, test: str = GOOD, **definition: object) -> object:
        (tmp_path / "train.conll").write_text(train, encoding="utf-8")
        (tmp_path / "test.conll").write_text(test, encoding="utf-8")
        said = {"files": {"train": "train.conll", "test": "test.conll"}, "kind": "tagging", "input": "{0}"}
        task = TaskDefinition.model_validate(said | {"output": "-1"} | definition)
        tasks = Tasks.model_construct(define={"ner": task})
        return source_of(tasks, "ner").load(tmp_path)

    return of


def test_words_and_tags_of_a_file(load: Callable[..., object]) -> None:
    task = load("-DOCSTART- -X- O\n\n" + GOOD + "\n\n")
    rows = [sentence(("Ada", "Lovelace", "sleeps"), ("B-PER", "I-PER", "O")), sentence(("Rome",), ("B-LOC",))]
    assert (task.train, task.test) == (rows, rows)  # type: ignore[attr-defined]
    assert task.labels == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")  # type: ignore[attr-defined]
    assert task.kind == "tagging"  # type: ignore[attr-defined]


def test_columns_by_number_from_the_left_and_tabs(load: Callable[..., object]) -> None:
    same = "Ada\tB-PER\tx y\n"
    task = load(same, same, output="1")
    assert task.train == [sentence(("Ada",), ("B-PER",))]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("iob1", "I-PER I-PER O I-LOC B-LOC"),
        ("iob2", "B-PER I-PER O B-LOC B-LOC"),
        ("bioes", "B-PER E-PER O S-LOC S-LOC"),
    ],
)
def test_each_scheme_gives_the_same_entities(load: Callable[..., object], scheme: str, tags: str) -> None:
    file = "".join(f"w{number} {tag}\n" for number, tag in enumerate(tags.split()))
    task = load(file, file, scheme=scheme)
    (row,) = task.train  # type: ignore[attr-defined]
    found = list(strict(row.targets[0].split(" ")))
    assert found == [Entity("PER", 0, 2), Entity("LOC", 3, 4), Entity("LOC", 4, 5)]


@pytest.mark.parametrize(
    ("scheme", "tags", "place"),
    [
        ("iob2", "O I-PER", 1),
        ("iob2", "B-PER I-LOC", 1),
        ("iob2", "B-PER X-PER", 1),
        ("iob1", "O E-PER", 1),
        ("bioes", "B-PER O", 1),
        ("bioes", "O E-PER", 1),
        ("bioes", "B-PER", 0),
        ("bioes", "B-PER S-LOC", 1),
        ("bioes", "I-PER", 0),
        ("iob2", "B-", 0),
        ("iob2", "BPER", 0),
    ],
)
def test_what_a_scheme_forbids(scheme: str, tags: str, place: int) -> None:
    with pytest.raises(TagError) as error:
        SCHEMES[scheme](tags.split())
    assert error.value.place == place


@pytest.mark.parametrize(
    ("train", "definition", "said"),
    [
        ("a O\nb\n", {}, r"train.conll, line 2: 1 column where the first word, in line 1, has 2"),
        ("a O\n\nb O\nc I-PER\n", {}, r"train.conll, line 4: I-PER continues no entity.*tasks.define.ner.scheme: iob1"),
        ("a B-PER\n\nb Q-PER\n", {}, r"train.conll, line 3: 'Q-PER' is no tag of this scheme; allowed: O, B-<type>"),
        ("a PERSON\n", {"labels": {"O": "O", "PER": "B-PER"}}, r"line 1: unknown tag 'PERSON'; known: O, PER"),
        ("a O\n", {}, r"tasks.define.ner: no training row has an entity; .*output names the column -1"),
        ("a B-PER\n", {"output": "7"}, r"there is no column '7', used in tasks.define.ner.output; the row has 0, 1"),
        (
            "a B-PER\n",
            {},
            r"test.conll, line 5: the tag 'B-LOC' occurs in no training row; known tags: O, B-PER, I-PER",
        ),
        ("\n\n", {}, r"train.conll: contains no rows"),
    ],
)
def test_wrong_files(load: Callable[..., object], train: str, definition: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        load(train, **definition)


def test_spaces_of_other_kinds_belong_to_words(load: Callable[..., object]) -> None:
    task = load("10\N{NO-BREAK SPACE}km  B-PER\n", "a O\n")
    assert task.train[0].input == "10\N{NO-BREAK SPACE}km"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": {"PER": "PERS"}}, "labels: 'PERS' is no tag; write O, or a mark and a type"),
        ({"labels": {"PER": "B-PER SON"}}, "labels: 'B-PER SON' is no tag"),
        ({"output": "0"}, "input and output name the same column, '0'"),
    ],
)
def test_tags_and_columns_that_do_not_fit(changed: dict[str, object], said: str) -> None:
    given = {"files": {"train": "a", "test": "b"}, "kind": "tagging", "input": "{0}", "output": "-1"}
    with pytest.raises(ValidationError, match=said):
        TaskDefinition.model_validate({**given, **changed})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"tokens": [], "tags": []}, "line 1: a sentence without words"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "line 1: 2 words and 1 tags"),
        ({"tokens": ["a", ""], "tags": ["O", "O"]}, "line 1, word 2: '' is no word"),
        ({"tokens": "a b", "tags": ["O", "O"]}, "column tokens: a str instead of a list with an entry for each word"),
        ({"tokens": ["a"], "tags": [3]}, r"line 1, word 1: the class id 3 has no name; name the tags in .*labels"),
        ({"tokens": ["a"]}, "there is no column 'tags'"),
        ({"tokens": ["a"], "tags": ["B-PER X"]}, "line 1, word 1: 'B-PER X' has a space in it"),
        ({"tokens": ["a", "b"], "tags": ["O", None]}, "line 1, word 2: no tag; write one, O for a word outside"),
        ({"tokens": ["a", "b"], "tags": ["O", ""]}, "line 1, word 2: no tag; write one"),
    ],
)
def test_wrong_rows(tmp_path: Path, row: dict[str, object], said: str) -> None:
    for part in ("train", "test"):
        (tmp_path / f"{part}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    task = TaskDefinition(files=files, kind="tagging", input="{tokens}", output="tags")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=said):
        source_of(Tasks.model_construct(define={"ner": task}), "ner").load(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"input": "words: {0}"}, "more than a column of words"),
        ({"scheme": "iob1", "kind": "text_to_text"}, "has no tags; write 'kind: tagging' or leave out scheme"),
        ({"threshold": 1.0, "labels": {True: "a", False: "b"}}, "has no threshold"),
    ],
)
def test_wrong_definitions(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TaskDefinition.model_validate(
            {"files": {"train": "a", "test": "b"}, "kind": "tagging", "input": "{0}", "output": "1"} | changed
        )


def test_ids_are_named_and_rows_are_prepared_as_words(tmp_path: Path) -> None:
    rows = [{"tokens": ["Ada", "x"], "tags": [1, 0]}, {"tokens": ["y"], "tags": [0]}]
    for part, own in (("train", rows), ("test", rows[1:]), ("dev", rows)):
        (tmp_path / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own), encoding="utf-8")
    said = yaml.safe_load(
        """
        define: {ner: {files: {train: train.jsonl, test: test.jsonl, dev: dev.jsonl}, kind: tagging,
                       input: "{tokens}", output: tags, labels: {0: O, 1: B-PER, 2: I-PER}}}
        source: [pos-lexicon]
        target: [ner]
        draw: all
        dev_set: split
        duplicates: keep
        samples: [1]
        """
    )
    tasks = Tasks.model_validate(said, strict=False)
    notes = write_task(source_of(tasks, "ner").load(tmp_path), tasks, "target", tmp_path / "out")
    task = read_task(tmp_path / "out")
    assert (notes, task.labels, task.metric) == ([], ("O", "B-PER", "I-PER"), "entity_f1")
    train, dev, test = task.sample(1)
    assert sorted(train, key=str) == sorted(dev, key=str) == sorted(map_rows(), key=str)
    assert test == map_rows()[1:]
    line = (tmp_path / "out" / "sample-1-test.jsonl").read_text(encoding="utf-8")
    assert json.loads(line) == {"tokens": ["y"], "tags": ["O"]}


def map_rows() -> list[object]:
    return [sentence(("Ada", "x"), ("B-PER", "O")), sentence(("y",), ("O",))]


def test_wikiann_as_the_hub_has_it(hub_mirror: Path) -> None:
    """Counts of the data set's card and of its duplicates, all of which stay."""
    task = TaskDefinition.model_validate(
        {
            "hub": {"id": "unimelb-nlp/wikiann", "config": "es", "dev": "validation"},
            "kind": "tagging",
            "input": "{tokens}",
            "output": "ner_tags",
        }
    )
    tasks = Tasks.model_construct(define={"es": task}, hub_folder=str(hub_mirror))
    found = source_of(tasks, "es").load(hub_mirror)
    assert found.labels == ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
    assert found.dev is not None
    assert [len(found.train), len(found.dev), len(found.test)] == [20_000, 10_000, 10_000]
    seen = {row.identity for row in found.train}
    assert len(seen) == 17_819
    repeated = [row.identity for row in found.test if row.identity in seen]
    assert (len(repeated), len(set(repeated))) == (1_620, 993)
    assert dict(found.dropped) == {"train": 0, "test": 0, "dev": 0}
