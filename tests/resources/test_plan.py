"""What a plan says of a study, against numbers counted by hand."""

import json
from pathlib import Path

import pytest
import yaml

from priming.errors import StudyError
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.resources.plan import GPUS, USED, Phase, described, plan
from priming.resources.sizes import plm_size
from priming.study import Study
from tests.tiny_study import TINY, settle

BATCH, STEPS = 4, 2


@pytest.fixture
def tiny() -> Study:
    return Study.model_validate(yaml.safe_load(TINY.read_text()))


def test_trainings_and_tokens_by_hand(tiny: Study, tmp_path: Path) -> None:
    phases = {phase.step: phase for phase in plan(tiny, tmp_path).phases}
    assert {step: phase.jobs for step, phase in phases.items()} == {
        "prepare": 1,
        "pretrain": 1,
        "prime": 4,
        "tune": 4,
        "score": 4,
        "tables": 1,
        "figure": 2,
    }
    # 4 strategies x 2 targets x 2 seeds x 2 samples, one point of the grid; 4 steps of 4 examples of 24 + 8 tokens
    assert phases["tune"].trainings == 4 * 2 * 2 * 2
    assert phases["tune"].tokens == 32 * 4 * 4 * (24 + 8)
    # mtl: 2 steps of 4; maml: 2 steps of 2 tasks x (1 x 2 + 2); 2 seeds each
    assert phases["prime"].tokens == 2 * (2 * 4 + 2 * 2 * 4) * 32
    assert phases["pretrain"].tokens == 3 * 4 * 32
    assert plan(tiny, tmp_path).cells == 4 * 2
    assert plan(tiny, tmp_path).total.jobs == 17


def test_what_is_not_tuned_is_no_training(tmp_path: Path) -> None:
    settings = yaml.safe_load(TINY.read_text())
    in_epochs = {key: value for key, value in settings["tuning"].items() if key != "steps"} | {"epochs": 3}

    def tuning(*strategies: str, **changes: object) -> Phase:
        """The phase of the tunings of these strategies."""
        study = Study.model_validate({**settings, "strategies": list(strategies), **changes})
        return {phase.step: phase for phase in plan(study, tmp_path).phases}["tune"]

    tuned = tuning("none -> nothing", "none -> adapter")
    epochs = tuning("none -> nothing", "none -> adapter", tuning=in_epochs)
    assert (tuned.jobs, tuned.trainings, tuned.tokens) == (2, 2 * 2 * 2, 8 * 4 * 4 * 32)
    # two shots of four labels at the most: 3 epochs are 6 steps of 4
    assert epochs.tokens == 8 * 6 * 4 * 32
    untuned = tuning("none -> nothing")
    assert (untuned.trainings, untuned.tokens, untuned.bytes) == (0, 0, 0)
    assert 0 < untuned.operations < tuned.operations


def test_weights_on_disk(tiny: Study, tmp_path: Path) -> None:
    phases = {phase.step: phase for phase in plan(tiny, tmp_path).phases}
    plm = plm_size(tiny.plms["mini"], tmp_path).parameters
    adapter, prompt = 2 * 2 * 2 * 16 * 4, 2 * 16
    assert phases["pretrain"].bytes == 4 * plm
    assert phases["prime"].bytes == 2 * 4 * ((plm + adapter) + (plm + prompt))
    # of the four strategies two tune adapters and one a prompt; a tuned PLM is not kept
    assert phases["tune"].bytes == 4 * (2 * adapter + prompt) * 2 * 2 * 2


def test_hours_follow_from_operations(tiny: Study, tmp_path: Path) -> None:
    found = plan(tiny, tmp_path, "v100")
    assert found.hours(found.total) == pytest.approx(found.total.operations / (15.7e12 * USED["float32"]) / 3600)
    half = tiny.model_copy(update={"compute": tiny.compute.model_copy(update={"precision": "bfloat16"})})
    faster = plan(half, tmp_path, "a100")
    assert faster.hours(faster.total) == pytest.approx(found.total.operations / (312e12 * USED["bfloat16"]) / 3600)
    assert faster.hours(faster.total) < plan(tiny, tmp_path, "a100").hours(found.total)
    assert plan(half, tmp_path, "t4").hours(found.total) == plan(tiny, tmp_path, "t4").hours(found.total)


def test_longer_inputs_cost_more(tiny: Study, tmp_path: Path) -> None:
    tokens = [plan(tiny, tmp_path, tokens=n).total.operations for n in (8, 16, 24, 500)]
    assert tokens[0] < tokens[1] < tokens[2] == tokens[3]


def test_what_is_done_counts(tiny: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settle(Recipes(graph(tiny), tmp_path))
    assert {phase.done == phase.jobs for phase in plan(tiny, tmp_path).phases} == {True}
    (tmp_path / "results/tiny/primed/mini/mtl-plm+adapter/seed-1/recipe.json").unlink()
    assert {phase.step: phase.jobs - phase.done for phase in plan(tiny, tmp_path).phases} == {
        "prepare": 0, "pretrain": 0, "prime": 1, "tune": 1, "score": 1, "tables": 1, "figure": 2,
    }  # fmt: skip


def test_executed_operations_follow_from_results_that_are_here(
    tiny: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert {phase.executed for phase in plan(tiny, tmp_path).phases} == {None}
    for seed, flops, executed in ((1, 100.0, 150.0), (2, 300.0, 650.0)):
        folder = tmp_path / f"results/tiny/primed/mini/mtl-plm+adapter/seed-{seed}"
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps({"flops": flops, "flops_executed": executed}))
    found = plan(tiny, tmp_path)
    phases = {phase.step: phase for phase in found.phases}
    assert phases["prime"].executed == pytest.approx(phases["prime"].operations * 800 / 400)
    assert (phases["tune"].executed, found.total.executed) == (None, None)
    assert f"{phases['prime'].executed:.2g}" in next(
        line for line in described(found).splitlines() if line.startswith("prime")
    )
    assert "unknown until there are any" in described(found).splitlines()[-2]


def test_the_table_lines_up(tiny: Study, tmp_path: Path) -> None:
    lines = described(plan(tiny, tmp_path)).splitlines()
    assert lines[0] == "study tiny: 8 cells (1 PLM x 4 strategies x 2 target tasks), 2 seeds and 2 samples each"
    table = lines[2:-6]
    assert len({len(line) for line in table}) == 1
    assert table[0].split()[:4] == ["step", "jobs", "done", "trainings"]


def test_an_unknown_gpu_is_refused(tiny: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="--gpu a10o: not known; did you mean 'a10' or 'a100'.*allowed: t4"):
        plan(tiny, tmp_path, "a10o")
    assert all(single <= half for single, half in GPUS.values())
