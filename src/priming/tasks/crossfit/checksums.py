"""MD5 sums of CrossFit's 2,400 files, published by its authors in 2022; all samples of a task share the test file."""

import csv
from functools import cache
from importlib.resources import files

from priming.tasks.crossfit.entries import Entry
from priming.tasks.crossfit.lines import PARTS, file_name
from priming.tasks.crossfit.registry import SAMPLES


def published(entry: Entry) -> dict[str, str]:
    """The digests of a task's files, by name."""
    row = _table()[entry.name]
    return {
        file_name(entry, sample, part): row["test" if part == "test" else f"{part}_{sample}"]
        for sample in SAMPLES
        for part in PARTS
    }


@cache
def _table() -> dict[str, dict[str, str]]:
    text = (files("priming.tasks.crossfit") / "data" / "md5.csv").read_text(encoding="utf-8")
    return {row["task"]: row for row in csv.DictReader(text.splitlines())}
