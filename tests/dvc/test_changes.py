"""What a change makes stale, in a fresh clone and where the study was made; counted for real by both tools."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from priming.jobs.stages import settings, stages

from .conftest import NOTHING, Repository

pytestmark = pytest.mark.slow

RATE = ("config.yaml", "{plm: 1.0e-3, prompt: 1.0e-2}", "{plm: 2.0e-3, prompt: 1.0e-2}")
DRAWN = {"tabulate": 1, "draw": 1}
CHANGES = {
    "rate": (RATE, {"prime": 1, "tune": 1, "score": 1, **DRAWN}),
    "step": (
        ("src/priming/training/upstream.py", "\n\n\ndef prime(", "\n\nADDED = 1\n\n\ndef prime("),
        {"prime": 2, "tune": 2, "score": 2, **DRAWN},
    ),
    "rows": (
        ("data/train.csv", "a red train thing", "a pink train thing"),
        {"prepare": 1, "tune": 3, "score": 3, **DRAWN},
    ),
    "plot": (("config.yaml", "formats: [svg]", "formats: [svg], width: 5.0"), {"draw": 1}),
    "strategy": (
        ("config.yaml", "  - none -> adapter\n", "  - none -> adapter\n  - none -> prompt\n"),
        {"tune": 1, "score": 1, **DRAWN},
    ),
    "comment": (("config.yaml", "seeds: [1]", "seeds: [1]  # one is enough"), {}),
}


@pytest.fixture(scope="module")
def where_it_was_made(origin: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A copy of the origin with Snakemake's records."""
    folder = tmp_path_factory.mktemp("made") / "copy"
    shutil.copytree(origin.folder, folder, symlinks=True)
    return Repository(folder)


@pytest.fixture(params=["fresh", "made"])
def place(request: pytest.FixtureRequest) -> Repository:
    return request.getfixturevalue({"fresh": "again", "made": "where_it_was_made"}[request.param])


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_wants_what_it_concerns(place: Repository, change: str) -> None:
    (file, before, after), wanted = CHANGES[change]
    place.edit(file, before, after)
    os.utime(place.folder / file, (978307200, 978307200))  # as if from 2001, older than every result
    try:
        assert place.wanted() == wanted
    finally:
        place.edit(file, after, before)


def test_touched_files_want_nothing(place: Repository) -> None:
    for path in place.folder.rglob("*"):
        if not path.is_symlink() and ".git" not in path.parts:
            os.utime(path)
    assert NOTHING in place.snakemake("-n")


def locked_settings(repository: Repository) -> dict[str, object]:
    """What dvc.lock says each stage was made with."""
    lock = YAML(typ="safe", pure=True).load((repository.folder / "dvc.lock").read_text())
    found = {}
    for name, stage in lock["stages"].items():
        for file, values in stage.get("params", {}).items():
            assert file == f"results/tiny/settings/{name.replace('@', '/')}.yaml"
            found[name] = values
    return found


def recorded_settings(repository: Repository) -> dict[str, object]:
    """What the recipes of the results say they were made with, by stage."""
    recipes = repository.recipes()
    for result in recipes.graph.results.values():
        made = recipes.made(result.path)
        assert made is not None
        assert made["settings"] == result.settings, result.path
    return {name: settings(stage) for name, stage in stages(recipes.graph).items()}


def test_an_experiment_with_one_setting_runs_its_subtree(clone: Callable[..., Repository], origin: Repository) -> None:
    ours = clone("all")
    theirs = clone("all", source=ours)
    ours.dvc("exp", "run", "-S", "config.yaml:priming.mtl.learning_rates.plm=0.03")
    assert ours.made() == [
        "figures/strategy_matrix",
        "primed/mini/mtl-plm/seed-1",
        "scores/mini/mtl-plm--adapter/seed-1/dinner_review",
        "scores/mini/mtl-plm--adapter/seed-1/mine",
        "tables",
        "tuned/mini/mtl-plm--adapter/seed-1/dinner_review",
        "tuned/mini/mtl-plm--adapter/seed-1/mine",
    ]
    ours.is_settled()
    assert yaml.safe_load((ours.folder / "config.yaml").read_text())["priming"]["mtl"]["learning_rates"] == {
        "plm": 0.03,
        "prompt": 0.01,
    }
    assert locked_settings(ours) == recorded_settings(ours)
    changed = [line.split() for line in ours.dvc("metrics", "diff").splitlines()[1:]]
    assert {line[0] for line in changed} == {
        "results/tiny/tables/metrics/mini/mtl-plm--adapter.json"
    }  # of no other strategy
    assert {line[1]: float(line[-2]) for line in changed if line[1] != "arg"} == {
        "score": 0.5625,
        "gain": 0.125,
    }  # x instead of y
    assert {line[1] for line in changed} == {"arg", "gain", "score"}
    assert ["config.yaml", "priming.mtl.learning_rates.plm", "0.001", "0.03"] in [
        line.split() for line in ours.dvc("params", "diff").splitlines()
    ]

    # An old checkpoint over the new one, a checkpoint without its recipe, one that is half there: it and what follows
    # are made again.
    primed = ours.folder / "results/tiny/primed/mini/mtl-plm/seed-1"
    new = shutil.move(primed, ours.folder / "new")
    followed = {"prime": 1, "tune": 1, "score": 1, **DRAWN}
    shutil.copytree(origin.folder / primed.relative_to(ours.folder), primed)
    assert ours.wanted() == followed
    (primed / "recipe.json").unlink()
    assert ours.wanted() == followed
    (primed / "result.json").unlink()
    assert ours.wanted() == followed
    shutil.rmtree(primed)
    shutil.move(new, primed)
    assert NOTHING in ours.snakemake("-n")

    ours.commit("Prime the PLM faster")
    ours.dvc("push")
    theirs.git("pull", "--quiet")
    assert theirs.wanted()["prime"] == 1
    theirs.dvc("pull")
    theirs.is_settled()
    theirs.git("checkout", "--quiet", "HEAD~1")
    theirs.dvc("checkout")
    theirs.is_settled()


