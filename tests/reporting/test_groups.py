"""Gains by group of target tasks, against numbers worked out by hand from the results themselves."""

import csv
import json
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from docutils.core import publish_parts

from priming.reporting.tables import write_tables
from priming.study import Study

GROUPS = {
    "with a related source task": ["sentiment", "emotion", "topic", "tense", "agreement", "antonym"],
    "numbers": ["compare_numbers"],
    "other": ["category", "pronoun", "plural", "hypernym", "odd_one_out"],
}


@pytest.fixture(scope="module")
def tables(study: Study, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("groups")
    write_tables(study, root, out, GROUPS)
    return out


def by_hand(root: Path, slug: str, task: str) -> float:
    """The mean score of a cell."""
    files = (root / "scores/tiny" / slug).glob(f"*/{task}/*.json")
    return statistics.fmean(json.loads(file.read_text())["test"]["ranking"]["accuracy"] for file in files)


def row(tables: Path, strategy: str, group: str) -> dict[str, str]:
    with (tables / "effects_by_group.csv").open(newline="") as file:
        (found,) = [row for row in csv.DictReader(file) if (row["strategy"], row["group"]) == (strategy, group)]
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_the_gain_of_a_group_is_the_mean_over_its_tasks(group: str, root: Path, tables: Path) -> None:
    gains = [by_hand(root, "mtl-plm--adapter", task) - by_hand(root, "none--adapter", task) for task in GROUPS[group]]
    found = row(tables, "mtl[plm] -> adapter", group)
    assert float(found["gain"]) == pytest.approx(statistics.fmean(gains), abs=1e-6)
    assert (found["twin"], int(found["tasks"]), int(found["tasks_better"])) == (
        "none -> adapter",
        len(gains),
        sum(gain > 0 for gain in gains),
    )
    assert found["task_names"].split() == GROUPS[group]
    assert bool(found["low"]) is (len(gains) >= 6)
    if found["low"]:
        assert float(found["low"]) < float(found["gain"]) < float(found["high"])


def test_all_tasks_as_one_group_have_the_gains_of_the_study(study: Study, root: Path, tmp_path: Path) -> None:
    write_tables(study, root, tmp_path)
    effects, grouped = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("effects", "effects_by_group"))
    assert set(grouped["group"]) == {"all target tasks"}
    columns = ["plm", "strategy", "gain", "low", "high", "tasks", "tasks_better", "interval"]
    pd.testing.assert_frame_equal(effects[columns], grouped[columns])
    assert not (tmp_path / "groups.md").exists()
    assert "By group" not in (tmp_path / "front.rst").read_text()


def test_the_table_for_reading_has_a_column_a_group(tables: Path) -> None:
    text = (tables / "groups.md").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("| mtl[plm] -> adapter")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    found = [row(tables, "mtl[plm] -> adapter", group) for group in GROUPS]
    first, second, _ = found
    assert (
        cells[1] == f"{float(first['gain']):+.3f} [{float(first['low']):+.3f}, "
        f"{float(first['high']):+.3f}] ({first['tasks_better']} of 6)"
    )
    assert cells[2] == f"{float(second['gain']):+.3f} ({second['tasks_better']} of 1)"
    assert "numbers: compare_numbers" in text
    assert "not corrected" in text
    failed = next(line for line in text.splitlines() if line.startswith("| reptile"))
    assert [cell.strip() for cell in failed.replace(r"\|", "").strip("|").split("|")][1:] == ["-", "-", "-"]


def test_the_front_page_has_the_gains_of_the_best_by_dev_score(tables: Path) -> None:
    text = (tables / "front.rst").read_text()
    strategies = pd.read_csv(tables / "strategies.csv")
    primed = strategies[(strategies["downstream"] == "adapter") & (strategies["priming"] != "none")]
    best = primed.loc[primed["dev"].idxmax(), "strategy"]
    gains = [f"{float(row(tables, best, group)['gain']):+.3f}" for group in GROUPS]
    (line,) = [line for line in text.splitlines() if line.startswith(f"- ``{best}`` over its twin: {gains[0]} [")]
    assert "on 6 tasks with a related source task; " in line
    assert f"; {gains[1]} on 1 task in the group 'numbers'; {gains[2]} on 5 tasks in the group 'other'." in line
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        publish_parts(text, writer_name="html", settings_overrides={"halt_level": 2, "report_level": 2})


def test_a_study_without_primed_strategies_has_no_rows(
    make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path
) -> None:
    study = make_study(strategies=["none -> plm"])
    write_tables(study, make_results(study, tmp_path), tmp_path / "tables", GROUPS)
    assert len((tmp_path / "tables/effects_by_group.csv").read_text().splitlines()) == 1
    assert not (tmp_path / "tables/groups.md").exists()
