"""What Snakemake wants to do, asked by dry runs over results that hold one line each."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from priming.errors import DataError
from priming.running.whole_study import failures
from tests.tiny_study import Checkout

NOTHING = "Nothing to be done"
EVERYTHING = {"prepare": 1, "pretrain": 1, "prime": 4, "tune": 4, "score": 4, "tabulate": 1, "draw": 2, "failures": 1}
REPORTING = {"tabulate": 1, "draw": 2, "failures": 1}


def test_a_fresh_clone_wants_everything(checkout: Checkout) -> None:
    assert checkout.wanted() == EVERYTHING


def test_both_snakefiles_are_the_same_workflow(checkout: Checkout) -> None:
    assert checkout.wanted("-s", "workflow/Snakefile") == EVERYTHING


def test_what_was_made_needs_nothing(made: Checkout) -> None:
    assert NOTHING in made.snakemake()
    assert NOTHING in made.snakemake()
    assert not (made.folder / "logs").exists()


def test_touched_files_need_nothing(made: Checkout) -> None:
    for file in made.folder.rglob("*"):
        os.utime(file)
    assert NOTHING in made.snakemake("-n")


def test_comments_and_docstrings_need_nothing(made: Checkout) -> None:
    made.edit("config.yaml", "seeds: [1, 2]", "seeds: [1, 2]  # two of them\n\n")
    made.edit("src/priming/training/downstream.py", '"""Tuning target tasks', '"""# A remark.\n\nTuning target tasks')
    assert NOTHING in made.snakemake("-n")


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (
            "budget: {steps: 2}\n    learning_rates: {plm: 1.0e-3, adapter",
            "budget: {steps: 2}\n    learning_rates: {plm: 2.0e-3, adapter",
            {"prime": 2, "tune": 1, "score": 1} | REPORTING,
        ),
        ("figures: {", "figures: {style: {dpi: 30}, ", {"draw": 2}),
        ("figures: {", "figures: {strategy_matrix: {value: gain}, ", {"draw": 1}),
        (
            "[dinner_review, price_compare]",
            "[dinner_review, price_compare, plan_time]",
            {"prepare": 1, "tune": 4, "score": 4} | REPORTING,
        ),
        ("title: A tiny study", "title: Another title", REPORTING),
        ("chunk: 2", "chunk: 1", {}),
        ("seeds: [1, 2]", "seeds: [1, 2]\nscoring: {decoders: [ranking]}", {"score": 4} | REPORTING),
        ("seeds: [1, 2]", "seeds: [1, 2]\nscoring: {metrics: [accuracy, rouge_l]}", {"score": 4} | REPORTING),
        (
            "seeds: [1, 2]",
            "seeds: [1, 2]\nscoring: {decoders: [ranking, beam]}",
            {"tune": 4, "score": 4} | REPORTING,
        ),
        ("seeds: [1, 2]", "seeds: [1, 2, 3]", {"prime": 2, "tune": 4, "score": 4} | REPORTING),
        ("  - none -> plm\n", "", REPORTING),
    ],
    ids=[
        "rate",
        "style",
        "figure",
        "target",
        "title",
        "chunk",
        "fewer_decoders",
        "metrics",
        "new_decoder",
        "seed",
        "strategy",
    ],
)
def test_a_change_of_the_study_wants_what_it_matters_to(
    made: Checkout, before: str, after: str, wanted: dict[str, int]
) -> None:
    if "none -> plm" in before:
        made.edit("config.yaml", "seeds: [1, 2]", "seeds: [1, 2]\nscoring: {arg_baseline: none -> adapter}")
    made.edit("config.yaml", before, after)
    assert made.wanted() == wanted


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("training/upstream.py", {"prime": 4, "tune": 2, "score": 2} | REPORTING),
        ("training/downstream.py", {"tune": 4, "score": 4} | REPORTING),
        ("evaluation/scoring.py", {"score": 4} | REPORTING),
        ("evaluation/metrics/exact_match.py", {"score": 4} | REPORTING),
        ("evaluation/metrics/rouge_l.py", {}),
        ("reporting/tables.py", REPORTING),
        ("reporting/figures/tasks.py", {"draw": 1}),
        ("reporting/figures/style.py", {"draw": 2}),
        ("cli.py", {}),
    ],
)
def test_a_change_of_code_wants_the_steps_that_run_it(made: Checkout, file: str, wanted: dict[str, int]) -> None:
    with (made.folder / "src/priming" / file).open("a") as source:
        source.write("\nADDED = 1\n")
    assert made.wanted() == wanted


def test_why_a_result_is_stale_is_said(made: Checkout) -> None:
    made.edit("config.yaml", "tuning: {steps: 4", "tuning: {steps: 6")
    path = "results/tiny/tuned/mini/none--plm/seed-1/dinner_review"
    assert f"stale: {path} (and 3 others of the job): setting tuning.steps 4 -> 6" in made.snakemake("-n")


def test_a_result_without_recipe_is_made_again_with_what_follows(made: Checkout) -> None:
    (made.folder / "results/tiny/primed/mini/mtl-plm+adapter/seed-1/recipe.json").unlink()
    assert made.wanted() == {"prime": 1, "tune": 1, "score": 1} | REPORTING


def test_figures_need_no_more_than_the_tables(made: Checkout) -> None:
    for part in ("plm", "tasks", "primed", "tuned", "scores"):
        shutil.rmtree(made.folder / "results/tiny" / part)
    assert NOTHING in made.snakemake("-n")
    made.edit("config.yaml", "figures: {", "figures: {style: {dpi: 30}, ")
    assert made.wanted() == {"draw": 2}


def test_tunings_need_no_more_than_the_primings(made: Checkout) -> None:
    for part in ("tuned", "scores", "tables", "figures"):
        shutil.rmtree(made.folder / "results/tiny" / part)
    assert made.wanted() == {"tune": 4, "score": 4} | REPORTING


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("tasks", {"prepare": 1}),
        ("primed", {"prepare": 1, "pretrain": 1, "prime": 4}),
        ("tuned", {"prepare": 1, "pretrain": 1, "prime": 4, "tune": 4}),
        ("scores", {"prepare": 1, "pretrain": 1, "prime": 4, "tune": 4, "score": 4}),
        ("tables", {"prepare": 1, "pretrain": 1, "prime": 4, "tune": 4, "score": 4, "tabulate": 1}),
        ("results/tiny/primed/mini/mtl-plm+adapter/seed-2", {"prepare": 1, "pretrain": 1, "prime": 1}),
    ],
)
def test_targets(checkout: Checkout, target: str, wanted: dict[str, int]) -> None:
    assert checkout.wanted(target) == wanted


@pytest.mark.parametrize("state", ["failed", "not_primed"])
def test_failures_are_named_each_time(made: Checkout, state: str) -> None:
    status = {"failed": [], "not_primed": [], "cells": 8} | {
        state: ["mini: none -> plm, task dinner_review: 1 of 4 runs"]
    }
    (made.folder / "results/tiny/tables/status.json").write_text(json.dumps(status))
    (made.folder / "logs/tiny").mkdir(parents=True)
    (made.folder / "logs/tiny/failures.done").touch()
    for _ in range(2):
        printed = made.snakemake(status=1)
        assert "mini: none -> plm, task dinner_review: 1 of 4 runs" in printed
    assert made.executed() == {}


def jobs(checkout: Checkout, *arguments: str) -> list[str]:
    return sorted(
        line
        for line in checkout.snakemake("-n", *arguments).splitlines()
        if "reason" not in line.lower() and "results/" in line
    )


def test_a_study_is_read_alone(checkout: Checkout) -> None:
    text = (checkout.folder / "config.yaml").read_text()
    (checkout.folder / "other.yaml").write_text(
        text.replace("name: tiny", "name: other").replace("  - none -> adapter\n", "")
    )
    beside = jobs(checkout, "--configfile", "other.yaml")
    (checkout.folder / "config.yaml").unlink()
    assert jobs(checkout, "--configfile", "other.yaml") == beside
    assert beside
    assert not [line for line in beside if "results/tiny" in line]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "tuning=1"], "--config tuning=1: a study is defined by its file alone"),
        (["--configfile", "config.yaml", "second.yaml"], "--configfile lists several files"),
    ],
)
def test_a_study_is_never_merged(checkout: Checkout, arguments: list[str], message: str) -> None:
    shutil.copy(checkout.folder / "config.yaml", checkout.folder / "second.yaml")
    assert message in checkout.snakemake(*arguments, status=1)


def test_a_mistake_in_the_study_is_one_message_before_anything_is_made(checkout: Checkout) -> None:
    checkout.edit("config.yaml", "strategies:", "strategys:")
    before = {path.name for path in checkout.folder.iterdir()}
    printed = checkout.snakemake(status=2)
    assert "strategys" in printed
    assert "did you mean 'strategies'" in printed
    assert "Traceback" not in printed
    assert "asked.py" not in printed
    assert {path.name for path in checkout.folder.iterdir()} - before <= {".snakemake"}


def test_every_computing_rule_says_what_it_takes(project: Path) -> None:
    for name in ("tasks", "models", "priming", "tuning", "reporting"):
        text = (project / "workflow" / "rules" / f"{name}.smk").read_text()
        for rule in text.split("\nrule ")[1:]:
            directives = ["log", "conda", "message", "params", "shell"] + (
                [] if rule.startswith("failures") else ["threads", "resources"]
            )
            assert [d for d in directives if f"\n    {d}:" not in rule] == [], rule.split(":")[0]
            assert "config[" not in rule


def seal(checkout: Checkout) -> None:
    """Let the recipes of tables and figures say what is there."""
    recipes = checkout.recipes()
    for result in recipes.graph.results.values():
        if result.step in ("tables", "figure"):
            recipes.finish(result, recipes.of(result))


def flip(file: Path, bit: int) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= bit
    file.write_bytes(data)


@pytest.mark.parametrize("bit", [1, 128])
@pytest.mark.parametrize("name", ["tables/front.rst", "tables/status.json", "figures/tasks/tasks.svg"])
def test_damaged_tables_and_figures_are_made_again_and_go_into_no_report(made: Checkout, name: str, bit: int) -> None:
    """Nobody but people and reports reads them; a bit that makes no text of them stops nothing."""
    (made.folder / "results/tiny/tables/front.rst").write_text("Question\n========\n\nIs it so?\n")
    seal(made)
    assert made.wanted() == {}
    file = made.folder / "results/tiny" / name
    flip(file, bit)
    rule = "tabulate" if "tables" in name else "draw"
    assert made.wanted()[rule] == 1
    said = made.snakemake("--report", "report.html", status=4)
    advice = re.search(
        rf"error: damage: {re.escape(str(Path('results/tiny') / name))} is damaged.*: snakemake (.*)", said
    )
    assert advice, said
    assert not (made.folder / "report.html").exists()
    flip(file, bit)
    made.snakemake("-n", *advice[1].split())


def test_failures_of_a_study_that_is_not_finished(made: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    seal(made)
    monkeypatch.chdir(made.folder)
    assert failures(Path("config.yaml")) == []
    flip(made.folder / "results/tiny/tables/status.json", 1)
    with pytest.raises(
        DataError, match=r"the study is not finished, so that nobody knows .*: priming run config\.yaml"
    ):
        failures(Path("config.yaml"))
