"""A study small enough to run, and one in which every key of the study file matters to something or is known not to."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.jobs import Graph, graph
from priming.recipes import Recipes
from priming.study import Study

TINY = Path(__file__).with_name("tiny.yaml")

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
        "maml": {"learning_rates": {"plm": 1e-3}, "inner_learning_rates": {"prompt": 0.1, "adapter": 0.3}},
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
    """A copy of a study file with another value at a key path in dots (a name that has dots itself is not supported)."""
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
        for item in job.items:
            put(recipes, item.path, content(item.path))
        if job.is_chunk:
            from priming.recipes import declare_done

            declare_done(job, recipes)


def put(recipes: Recipes, path: str, text: str) -> None:
    """Put a result in place, with the recipe of one that is made now."""
    folder = recipes.folder(path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(f'{{"is": "{text}", "seconds": 1.5}}')
    recipes.finish(recipes.graph.items[path], recipes.of(recipes.graph.items[path]))


@pytest.fixture
def settled(tiny: Study, tmp_path: Path) -> Recipes:
    """The recipes of the tiny study over results that are all current."""
    settle(Recipes(graph(tiny), TINY.parent, tmp_path))
    return again(graph(tiny), tmp_path)


def again(jobs: Graph, results: Path) -> Recipes:
    """The recipes as a new process sees them."""
    return Recipes(jobs, TINY.parent, results)
