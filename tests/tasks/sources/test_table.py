"""The table of sources: which of them a task is from, and that it takes one file and one line to add one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from priming.errors import StudyError
from priming.jobs import code
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.study import Study
from priming.study.tasks import Tasks
from priming.tasks.crossfit import registry
from priming.tasks.generated import GENERATED
from priming.tasks.sources.table import NO_STUDY, SOURCES, find_source, source_of

P3 = "super_glue_rte_does_this_imply_score_eval"
VERDICT = "verdict.is_it"
DEFINED = {
    "files": {"files": {"train": "a.csv", "test": "b.csv"}, "input": "{x}", "output": "y"},
    "hub": {"hub": {"id": "a/b"}, "input": "{x}", "output": "y"},
}
STUDY = {
    "name": "numbers",
    "plms": {"tiny": {"generate": {}}},
    "tasks": {"source": ["film_verdict"], "target": ["dinner_review"], "samples": [13], "shots": 4},
    "strategies": ["none -> plm"],
}
WITH_IT = {**STUDY, "tasks": {**STUDY["tasks"], "target": ["dinner_review", "parity"]}}

RUN = """
import json, sys
from pathlib import Path
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.running.steps import run
from priming.study.load import load_study
jobs = graph(load_study(Path("without.json")))
print(json.dumps({path: Recipes(jobs, Path()).chain(path) for path in jobs.results}))
(out,) = graph(load_study(Path("with.json"))).outs("prepare")
run("prepare", Path("with.json"), out)
assert not {"torch", "transformers", "datasets"} & sys.modules.keys()
"""


@pytest.mark.parametrize("source", SOURCES)
def test_a_task_has_one_source(source: str) -> None:
    define = {f"of_{key}": definition for key, definition in DEFINED.items()}
    tasks = Tasks.model_validate(
        {"define": define, "source": ["film_verdict"], "target": [*define, "glue-rte", "halde", P3, VERDICT]}
    )
    name = {
        "generated": "film_verdict",
        "crossfit": "glue-rte",
        "languages": "halde",
        "p3": P3,
        "prompted": VERDICT,
    }.get(source, f"of_{source}")
    assert [key for key, other in SOURCES.items() if other.has(tasks, name)] == [source]
    assert type(source_of(tasks, name)) is SOURCES[source]


@pytest.mark.parametrize("key", DEFINED)
@pytest.mark.parametrize("name", ["film_verdict", "glue-rte"])
def test_a_definition_goes_before_a_built_in_task_of_its_name(key: str, name: str) -> None:
    tasks = Tasks.model_validate({"define": {name: DEFINED[key]}, "source": [name], "target": ["dinner_review"]})
    assert type(source_of(tasks, name)) is SOURCES[key]


def test_every_built_in_task_has_a_source_without_a_study() -> None:
    for names, source in ((GENERATED, "generated"), (registry.names(), "crossfit")):
        assert {type(find_source(NO_STUDY, name)) for name in names} == {SOURCES[source]}


def test_a_name_without_a_source_is_refused_with_the_nearest() -> None:
    tasks = Tasks.model_validate({"source": ["film_verdcit"], "target": ["glue-rtee"]})
    for name, part, near in (("film_verdcit", "source", "film_verdict"), ("glue-rtee", "target", "glue-rte")):
        with pytest.raises(StudyError, match=rf"tasks\.{part}: there is no task '{name}'; did you mean '{near}'"):
            source_of(tasks, name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with one file more and one line changed, and a study with and one without a task of it."""
    folder = tmp_path_factory.mktemp("added")
    shutil.copytree(code.ROOT, folder / "priming", ignore=shutil.ignore_patterns("__pycache__"))
    sources = folder / "priming/tasks/sources"
    shutil.copy(Path(__file__).with_name("parity.py"), sources)
    table = (sources / "table.py").read_text()
    assert table.count('"p3")') == 1
    (sources / "table.py").write_text(table.replace('"p3")', '"p3", "parity")'))
    for name, study in (("without", STUDY), ("with", WITH_IT)):
        (folder / f"{name}.json").write_text(json.dumps(study))
    return folder


def python(folder: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_source_that_is_added_prepares_its_tasks_and_leaves_all_others_as_they_are(folder: Path) -> None:
    chains = json.loads(python(folder, "-c", RUN).splitlines()[0])  # then what it took
    jobs = graph(Study.model_validate(STUDY))
    assert chains == {path: Recipes(jobs, Path()).chain(path) for path in jobs.results}
    prepared = folder / "results/numbers/tasks/parity"
    about = json.loads((prepared / "task.json").read_text())
    assert (about["origin"], about["labels"], about["counts"]["test"]) == ("numbers", ["even", "odd"], 20)
    rows = [json.loads(line) for line in (prepared / "sample-13-train.jsonl").read_text().splitlines()]
    assert sorted(row["targets"] == [("even", "odd")[int(row["input"]) % 2]] for row in rows) == [True] * 8
    recipe = json.loads((prepared / "recipe.json").read_text())
    assert "priming.tasks.sources.parity" in recipe["code"]
    assert recipe["settings"] == {"task": "parity", "part": "target", "shots": 4, "samples": [13], "test_limit": None}


def test_a_source_that_is_added_is_checked_listed_and_shown(folder: Path) -> None:
    assert "study 'numbers' is in order" in python(folder, "-m", "priming", "check", "with.json")
    assert python(folder, "-m", "priming", "tasks", "list").endswith("\nnumbers (1)\n  parity  even, odd\n")
    shown = python(folder, "-m", "priming", "tasks", "show", "parity", "-n", "1")
    assert shown.startswith("parity: classification, numbers, 100 training rows (100 different), 20 test rows\n")
