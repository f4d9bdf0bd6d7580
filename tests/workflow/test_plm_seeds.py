"""A PLM with several pretraining seeds: one PLM per seed, every priming seed on each, tables over all of them."""

import copy
import csv
import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from priming.dvc.pipeline import document
from priming.jobs.graph import Graph, graph
from priming.reporting import wording
from priming.reporting.collect import Results
from priming.reporting.grid import Grid
from priming.resources.plan import described, plan
from priming.runs.keys import nested_seed
from priming.study import Study
from priming.study.plm import Member
from tests.tiny_study import TINY, Checkout

SCORES = "results/tiny/scores"
STRATEGIES = ("none -> adapter", "mtl[plm+adapter] -> adapter")


def tiny(seeds: list[int] | None, **changes: Any) -> Study:
    data = yaml.safe_load(TINY.read_text())
    plm = data["plms"]["mini"] | ({"seeds": seeds} if seeds else {})
    return Study.model_validate(data | {"plms": {"mini": plm}} | changes)


@pytest.fixture(scope="module")
def one() -> Graph:
    return graph(tiny(None))


@pytest.fixture(scope="module")
def two() -> Graph:
    return graph(tiny([4, 7]))


def test_each_seed_has_results_of_its_own(two: Graph) -> None:
    """2 PLMs, on each 2 primings x 2 seeds and 4 strategies x 2 targets x 2 seeds."""
    steps = Counter(result.step for result in two.results.values())
    assert (steps["pretrain"], steps["prime"], steps["tune"], steps["score"], steps["prepare"]) == (2, 8, 32, 32, 6)
    cell = two.results["results/tiny/tuned/mini-seed-7/mtl-plm+adapter--adapter/seed-2/dinner_review"]
    assert cell.inputs == (
        "results/tiny/plm/mini-seed-7",
        "results/tiny/primed/mini-seed-7/mtl-plm+adapter/seed-2",
        "results/tiny/tasks/dinner_review",
    )
    assert [result.path for result in two.results.values() if result.step == "pretrain"] == [
        "results/tiny/plm/mini-seed-4",
        "results/tiny/plm/mini-seed-7",
    ]


def test_seeds_differ_in_nothing_else(two: Graph) -> None:
    four, seven = (copy.deepcopy(two.results[f"results/tiny/plm/mini-seed-{seed}"].settings) for seed in (4, 7))
    assert four["generate"]["pretraining"].pop("seed") == 4
    assert seven["generate"]["pretraining"].pop("seed") == 7
    assert four == seven


def test_a_plm_of_one_seed_in_a_list_is_trained_as_the_one_with_that_seed(one: Graph) -> None:
    listed = graph(tiny([0])).results["results/tiny/plm/mini-seed-0"]
    assert listed.settings == one.results["results/tiny/plm/mini"].settings


def test_without_seeds_nothing_speaks_of_them(one: Graph) -> None:
    for path, result in one.results.items():
        assert "seed-" not in path.replace("/seed-1", "").replace("/seed-2", "")
        assert "plm_seed" not in result.settings
        assert "seeds" not in result.settings or result.step == "tables"


def test_another_seed_leaves_the_others_as_they_are(two: Graph) -> None:
    three = graph(tiny([4, 7, 9])).results
    changed = {path for path, result in three.items() if two.results.get(path) != result}
    assert changed == {path for path in three if "mini-seed-9" in path} | {"results/tiny/tables"}


def test_settings_for_a_plm_are_those_of_all_its_seeds() -> None:
    priming = yaml.safe_load(TINY.read_text())["priming"] | {"plms": {"mini": {"mtl": {"batch": 3}}}}
    results = graph(tiny([4, 7], priming=priming)).results
    assert [
        results[f"results/tiny/primed/mini-seed-{n}/mtl-plm+adapter/seed-1"].settings["algorithm"]["batch"]
        for n in (4, 7)
    ] == [3, 3]


def test_primings_are_nested_in_plms(two: Graph) -> None:
    study = two.study
    assert study.primed_seeds("mini") == [
        (Member("mini", 4), 1),
        (Member("mini", 4), 2),
        (Member("mini", 7), 1),
        (Member("mini", 7), 2),
    ]
    empty = Results(*[None] * 6)  # type: ignore[arg-type]
    assert Grid(study, empty, "accuracy", "ranking").plm_index("mini").tolist() == [0, 0, 1, 1]
    assert Grid(tiny(None), empty, "accuracy", "ranking").plm_index("mini").tolist() == [0, 0]
    assert len({nested_seed(seed, plm_seed) for seed in (1, 2) for plm_seed in (None, 4, 7)}) == 6
    assert nested_seed(2, None) == 2


