"""Scores of parts of the rows beside those of all."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priming.reporting.tables import write_tables
from priming.study import Study
from tests.reporting import conftest

SCORES = {1: 0.4, 2: 0.6}
"""Of unseen rows, by seed."""


@pytest.fixture
def tables(
    make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The tables of a study of one task; its scores have parts, those of one type of entity among them."""

    def with_parts(path: Path, value: dict[str, Any]) -> None:
        if "scores" in path.parts and value["status"] == "done":
            unseen = {"unseen rows": {"ranking": {"accuracy": SCORES[value["seed"]]}, "greedy": {"accuracy": 0.1}}}
            value["unseen"] = {"dev": 9, "test": 1770}
            value["parts"] = {"dev": unseen, "test": {**unseen, "PER": {"ranking": {"accuracy": 0.25}}}}
        write(path, value)

    write = conftest.write
    monkeypatch.setattr(conftest, "write", with_parts)
    study = make_study(
        strategies=["none -> plm", "none -> adapter"],
        tasks={"source": ["copy", "quote"], "target": ["negation"], "samples": [1]},
    )
    write_tables(study, make_results(study, tmp_path), tmp_path / "tables")
    return tmp_path / "tables"


def test_every_score_of_a_part_is_a_row(tables: Path) -> None:
    with (tables / "parts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * (2 + 3)  # strategies, seeds, and what is said of either split
    (one,) = [
        row
        for row in rows
        if (row["strategy"], row["seed"], row["split"], row["part"]) == ("none -> plm", "2", "test", "PER")
    ]
    assert (float(one["score"]), one["metric"], one["decoder"], one["task"]) == (
        0.25,
        "accuracy",
        "ranking",
        "negation",
    )


def test_means_have_their_spread(tables: Path) -> None:
    """Of .4 and .6 the mean is .5 and the deviation the root of .02; the other decoder does not count."""
    text = (tables / "parts.md").read_text()
    test, dev = text.split("parts of the development rows")
    assert "0.500 ± 0.141" in test
    assert "0.250 ± 0.000" in test
    assert "0.500 ± 0.141" in dev
    assert "PER" not in dev
    assert "that the sample trains on (negation 1,770)" in test
    assert "(negation 9)" in dev
    assert "0.1" not in dev.replace("0.141", "")
