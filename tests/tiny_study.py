"""A study small enough to run, and one in which every key of the study file matters to something or is known not to."""

import copy
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.jobs.graph import Graph, graph
from priming.jobs.recipes import Recipes, declare_done
from priming.running import forks
from priming.study import Study
from tests import forked

TINY = Path(__file__).with_name("tiny_study.yaml")

RICH: dict[str, Any] = {
    "name": "rich",
    "plms": {
        "own": {"generate": {"pretraining": {"texts": "source_tasks"}}, "max_input": 40},
        "small": {"generate": {}},
        "local": {"path": "models/bart"},
    },
    "tasks": {
        "define": {
            "mine": {
                "files": {"train": "mine.csv", "test": "test.csv"},
                "kind": "text_to_text",
                "input": "{text}",
                "output": "label",
            }
        },
        "source": ["film_verdict", "day_mood"],
        "development": ["hotel_review", "report_time"],
        "target": ["mine", "price_compare"],
        "samples": [13, 21, 42],
    },
    "priming": {
        "mtl": {"learning_rates": {"plm": 1e-3, "adapter": 1e-2, "prefix": 1e-2}},
        "maml": {
            "order": "first",
            "learning_rates": {"plm": 1e-3},
            "inner_learning_rates": {"prompt": 0.1, "adapter": 0.3},
        },
        "reptile": {"keep": "best", "inner_learning_rates": {"plm": 0.1}, "learning_rates": {"plm": 0.1}},
        "variants": {"mtl:short": {"budget": {"steps": 5}}},
    },
    "strategies": [
        "none -> plm",
        "none -> prompt",
        "mtl[plm+adapter] -> adapter",
        "mtl:short[plm] -> prompt",
        "maml[plm | prompt x2] -> prefix",
        "reptile[plm | plm x2] -> adapter",
    ],
    "figures": {"draw": ["strategy_matrix", "compute"]},
}


def with_value(study: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of a study file with another value at a dotted key path (names that contain dots are not supported)."""
    changed = copy.deepcopy(study)
    place = changed
    *parents, last = key.split("/")
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return changed


@pytest.fixture
def rich() -> Study:
    return Study.model_validate(RICH)


@pytest.fixture
def tiny() -> Study:
    return Study.model_validate(yaml.safe_load(TINY.read_text()))


def settle(recipes: Recipes, content: Callable[[str], str] = str) -> None:
    """Put results in place that say they were made as this study asks; each holds one file with `content(path)`."""
    for job in recipes.graph.jobs.values():
        for result in job.results:
            put(recipes, result.path, content(result.path))
        if job.is_chunk:
            declare_done(job, recipes)


def put(recipes: Recipes, path: str, text: str) -> None:
    """Put a result in place, with the recipe of one that is made now."""
    folder = recipes.folder(path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(f'{{"is": "{text}", "seconds": 1.5}}')
    recipes.finish(recipes.graph.results[path], recipes.of(recipes.graph.results[path]))


@pytest.fixture
def settled(tiny: Study, tmp_path: Path) -> Recipes:
    """The recipes of the tiny study over results that are all current."""
    settle(Recipes(graph(tiny), TINY.parent, tmp_path))
    return again(graph(tiny), tmp_path)


def again(jobs: Graph, results: Path) -> Recipes:
    """The recipes as a new process sees them."""
    return Recipes(jobs, TINY.parent, results)


COMPUTING = {"prepare", "pretrain", "prime", "tune", "score", "tabulate", "draw", "failures"}


class Checkout:
    """A copy of the workflow in a folder of its own, over this checkout's package or a copy of it."""

    def __init__(self, folder: Path, project: Path) -> None:
        self.folder = folder
        self.runlog = folder / "runlog"
        for name in ("workflow", "profiles", "slurm", "envs"):
            shutil.copytree(project / name, folder / name)
        shutil.copy(project / "Snakefile", folder)
        shutil.copytree(project / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        shutil.copy(TINY, folder / "config.yaml")

    def snakemake(self, *arguments: str, status: int = 0) -> str:
        """Run Snakemake; what it printed."""
        # Jobs of all the Snakemakes of a checkout are forked from one server, so that it imports torch once.
        environment = {**forked.environment(), "PRIMING_RUNLOG": str(self.runlog), forks.OWNER: forks.owner()}
        found, printed = forked.snakemake(self.folder, environment, ["--cores", "1", *arguments])
        assert found == status, printed
        return printed

    def wanted(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule that computes a dry run wants."""
        printed = self.snakemake("-n", *arguments)
        counts = dict(re.findall(r"^(\w+) +(\d+)$", printed, flags=re.MULTILINE))
        return {rule: int(count) for rule, count in counts.items() if rule in COMPUTING}

    def executed(self) -> Counter[str]:
        """How many results of each step were really made since this was asked last."""
        lines = self.runlog.read_text().splitlines() if self.runlog.exists() else []
        self.runlog.unlink(missing_ok=True)
        return Counter(line.split()[0] for line in lines)

    def edit(self, file: str, before: str, after: str) -> None:
        """Replace the one place of `before` in a file."""
        text = (self.folder / file).read_text()
        assert text.count(before) == 1, (file, before, text.count(before))
        (self.folder / file).write_text(text.replace(before, after))

    def recipes(self) -> Recipes:
        """The recipes of its study."""
        study = Study.model_validate(yaml.safe_load((self.folder / "config.yaml").read_text()))
        return Recipes(graph(study), self.folder, self.folder)


@pytest.fixture
def checkout(tmp_path: Path, project: Path) -> Checkout:
    return Checkout(tmp_path, project)


@pytest.fixture
def made(checkout: Checkout) -> Checkout:
    """A checkout with results that say they were made as its study asks."""
    settle(checkout.recipes())
    for figure in ("strategy_matrix", "tasks"):
        (checkout.folder / f"results/tiny/figures/{figure}/{figure}.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg"/>'
        )
    (checkout.folder / "results/tiny/tables/status.json").write_text('{"failed": [], "not_primed": [], "cells": 8}')
    return checkout