def test_the_study_says_its_size(two: Graph, tmp_path: Path) -> None:
    assert wording.size(two.study) == "2 target tasks, 2 PLMs x 2 priming seeds x 2 samples"
    assert wording.runs_a_cell(two.study) == "8"
    found = plan(two.study, tmp_path)
    assert (
        described(found).splitlines()[0]
        == "study tiny: 16 cells (2 PLMs x 4 strategies x 2 target tasks), 2 seeds and 2 samples each"
    )
    alone = {phase.step: phase for phase in plan(tiny(None), tmp_path).phases}
    for phase in found.phases:
        if phase.step in ("pretrain", "prime", "tune"):
            assert (phase.trainings, phase.operations) == (
                2 * alone[phase.step].trainings,
                2 * alone[phase.step].operations,
            )


def test_stages_of_dvc_name_each_seed(two: Graph) -> None:
    stages = document(two, TINY, tables_in_git=False)["stages"]
    assert list(stages["plm"]["foreach"]) == ["mini-seed-4", "mini-seed-7"]
    assert stages["tuned"]["foreach"]["mini-seed-7/mtl-plm+adapter--adapter"] == {
        "from": "results/tiny/primed/mini-seed-7/mtl-plm+adapter"
    }
    assert stages["primed"]["foreach"]["mini-seed-4/mtl-plm+adapter"] == {"from": "results/tiny/plm/mini-seed-4"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Checkout:
    """Two PLMs, two strategies, run through Snakemake."""
    checkout = Checkout(tmp_path_factory.mktemp("seeds"), project)
    checkout.edit("config.yaml", "    max_input: 24", "    seeds: [4, 7]\n    max_input: 24")
    checkout.edit("config.yaml", "  - none -> plm\n", "")
    checkout.edit("config.yaml", "  - maml[plm+prompt | prompt x1] -> prompt\n", "")
    checkout.edit("config.yaml", "tuning:", "scoring: {arg_baseline: none -> adapter}\ntuning:")
    checkout.edit("config.yaml", "draw: [strategy_matrix, tasks]", "draw: [tasks, convergence]")
    checkout.snakemake()
    return checkout


def rows(checkout: Checkout, table: str, **where: str) -> list[dict[str, str]]:
    with (checkout.folder / f"results/tiny/tables/{table}.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[key] == value for key, value in where.items())]


def scores(checkout: Checkout, slug: str) -> dict[tuple[str, ...], float]:
    """Accuracy by ranking, as the results have it, by PLM, seed, task and sample."""
    found = {}
    for file in (checkout.folder / SCORES).glob(f"*/{slug}/*/*/sample-*.json"):
        member, _, *rest = file.relative_to(checkout.folder / SCORES).with_suffix("").parts
        found[member, *rest] = json.loads(file.read_text())["test"]["ranking"]["accuracy"]
    return found


@pytest.mark.slow
def test_every_seed_is_made_and_the_tables_are_over_all(finished: Checkout) -> None:
    assert finished.executed() == Counter(prepare=6, pretrain=2, prime=4, tune=16, score=16, tables=1, figure=2)
    unprimed, primed = (scores(finished, slug) for slug in ("none--adapter", "mtl-plm+adapter--adapter"))
    assert len(unprimed) == len(primed) == 2 * 2 * 2 * 2
    (effect,) = rows(finished, "effects")
    assert (effect["plm"], effect["seeds"], effect["runs"]) == ("mini", "4", "16")
    assert float(effect["gain"]) == pytest.approx(
        statistics.fmean(primed[run] - unprimed[run] for run in primed), abs=1e-6
    )
    ours = rows(finished, "scores", strategy=STRATEGIES[1], metric="accuracy", decoder="ranking")
    written = {
        (f"mini-seed-{r['plm_seed']}", f"seed-{r['seed']}", r["task"], f"sample-{r['sample']}"): float(r["score"])
        for r in ours
    }
    assert written == pytest.approx(primed, abs=1e-6)
    (parts,) = rows(finished, "variance")
    assert all(parts[f"{source}_sd"] for source in ("task", "plm", "priming", "sample", "rest"))
    assert "2 PLMs x 2 priming seeds x 2 samples" in (finished.folder / "results/tiny/tables/front.rst").read_text()


@pytest.mark.slow
def test_the_plms_and_their_primings_differ(finished: Checkout) -> None:
    folder = finished.folder / "results/tiny"
    plms = [load_file(folder / f"plm/mini-seed-{seed}/model.safetensors")["model.shared.weight"] for seed in (4, 7)]
    assert not np.allclose(*plms)
    adapters = {
        (plm, seed): next(
            iter(load_file(folder / f"primed/mini-seed-{plm}/mtl-plm+adapter/seed-{seed}/adapter.safetensors").values())
        ).tobytes()
        for plm in (4, 7)
        for seed in (1, 2)
    }
    assert len(set(adapters.values())) == 4


@pytest.mark.slow
def test_one_seed_more_makes_what_is_its_own(finished: Checkout) -> None:
    finished.edit("config.yaml", "seeds: [4, 7]", "seeds: [4, 7, 1]")
    assert finished.wanted() == {
        "pretrain": 1,
        "prime": 2,
        "tune": 2,
        "score": 2,
        "tabulate": 1,
        "draw": 2,
        "failures": 1,
    }
