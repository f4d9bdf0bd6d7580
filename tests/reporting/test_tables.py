"""The tables of small studies, with numbers worked out by hand."""

import csv
import json
import re
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from docutils.core import publish_parts

from priming.reporting.tables import write_tables
from priming.study import Study

Made = Callable[..., Path]
SCORES = {
    "none -> plm": {"easy": [0.5, 0.7], "hard": [0.2, 0.2], "zero": [0.0, 0.0]},
    "none -> adapter": {"easy": [0.4, 0.6], "hard": [0.1, 0.3], "zero": [0.1, 0.1]},
    "mtl[plm] -> adapter": {"easy": [0.9, 0.9], "hard": [0.4, 0.2], "zero": [0.0, 0.3]},
}


@pytest.fixture(scope="module")
def by_hand(make_study: Callable[..., Study]) -> Study:
    """Three strategies, three tasks, two samples, one seed."""
    tasks = {"source": ["copy", "quote"], "target": ["easy", "hard", "zero"], "samples": [1, 2]}
    return make_study(name="hand", strategies=list(SCORES), tasks=tasks, seeds=[7])


def given_scores(result: dict[str, Any]) -> dict[str, Any]:
    if "priming" in result:
        return result
    value = SCORES[result["strategy"]][result["task"]][result["sample"] - 1]
    metrics = {"accuracy": value, "macro_f1_free": value / 2, "macro_f1_labels": value / 4, "exact_match": 0.0}
    greedy = {name: score / 2 for name, score in metrics.items()}
    return {**result, "test": {"ranking": metrics, "greedy": greedy}, "dev": {"ranking": metrics, "greedy": greedy}}