def test_a_bare_clone_that_pulls_reruns_one_strategy(clone: Callable[..., Repository]) -> None:
    bare = clone()
    bare.edit("config.yaml", "prompt: 1.0e-2}", "prompt: 2.0e-2}")
    bare.dvc("repro", "--pull")
    assert bare.made() == [
        "figures/strategy_matrix",
        "primed/mini/mtl-prompt/seed-1",
        "scores/mini/mtl-prompt--prompt/seed-1/dinner_review",
        "scores/mini/mtl-prompt--prompt/seed-1/mine",
        "tables",
        "tuned/mini/mtl-prompt--prompt/seed-1/dinner_review",
        "tuned/mini/mtl-prompt--prompt/seed-1/mine",
    ]
    bare.is_settled()
    assert locked_settings(bare) == recorded_settings(bare)


def test_new_rows_and_a_new_strategy_by_snakemake_then_recorded(fresh: Repository) -> None:
    for change in ("rows", "strategy"):
        fresh.edit(*CHANGES[change][0])
    refused = fresh.dvc("repro", "settings", status=255)
    assert (
        "dvc.yaml has no stage scores@mini/none--prompt and 1 more, after a change of config.yaml; "
        "type: priming dvc config.yaml --write" in refused
    )
    fresh.run("priming", "dvc", "config.yaml", "--write")
    fresh.snakemake()
    assert fresh.made() == [
        "figures/strategy_matrix",
        "scores/mini/mtl-plm--adapter/seed-1/mine",
        "scores/mini/mtl-prompt--prompt/seed-1/mine",
        "scores/mini/none--adapter/seed-1/mine",
        "scores/mini/none--prompt/seed-1/dinner_review",
        "scores/mini/none--prompt/seed-1/mine",
        "tables",
        "tasks/mine",
        "tuned/mini/mtl-plm--adapter/seed-1/mine",
        "tuned/mini/mtl-prompt--prompt/seed-1/mine",
        "tuned/mini/none--adapter/seed-1/mine",
        "tuned/mini/none--prompt/seed-1/dinner_review",
        "tuned/mini/none--prompt/seed-1/mine",
    ]
    fresh.dvc("repro")
    fresh.is_settled()
    assert locked_settings(fresh) == recorded_settings(fresh)
    assert "cache: false" in (fresh.folder / "dvc.yaml").read_text()


def results(folder: Path) -> set[str]:
    """The results that are here, below results/tiny."""
    return {
        path.parent.relative_to(folder / "results/tiny").as_posix()
        for path in folder.glob("results/tiny/**/recipe.json")
        if path.parts[-3] != "chunks"
    }


def test_one_can_tune_from_a_checkpoint_that_was_pulled(clone: Callable[..., Repository]) -> None:
    partly = clone("data.dvc")
    partly.dvc("pull", "tasks", "plm", "primed@mini/mtl-prompt")
    primed = {
        "plm/mini",
        "primed/mini/mtl-prompt/seed-1",
        "tables",
        *(f"tasks/{name}" for name in ("film_verdict", "only_x", "dinner_review", "mine")),
    }
    assert results(partly.folder) == primed
    partly.snakemake("tuned@mini/mtl-prompt--prompt")
    assert partly.made() == [f"tuned/mini/mtl-prompt--prompt/seed-1/{task}" for task in ("dinner_review", "mine")]

    one = clone("results/tiny/tuned/mini/none--adapter/seed-1/mine")
    assert results(one.folder) == {"tables", "tuned/mini/none--adapter/seed-1/mine"}


def test_a_rate_concerns_its_strategy_without_the_checkpoint_too(clone: Callable[..., Repository]) -> None:
    scores = clone("data.dvc")
    scores.dvc("pull", "tasks", "plm", "primed@mini/mtl-prompt", "tuned", "scores", "figures")
    assert NOTHING in scores.snakemake("-n")
    scores.edit(*RATE)
    assert scores.wanted() == CHANGES["rate"][1]
