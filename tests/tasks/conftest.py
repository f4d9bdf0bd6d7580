"""Study sections on tasks, and files of rows."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

from priming.study.tasks import Tasks

# `datasets` reads it when it is imported: no test here may ask the hub.
os.environ["HF_HUB_OFFLINE"] = "1"

Rows = list[dict[str, Any]]


def write_rows(path: Path, rows: Rows) -> None:
    """Write rows in the format that the file's ending names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pandas.DataFrame(rows)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")


def reviews(number: int, start: int = 0) -> Rows:
    """Rows of two labels by turns, each with a text of its own."""
    return [{"text": f'review {i}, "quoted"', "label": i % 2} for i in range(start, start + number)]


@pytest.fixture
def study_tasks() -> Callable[..., Tasks]:
    """`study_tasks(definition, **keys)` is a study's section with the one defined task `mine` as its target."""

    def make(definition: dict[str, Any] | None = None, **keys: Any) -> Tasks:
        define = {} if definition is None else {"mine": definition}
        return Tasks.model_validate({"define": define, "source": ["film_verdict"], "target": ["mine"], **keys})

    return make


@pytest.fixture
def own_files(tmp_path: Path, study_tasks: Callable[..., Tasks]) -> Callable[..., Tasks]:
    """`own_files(train, test, ending, **keys)` writes two files and defines `mine`; keys may also be of `tasks`."""

    def make(train: Rows, test: Rows, ending: str = ".jsonl", **definition: Any) -> Tasks:
        for part, rows in (("train", train), ("test", test)):
            write_rows(tmp_path / f"{part}{ending}", rows)
        keys = {key: definition.pop(key) for key in list(definition) if key in Tasks.model_fields}
        files = {"train": f"train{ending}", "test": f"test{ending}"}
        return study_tasks(
            {"files": files, "input": "{text}", "output": "label", "labels": {0: "bad", 1: "good"}, **definition},
            **keys,
        )

    return make
