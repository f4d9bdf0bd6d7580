"""Files made of invented rows, compared with the digests of what CrossFit's own functions make of them."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from priming.forms.rows import Example
from priming.tasks.crossfit import registry
from priming.tasks.crossfit.draw import draw
from priming.tasks.crossfit.lines import content, files
from priming.tasks.reading.rows import Row

SAMPLES = [100, 13]
BY_HAND = {"amazon_polarity"}


@cache
def cases(path: Path) -> dict[str, Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return {case["task"]: case for case in map(json.loads, file)}


def sorted_references(example: Example) -> Example:
    """References in an order that does not depend on CrossFit's; a tab inside one divides it."""
    return Example(example.input, tuple(sorted("\t".join(example.targets).split("\t"))))


def rows_of(case: Any, split: str) -> Iterator[Row]:
    return (Row(f"{split} row {number}", values) for number, values in enumerate(case["rows"][split], 1))


def test_every_task_has_a_case(golden: Path) -> None:
    assert cases(golden).keys() | BY_HAND == set(registry.names())


@pytest.mark.parametrize("name", sorted(set(registry.names()) - BY_HAND))
def test_files_are_those_of_crossfit(golden: Path, name: str) -> None:
    case, entry = cases(golden)[name], registry.entry(name)
    drawn = draw(entry, lambda split: rows_of(case, split), SAMPLES, entry.size)
    made = dict(files(entry, drawn))
    assert len(case["files"]) == 3 * len(SAMPLES)
    for part, expected in case["files"].items():
        examples = made[f"{name}_{entry.size}_{part}.tsv"]
        if case["unordered_references"]:
            examples = [sorted_references(example) for example in examples]
        found = content(examples)
        assert found.decode().startswith("".join(expected["first"])), part
        assert (len(examples), hashlib.md5(found).hexdigest()) == (expected["lines"], expected["md5"]), part
