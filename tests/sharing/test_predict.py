"""Answers to rows of the user's own are those that the study has of the same rows, in every form."""

import csv
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError
from priming.forms.answers import read_predictions
from priming.sharing.finished import read_finished
from priming.sharing.predict import predict
from tests.sharing.studies import run, sample, study

Rows = list[dict[str, Any]]
FORMS = {
    "text": ("bart", ["colour", "thing"], ["none -> adapter", "mtl[plm+prompt] -> nothing (with prompt)"]),
    "label": ("bert", ["colour"], ["none -> adapter+head", "mtl[plm+head] -> nothing (with head)"]),
    "tags": ("bert", ["names"], ["mtl[plm+head] -> lora+head"]),
    "choices": ("t5", ["which"], ["mtl[plm] -> prefix", "none -> nothing"]),
}


@pytest.fixture(scope="module")
def results(plms: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The results of a study of each form."""
    folder = tmp_path_factory.mktemp("studies")
    return {
        form: run(folder, study(form, {"path": str(plms[family])}, tasks, strategies))
        for form, (family, tasks, strategies) in FORMS.items()
    }


def answered(result: Path, file: Path, **options: Any) -> Rows:
    """What is printed for a file of rows."""
    with redirect_stdout(io.StringIO()) as printed:
        assert predict(read_finished(result), file, None, **options) == len(printed.getvalue().splitlines())
    return [json.loads(line) for line in printed.getvalue().splitlines()]


CASES = [
    (form, task, number) for form, (_, tasks, ways) in FORMS.items() for task in tasks for number in range(len(ways))
]


@pytest.mark.parametrize(("form", "task", "number"), CASES)
def test_the_task_s_own_test_rows(form: str, task: str, number: int, results: dict[str, Path]) -> None:
    """The rows as they were prepared, and what the tuning wrote of them."""
    strategies = sorted(path.name for path in (results[form] / "tuned" / "tiny").iterdir() if path.name != "chunks")
    result = sample(results[form], strategies[number], task)
    stored = [row for row in read_predictions(result / "predictions.jsonl") if row.part == "test"]
    found = answered(result, results[form] / "tasks" / task / "sample-13-test.jsonl")
    assert len(stored) == len(found) > 5
    for row, own in zip(stored, found, strict=True):
        said = own["prediction"] if isinstance(own["prediction"], str) else " ".join(own["prediction"])
        assert [said] == list(row.answers.values())
        scores = own.get("scores", {})
        assert list(scores.values() if isinstance(scores, dict) else scores) == pytest.approx(
            row.scores or [], abs=1e-5
        )


def test_a_table_of_the_user_s_own(results: dict[str, Path], tmp_path: Path) -> None:
    """Columns are kept, inputs made by a template; as CSV there is a column for each label's score."""
    file, out = tmp_path / "mine.csv", tmp_path / "answers.csv"
    file.write_text('id,what,colour\n7,cat,"red, runs"\n8,dog,blue\n')
    result = sample(results["text"], "none--adapter", "colour")
    assert predict(read_finished(result), file, out, template="{what} {colour}") == 2
    with out.open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [(row["id"], row["what"], row["colour"]) for row in rows] == [
        ("7", "cat", "red, runs"),
        ("8", "dog", "blue"),
    ]
    best = [max(("red", "blue", "green"), key=lambda label, row=row: float(row[f"score {label}"])) for row in rows]
    assert [row["prediction"] for row in rows] == best
    lines = answered(result, file, template="{what} {colour}")
    assert [line["prediction"] for line in lines] == best


def test_words_and_choices_in_a_table(results: dict[str, Path], tmp_path: Path) -> None:
    words, choices = tmp_path / "words.csv", tmp_path / "choices.csv"
    words.write_text("tokens\ncat runs red\n")
    (row,) = answered(sample(results["tags"], "mtl-plm+head--lora+head", "names"), words)
    assert len(row["prediction"]) == 3
    choices.write_text('input,choices\ncat sings,"[""red"", ""good bad"", ""blue""]"\n')
    (row,) = answered(sample(results["choices"], "none--nothing", "which"), choices)
    assert row["prediction"] in {"red", "good bad", "blue"}
    assert len(row["scores"]) == 3


MISTAKES = {
    "no column": ('{"text": "cat"}\n', {}, "line 1 has no column 'input'.*it has text; .*--input '{text}'"),
    "empty": ('{"input": "cat"}\n{"input": " "}\n', {}, "line 2, column input: empty; fill it in or remove the row"),
    "a list": ('{"input": ["cat"]}\n', {}, "line 1, column input: a list instead of text"),
    "not JSON": ("cat\n", {}, "line 1: not JSON"),
    "taken": ('{"input": "cat", "prediction": 1}\n', {}, "has a column 'prediction'.*rename it"),
    "template": ('{"input": "cat"}\n', {"template": "{"}, "--input: template '{' cannot be read"),
    "decoder": ('{"input": "cat"}\n', {"decoder": "greed"}, "--decoder greed: .*did you mean 'greedy'.*allowed: "),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str, results: dict[str, Path], tmp_path: Path) -> None:
    text, options, message = MISTAKES[mistake]
    (tmp_path / "rows.jsonl").write_text(text)
    with pytest.raises(DataError, match=message):
        answered(sample(results["text"], "none--adapter", "colour"), tmp_path / "rows.jsonl", **options)


def test_files_that_cannot_be_read_or_written(results: dict[str, Path], tmp_path: Path) -> None:
    finished = read_finished(sample(results["text"], "none--adapter", "colour"))
    with pytest.raises(DataError, match="gone.csv is not there"):
        predict(finished, tmp_path / "gone.csv", None)
    with pytest.raises(DataError, match="answers.txt: .*allowed: .jsonl, .csv"):
        predict(finished, tmp_path / "gone.csv", tmp_path / "answers.txt")
    with pytest.raises(DataError, match="it is not tuned on a task"):
        predict(read_finished(results["text"] / "plm" / "tiny"), tmp_path / "gone.csv", None)


def test_folders_that_are_no_results(results: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no result there, it has no result.json; give a folder such as results/STUDY"):
        read_finished(tmp_path)