@pytest.fixture(scope="module")
def written(by_hand: Study, make_results: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_results(by_hand, tmp_path_factory.mktemp("hand"), given_scores)
    write_tables(by_hand, root, root / "tables")
    return root / "tables"


@pytest.fixture(scope="module")
def with_gaps(study: Study, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the made-up study in which runs are missing."""
    out = tmp_path_factory.mktemp("gaps")
    write_tables(study, root, out)
    return out


def rows(tables: Path, name: str, **where: str) -> list[dict[str, str]]:
    with (tables / f"{name}.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[key] == value for key, value in where.items())]


def header(tables: Path, name: str) -> str:
    return (tables / f"{name}.csv").read_text().partition("\n")[0]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("scores", "plm,strategy,task,metric,decoder,sample,plm_seed,seed,score"),
        ("arg", "plm,strategy,baseline,arg_percent,low,high,tasks,"),
        ("effects", "plm,strategy,twin,gain,low,high,tasks,"),
        (
            "strategies",
            "plm,strategy,priming,downstream,tuned,total,share,priming_flops,tuning_flops,mean,deviation,n,",
        ),
        ("per_task", "plm,strategy,task,metric,decoder,mean,deviation,n,baseline_gain,"),
        ("curves", "plm,strategy,task,sample,plm_seed,seed,step,dev"),
        ("grid", "plm,strategy,learning_rates,batch_size,dev,deviation,runs,won"),
        ("majority", "task,label,score"),
        ("failures", "plm,strategy,task,sample,plm_seed,seed,status,reason"),
    ],
)
def test_columns(written: Path, name: str, columns: str) -> None:
    assert header(written, name).startswith(columns)


def test_the_grid_counts_runs_and_wins(written: Path) -> None:
    for row in rows(written, "grid"):
        runs = rows(written, "scores", strategy=row["strategy"], decoder="greedy", metric="accuracy")
        assert int(row["runs"]) == int(row["won"]) == len(runs) > 0


def test_scores_are_those_of_the_results(written: Path) -> None:
    (row,) = rows(
        written,
        "scores",
        strategy="mtl[plm] -> adapter",
        task="zero",
        sample="2",
        metric="macro_f1_free",
        decoder="greedy",
    )
    assert row["score"] == "0.075000"
    assert len(rows(written, "scores")) == 3 * 3 * 2 * 4 * 2


def test_arg_by_hand_leaves_the_zero_baseline_out(written: Path) -> None:
    """Adapter: easy (0.5-0.6)/0.6, hard (0.2-0.2)/0.2; the plm scores 0 on `zero`."""
    (row,) = rows(written, "arg", strategy="none -> adapter")
    assert float(row["arg_percent"]) == pytest.approx(100 * (-0.1 / 0.6 + 0) / 2, abs=1e-6)
    assert (row["tasks"], row["left_out"], row["without_runs"]) == ("2", "zero", "")
    assert (row["low"], row["high"], row["interval"]) == ("", "", "none, fewer than 6 tasks")
    assert float(row["absolute_gain"]) == pytest.approx((-0.1 + 0 + 0.1) / 3, abs=1e-6)
    assert row["baseline"] == "none -> plm"


def test_effect_by_hand(written: Path) -> None:
    (row,) = rows(written, "effects")
    assert (row["strategy"], row["twin"], row["tasks"], row["tasks_better"]) == (
        "mtl[plm] -> adapter",
        "none -> adapter",
        "3",
        "3",
    )
    assert float(row["gain"]) == pytest.approx((0.4 + 0.1 + 0.05) / 3, abs=1e-6)


def test_strategy_row_by_hand(written: Path) -> None:
    (row,) = rows(written, "strategies", strategy="mtl[plm] -> adapter")
    samples = [(0.9 + 0.4 + 0.0) / 3, (0.9 + 0.2 + 0.3) / 3]
    assert float(row["mean"]) == pytest.approx(statistics.mean(samples), abs=1e-6)
    assert float(row["deviation"]) == pytest.approx(statistics.stdev(samples), abs=1e-6)
    assert (row["n"], row["priming"], row["downstream"]) == ("2", "mtl[plm]", "adapter")
    assert float(row["share"]) == pytest.approx(32_000 / 602_000, rel=1e-6)
    assert float(row["priming_flops"]) == 3.1e12


def test_cell_by_hand(written: Path) -> None:
    (row,) = rows(written, "per_task", strategy="mtl[plm] -> adapter", task="hard")
    numbers = [float(row[key]) for key in ("mean", "deviation", "baseline_gain", "relative_gain_percent", "twin_gain")]
    assert numbers == pytest.approx([0.3, statistics.stdev([0.4, 0.2]), 0.1, 50, 0.1], abs=1e-6)
    (row,) = rows(written, "per_task", strategy="mtl[plm] -> adapter", task="zero")
    assert row["relative_gain_percent"] == ""


def test_metrics_for_programs(written: Path) -> None:
    metrics = {file.stem: json.loads(file.read_text()) for file in (written / "metrics" / "tiny").iterdir()}
    assert metrics["none--plm"] == {"score": pytest.approx(0.8 / 3, abs=1e-6), "arg": 0.0}
    assert metrics["mtl-plm--adapter"]["gain"] == pytest.approx(0.55 / 3, abs=1e-6)


def test_summary_shows_both_decoders(written: Path) -> None:
    line = next(line for line in (written / "summary.md").read_text().splitlines() if line.startswith("| mtl"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    deviation = statistics.stdev([1.3 / 3, 1.4 / 3])
    assert cells[:4] == ["mtl[plm] -> adapter", "5.32 %", f"0.450 ± {deviation:.3f}", f"0.225 ± {deviation / 2:.3f}"]
    assert cells[5:] == ["+0.183", "6/6"]


@pytest.mark.parametrize("name", ["summary", "scores", "arg", "effects"])
def test_reading_tables_name_their_setting(written: Path, name: str) -> None:
    for ending in ("md", "tex"):
        text = (written / f"{name}.{ending}").read_text()
        for part in ("accuracy, label ranking", "ARG baseline none", "3 target tasks, 2 samples, 1 seed"):
            assert part in text


@pytest.mark.parametrize("name", ["summary", "scores", "arg", "effects"])
def test_markdown_lines_up(with_gaps: Path, name: str) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", (with_gaps / f"{name}.md").read_text(), re.MULTILINE):
        assert len({len(line) for line in table.splitlines()}) == 1


@pytest.mark.parametrize("name", ["summary", "scores", "arg", "effects"])
def test_latex_is_whole(with_gaps: Path, name: str) -> None:
    text = (with_gaps / f"{name}.tex").read_text()
    tables = text.split(r"\begin{table}")[1:]
    assert tables
    for table in tables:
        body = table.split(r"\toprule")[1].split(r"\bottomrule")[0]
        spec = re.search(r"\\begin\{tabular\}\{(\w+)\}", table)
        assert spec
        cells = {len(re.findall(r"(?<!\\)&", line)) + 1 for line in body.splitlines() if line.endswith(r"\\")}
        assert cells == {len(spec[1])}
    bare = re.sub(r"\\[\\&%$#_{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert text.isascii()


@pytest.mark.parametrize("name", ["summary", "scores", "arg", "effects"])
def test_html_reads_back_as_the_markdown_does(with_gaps: Path, name: str) -> None:
    lines = (with_gaps / f"{name}.md").read_text().splitlines()
    markdown = [line.replace("\\|", "¦") for line in lines if line.startswith("|")]
    cells = [
        [cell.strip().replace("¦", "|") for cell in line.strip("|").split("|")]
        for line in markdown
        if not line.startswith("|-")
    ]
    parsed = ElementTree.fromstring(f"<html>{(with_gaps / f'{name}.html').read_text().partition('</style>')[2]}</html>")
    assert [[cell.text for cell in row] for row in parsed.iter("tr")] == cells


def test_missing_runs_are_marked(with_gaps: Path) -> None:
    summary = (with_gaps / "summary.md").read_text()
    assert re.search(r"reptile.*not primed.*0/48, 48 not primed", summary)
    assert re.search(r"mtl\[prompt\] -> prompt .*24/48, 24 not primed", summary)
    assert re.search(r"none -> prefix .*46/48, 2 failed", summary)
    prefix = next(
        line for line in (with_gaps / "scores.md").read_text().splitlines() if line.startswith("| none -> prefix")
    )
    assert prefix.count("*") == 1


def test_runs_that_keep_the_untuned_model_are_marked_and_counted(with_gaps: Path) -> None:
    (strategy,) = rows(with_gaps, "strategies", strategy="none -> prompt")
    (cell,) = rows(with_gaps, "per_task", strategy="none -> prompt", task="plural")
    assert (strategy["kept_start"], cell["kept_start"], cell["status"]) == ("2", "2", "done")
    others = [*rows(with_gaps, "strategies"), *rows(with_gaps, "per_task")]
    assert sum(int(row["kept_start"]) for row in others) == 4
    assert re.search(r"none -> prompt .*48/48, 2 †", (with_gaps / "summary.md").read_text())
    marked = [
        line for line in (with_gaps / "scores.md").read_text().splitlines() if line.startswith("|") and "†" in line
    ]
    assert [line.split(" | ")[0].strip() for line in marked] == ["| none -> prompt"]
    assert r"$\dagger$" in (with_gaps / "scores.tex").read_text()


def test_gains_are_over_the_runs_that_both_have(with_gaps: Path) -> None:
    (row,) = rows(with_gaps, "effects", strategy="mtl[prompt] -> prompt")
    ours, twin = (
        rows(with_gaps, "scores", strategy=s, metric="accuracy", decoder="ranking")
        for s in ("mtl[prompt] -> prompt", "none -> prompt")
    )
    scores = {(r["task"], r["seed"], r["sample"]): float(r["score"]) for r in twin}
    gains = [float(r["score"]) - scores[r["task"], r["seed"], r["sample"]] for r in ours]
    assert {r["seed"] for r in ours} == {"1"}
    assert float(row["gain"]) == pytest.approx(statistics.mean(gains), abs=1e-6)
    assert (row["seeds"], row["runs"], row["interval"]) == ("1", "24", "given these primings")


def test_a_priming_that_failed_has_no_gain(with_gaps: Path) -> None:
    (row,) = rows(with_gaps, "effects", strategy="reptile[plm | plm x5] -> adapter")
    assert (row["gain"], row["low"], row["tasks"]) == ("", "", "0")
    (row,) = rows(with_gaps, "arg", strategy="reptile[plm | plm x5] -> adapter")
    assert (row["arg_percent"], row["left_out"], len(row["without_runs"].split())) == ("", "", 12)


def test_status_names_failed_cells(with_gaps: Path) -> None:
    status = json.loads((with_gaps / "status.json").read_text())
    assert status["cells"] == 17 * 12
    assert status["failed"] == [
        "tiny: none -> prefix, task tense: 2 of 4 runs failed; first seed 1, sample 21: all runs of the sweep diverged"
    ]
    assert len(status["not_primed"]) == 24
    assert len(rows(with_gaps, "failures")) == 2 + 24 + 48


def test_clean_status(written: Path) -> None:
    assert json.loads((written / "status.json").read_text()) == {"cells": 9, "failed": [], "not_primed": []}


def test_majority(written: Path) -> None:
    assert rows(written, "majority", task="easy") == [
        {"task": "easy", "label": "good", "score": "0.520000", "metric": "accuracy"}
    ]


def test_same_bytes_again(study: Study, root: Path, with_gaps: Path, tmp_path: Path) -> None:
    write_tables(study, root, tmp_path)
    ours, theirs = (
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        for folder in (tmp_path, with_gaps)
    )
    assert ours.keys() == theirs.keys()
    assert not [str(path) for path in ours if ours[path] != theirs[path]]


@pytest.mark.parametrize("tables", ["written", "with_gaps"])
def test_front_page_is_clean_restructured_text(tables: str, request: pytest.FixtureRequest) -> None:
    text = (request.getfixturevalue(tables) / "front.rst").read_text()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        body = publish_parts(text, writer_name="html", settings_overrides={"halt_level": 2, "report_level": 2})[
            "html_body"
        ]
    assert "mtl[plm]" in body
    assert "Answer" in body


def test_front_page_answers_in_numbers(written: Path) -> None:
    text = (written / "front.rst").read_text()
    assert "``mtl[plm] -> adapter`` has the best dev score; on the test set 0.450" in text
    assert "+0.183 over its twin" in text
    assert "None: every run has a score." in text


def test_front_page_says_how_many_cells_beat_the_majority_class(study: Study, root: Path, with_gaps: Path) -> None:
    """Counted from the results themselves; 0.52 is the majority class of every task."""
    cells: dict[tuple[str, str], list[float]] = {}
    for file in root.glob("scores/*/*/*/*/*.json"):
        result = json.loads(file.read_text())
        if result["status"] == "done":
            cells.setdefault((result["strategy"], result["task"]), []).append(result["test"]["ranking"]["accuracy"])
    above = sum(statistics.fmean(scores) > 0.52 for scores in cells.values())
    assert 0 < above < len(cells)
    expected = (
        f"{above} of {len(cells)} cells (strategy x task) of tiny score above always giving the most frequent label of "
        "the test set."
    )
    assert expected in (with_gaps / "front.rst").read_text()


def test_front_page_says_that_no_cell_beats_the_majority_class(
    study: Study, root: Path, make_results: Made, tmp_path: Path
) -> None:
    def hopeless(result: dict[str, Any]) -> dict[str, Any]:
        """The majority class is always right."""
        majority = {"label": "good", **{f"test_{metric}": 1.0 for metric in study.scoring.metrics}}
        return result if "priming" in result else {**result, "majority": majority}

    write_tables(study, make_results(study, tmp_path, hopeless), tmp_path / "tables")
    text = (tmp_path / "tables" / "front.rst").read_text()
    assert "**No cell of tiny scores above always giving the most frequent label of the test set**" in text
