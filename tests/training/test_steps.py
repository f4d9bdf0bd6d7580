"""Priming and tuning as the workflow runs them: what is written, kept, refused and marked as failed."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from priming.errors import DataError
from priming.models.flops import Counter
from priming.strategies import ELEMENTS, Priming, Strategy
from priming.study.plm import Elements
from priming.study.priming import Budget, Maml, Mtl, Rates, Reptile, Validation
from priming.study.tasks import Files, TaskDefinition
from priming.study.tuning import Grid, Scoring
from priming.tasks.prepare import prepare
from priming.training.budget import plan, step_cost
from priming.training.downstream import Group, tune
from priming.training.optimizer import Interpolation
from priming.training.parameters import Gradients, StackedParameters
from priming.training.tuner import Tuner
from priming.training.upstream import PrimingJob, prime
from priming.training.validation import DevelopmentTasks
from tests.tiny_bart import SIZES, examples

from .conftest import DEVELOPMENT, PLM, TARGET, TASKS, TUNING

TEXT_TASK = TaskDefinition(files=Files(train="rows.csv", test="rows.csv"), kind="text_to_text", input="{text}", output="answer")


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result.json").read_text()))


def tuner(plm_folder: Path, text: str) -> Tuner:
    return Tuner(PLM, plm_folder, SIZES, Strategy.parse(text), TUNING, Scoring(), seed=1)


def group(tasks: Path, primed: Path | None, out: Path, names: list[str] = TARGET) -> Group:
    return Group("s", "mini", [1, 2], [tasks / name for name in names], primed, {}, {name: out / name for name in names})


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("maml[plm+prompt | prompt x2]", Maml(tasks=2, support=2, query=2, inner_learning_rates=Rates(prompt=0.1))),
        ("maml[adapter | prompt x1]", Maml(order="first", tasks=2, support=2, query=2, inner_learning_rates=Rates(prompt=0.1))),
        ("reptile[adapter | adapter x3]", Reptile(tasks=2, support=2, same_support=False, inner_learning_rates=Rates(adapter=0.1))),
        (
            "reptile[plm+prompt | prompt x2]",
            Reptile(update="full_step", tasks=2, support=2, query=2, inner_learning_rates=Rates(plm=0.1, prompt=0.1)),
        ),
        ("mtl[prefix]", Mtl(batch=4)),
    ],
)
def test_outer_elements_move_and_nothing_else_is_written(job: PrimingJob, tmp_path: Path, text: str, settings: Mtl) -> None:
    priming = Priming.parse(text)
    settings = settings.model_copy(
        update={"budget": Budget(steps=2), "learning_rates": Rates(plm=1e-3, adapter=1e-2, prompt=0.1, prefix=0.1), "warmup": 0.0}
    )
    prime(replace(job, priming=priming, settings=settings), tmp_path)
    assert {file.stem for file in tmp_path.glob("*.safetensors")} == set(priming.outer)
    assert result(tmp_path)["status"] == "done"
    fresh = tuner(job.plm_folder, f"none -> {'+'.join(e for e in priming.elements)}").model
    start = dict(fresh.named_parameters())
    for element in priming.outer:
        moved = load_file(tmp_path / f"{element}.safetensors")
        assert any(not torch.equal(value, start[name]) for name, value in moved.items()), element


SUBSETS = [subset for size in range(1, 5) for subset in combinations(ELEMENTS, size)]


@pytest.mark.parametrize("outer", SUBSETS, ids="+".join)
@pytest.mark.parametrize("algorithm", ["mtl", "maml", "reptile"])
def test_every_subset_of_elements_can_be_primed(job: PrimingJob, tmp_path: Path, outer: tuple[str, ...], algorithm: str) -> None:
    names = "+".join(outer)
    rates = {"learning_rates": Rates(plm=1e-3, adapter=1e-2, prompt=0.1, prefix=0.1), "budget": Budget(steps=1), "warmup": 0.0, "dropout": 0.0}
    inner = {"tasks": 1, "support": 2, "query": 2, "inner_learning_rates": Rates(plm=0.1, adapter=0.1, prompt=0.1, prefix=0.1)}
    settings = {"mtl": Mtl(batch=2, **rates), "maml": Maml(**rates, **inner), "reptile": Reptile(**rates, **inner)}[algorithm]
    priming = Priming.parse(f"mtl[{names}]" if algorithm == "mtl" else f"{algorithm}[{names} | {names} x1]")
    prime(replace(job, priming=priming, settings=settings), tmp_path)
    assert result(tmp_path)["status"] == "done"
    start = dict(tuner(job.plm_folder, f"none -> {names}").model.named_parameters())
    for element in outer:
        moved = load_file(tmp_path / f"{element}.safetensors")
        assert any(not torch.equal(value, start[name]) for name, value in moved.items()), element


def test_priming_again_gives_the_same_bytes(job: PrimingJob, tmp_path: Path) -> None:
    for name in ("a", "b"):
        prime(job, tmp_path / name)
    for element in ("plm", "adapter"):
        assert (tmp_path / "a" / f"{element}.safetensors").read_bytes() == (tmp_path / "b" / f"{element}.safetensors").read_bytes()
    prime(replace(job, seed=2), tmp_path / "c")
    assert (tmp_path / "a" / "adapter.safetensors").read_bytes() != (tmp_path / "c" / "adapter.safetensors").read_bytes()


def test_tuning_starts_from_the_primed_values(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    prime(job, tmp_path / "primed")
    primed = tuner(job.plm_folder, "mtl[plm+adapter] -> adapter")
    tune(primed, group(tasks, tmp_path / "primed", tmp_path))
    saved = load_file(tmp_path / "primed" / "plm.safetensors")
    parameters = dict(primed.model.named_parameters())
    assert all(torch.equal(parameters[name], value) for name, value in saved.items())
    found = result(tmp_path / TARGET[0] / "sample-1")
    assert found["status"] == "done"
    assert len(found["runs"]) == 2
    assert set(found["test"]) == {"ranking", "greedy"}
    best = max(run["best_dev"] for run in found["runs"])
    assert found["runs"][found["winner"]]["best_dev"] == best == found["dev"]["ranking"]["accuracy"]
    rows = [json.loads(line) for line in (tmp_path / TARGET[0] / "sample-1" / "predictions.jsonl").read_text().splitlines()]
    hits = sum(row["ranking"] in row["targets"] for row in rows)
    assert hits / len(rows) == pytest.approx(found["test"]["ranking"]["accuracy"])
    tuned = sum(value.numel() for value in load_file(tmp_path / TARGET[0] / "sample-1" / "elements.safetensors").values())
    assert found["parameters"]["tuned"] == tuned


def test_labels_that_would_be_cut_are_refused_before_anything_is_trained(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    short = PLM.model_copy(update={"max_output": 2})
    with pytest.raises(DataError, match=r"task age_compare: the label '\w+' takes \d+ tokens, .* plms.mini.max_output is 2: .* set plms"):
        prime(replace(job, plm=short), tmp_path / "primed")
    with pytest.raises(DataError, match=r"task dinner_review: the label 'disgusting' takes \d+ tokens"):
        tune(replace(tuner(job.plm_folder, "none -> adapter"), plm=short), group(tasks, None, tmp_path))
    assert not list(tmp_path.rglob("result.json"))


def test_text_targets_that_are_cut_are_counted_and_said(job: PrimingJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = TASKS.model_copy(update={"source": ["many_of"], "define": {"verbatim": TEXT_TASK}, "target": ["verbatim"], "shots_in_all": 4})
    rows = "".join(f"{i},{'red ' * i}\n" for i in range(1, 31))
    (tmp_path / "rows.csv").write_text(f"text,answer\n{rows}")
    for name, part in (("many_of", "source"), ("verbatim", "target")):
        prepare(name, study, part, tmp_path, tmp_path / "tasks" / name)
    tokenizer = tuner(job.plm_folder, "none -> adapter").encoder.tokenizer

    def longer(file: str, limit: int) -> int:
        lines = (tmp_path / "tasks" / file).read_text().splitlines()
        return sum(len(tokenizer(target)["input_ids"]) > limit for line in lines for target in json.loads(line)["targets"])

    prime(replace(job, source=[tmp_path / "tasks/many_of"], plm=PLM.model_copy(update={"max_output": 3})), tmp_path / "primed")
    cut = longer("many_of/pool.jsonl", 3)
    assert cut > 0
    assert result(tmp_path / "primed")["cut_targets"] == {"many_of": cut}
    assert f"mtl[plm+adapter] seed 1: {cut} targets of task many_of cut, since plms.mini.max_output is 3 tokens" in capsys.readouterr().err
    tune(tuner(job.plm_folder, "none -> adapter"), group(tmp_path / "tasks", None, tmp_path, ["verbatim"]))
    for number in (1, 2):
        parts = {part: longer(f"verbatim/sample-{number}-{part}.jsonl", 16) for part in ("train", "dev", "test")}
        assert parts["test"] > 0
        assert result(tmp_path / "verbatim" / f"sample-{number}")["cut_targets"] == parts


def test_a_dropped_element_leaves_no_trace_and_a_kept_one_stays(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    prime(job, tmp_path / "primed")
    kept = tuner(job.plm_folder, "mtl[plm+adapter] -> prompt (with adapter)")
    kept.load(tmp_path / "primed")
    values = load_file(tmp_path / "primed" / "adapter.safetensors")
    assert all(torch.equal(dict(kept.model.named_parameters())[name], value) for name, value in values.items())
    dropped = tuner(job.plm_folder, "mtl[plm+adapter] -> prompt")
    dropped.load(tmp_path / "primed")
    assert not any(name in dict(dropped.model.named_parameters()) for name in values)


def test_a_priming_that_diverges_is_a_result(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    wild = Mtl(budget=Budget(steps=6), batch=4, learning_rates=Rates(plm=1e30, adapter=1e30), warmup=0.0, clip=None, dropout=0.0)
    prime(replace(job, settings=wild), tmp_path / "primed")
    found = result(tmp_path / "primed")
    assert found["status"] == "failed"
    assert "not finite at step" in found["reason"]
    assert not list((tmp_path / "primed").glob("*.safetensors"))
    tune(tuner(job.plm_folder, "mtl[plm+adapter] -> adapter"), group(tasks, tmp_path / "primed", tmp_path))
    for number in (1, 2):
        marked = result(tmp_path / TARGET[0] / f"sample-{number}")
        assert marked["status"] == "not primed"
        assert found["reason"] in marked["reason"]
        assert marked["test"] is None


def test_a_sweep_in_which_every_run_breaks_is_a_result(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    broken = replace(
        tuner(job.plm_folder, "none -> adapter"),
        tuning=TUNING.model_copy(update={"learning_rates": Grid(adapter=[1e38]), "warmup": 0.0, "clip": None}),
    )
    tune(broken, group(tasks, None, tmp_path))
    found = result(tmp_path / TARGET[0] / "sample-1")
    assert found["status"] == "failed"
    assert "not finite" in found["reason"]
    assert found["winner"] is None


def test_the_best_checkpoint_by_the_development_tasks_is_kept(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    settings = job.settings.model_copy(update={"budget": Budget(steps=6), "keep": "best", "validation": Validation(every=2, steps=2)})
    tuners = {"adapter": tuner(job.plm_folder, "mtl[plm+adapter] -> adapter"), "prompt": replace(tuner(job.plm_folder, "mtl[plm+adapter] -> prompt"))}
    judge = DevelopmentTasks(tuners, [tasks / DEVELOPMENT[0]], [1], steps=2)
    prime(replace(job, settings=settings, validator=judge), tmp_path)
    found = result(tmp_path)
    assert [point["step"] for point in found["validation"]] == [2, 4, 6]
    for downstream in ("adapter", "prompt"):
        scores = [point["scores"][downstream] for point in found["validation"]]
        assert found["kept_step"][downstream] == 2 * (scores.index(max(scores)) + 1)
        assert {file.stem for file in (tmp_path / f"best-{downstream}").iterdir()} == {"plm", "adapter"}
    short = replace(job, settings=job.settings.model_copy(update={"budget": Budget(steps=6)}))
    prime(short, tmp_path / "last")
    if found["kept_step"]["adapter"] == 6:
        assert (tmp_path / "best-adapter/plm.safetensors").read_bytes() == (tmp_path / "last/plm.safetensors").read_bytes()


@pytest.mark.parametrize(("change", "message"), [("missing", "missing"), ("shape", "another shape"), ("extra", "superfluous")])
def test_a_checkpoint_of_another_model_is_refused(job: PrimingJob, tmp_path: Path, change: str, message: str) -> None:
    prime(job, tmp_path)
    values = load_file(tmp_path / "adapter.safetensors")
    name = next(iter(values))
    changed = {
        "missing": {n: v for n, v in values.items() if n != name},
        "shape": values | {name: torch.zeros(1)},
        "extra": values | {"prompt": torch.zeros(2)},
    }
    save_file(changed[change], tmp_path / "adapter.safetensors")
    with pytest.raises(DataError, match=message):
        tuner(job.plm_folder, "mtl[plm+adapter] -> adapter").load(tmp_path)


def test_a_checkpoint_cut_short_is_refused(job: PrimingJob, tmp_path: Path) -> None:
    prime(job, tmp_path)
    path = tmp_path / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="cannot be read"):
        tuner(job.plm_folder, "mtl[plm+adapter] -> adapter").load(tmp_path)


@pytest.mark.parametrize(("warmup", "factors"), [(0.5, [0.0, 0.5, 1.0, 0.5]), (0.0, [1.0, 0.75, 0.5, 0.25])])
def test_reptiles_step_size_warms_up_and_decays(
    job: PrimingJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warmup: float, factors: list[float]
) -> None:
    moved = []

    def step(self: Interpolation, parameters: StackedParameters, gradients: Gradients, factor: float, alive: torch.Tensor) -> None:
        moved.append(self.size * factor)

    monkeypatch.setattr(Interpolation, "step", step)
    settings = Reptile(tasks=2, support=2, step_size=0.8, warmup=warmup, budget=Budget(steps=4), inner_learning_rates=Rates(adapter=0.1))
    prime(replace(job, priming=Priming.parse("reptile[adapter | adapter x1]"), settings=settings), tmp_path)
    assert moved == pytest.approx([0.8 * factor for factor in factors])


def test_budgets_in_four_measures_agree(plm_folder: Path) -> None:
    priming, data = Priming.parse("mtl[plm+adapter]"), [examples(10, 1), examples(10, 2)]
    counter = Counter(tuner(plm_folder, "mtl[plm+adapter] -> adapter").model)
    by_steps = plan(priming, Mtl(budget=Budget(steps=50), batch=8), counter, data, 7)
    for budget in (Budget(examples=400), Budget(flops=50 * by_steps.cost), Budget(executed_flops=by_steps.executed)):
        assert plan(priming, Mtl(budget=budget, batch=8), counter, data, 7) == by_steps


def test_what_a_step_of_each_algorithm_costs(plm_folder: Path) -> None:
    counter = Counter(tuner(plm_folder, "mtl[plm+adapter] -> adapter").model)
    inner, both = (counter.example(10, 2, elements) for elements in (("adapter",), ("plm", "adapter")))
    sizes = {"tasks": 3, "support": 4, "query": 5}
    assert step_cost(Priming.parse("mtl[plm+adapter]"), Mtl(batch=8), counter, 10, 2) == (8, pytest.approx(8 * both.gradient))
    maml = Priming.parse("maml[plm+adapter | adapter x2]")
    first = 3 * (2 * 4 * inner.gradient + 5 * both.gradient)
    assert step_cost(maml, Maml(order="first", **sizes), counter, 10, 2) == (3 * 13, pytest.approx(first))
    assert step_cost(maml, Maml(order="second", **sizes), counter, 10, 2) == (39, pytest.approx(first + 3 * 8 * 2 * inner.gradient))
    assert step_cost(Priming.parse("reptile[adapter | adapter x2]"), Reptile(**sizes), counter, 10, 2) == (24, pytest.approx(24 * inner.gradient))
    assert both.forward == inner.forward
    assert both.weights > inner.weights


def test_elements_have_the_sizes_of_the_study(plm_folder: Path) -> None:
    sizes = {element: tuner(plm_folder, f"none -> {element}") for element in ("adapter", "prompt", "prefix")}
    counts = {e: sum(p.numel() for n, p in t.model.named_parameters() if e in n or (e == "adapter" and ".adapters." in n)) for e, t in sizes.items()}
    width, layers, settings = 16, 4, Elements.model_validate(SIZES.model_dump())
    bottleneck = settings.adapter.bottleneck
    one = 2 * width * bottleneck + bottleneck + width
    assert counts["prompt"] == settings.prompt.length * width
    assert counts["prefix"] == 2 * settings.prefix.length * width * (2 + 2 + 2)
    assert counts["adapter"] == one * 2 * layers


def test_tasks_tuned_side_by_side_give_what_they_give_alone(plm_folder: Path, tasks: Path, tmp_path: Path) -> None:
    """Other rows, labels and lengths in the same bank change no score and no weight beyond float arithmetic."""
    names = [*TARGET, *DEVELOPMENT]
    tune(tuner(plm_folder, "none -> adapter"), group(tasks, None, tmp_path / "together", names))
    for name in names:
        tune(tuner(plm_folder, "none -> adapter"), group(tasks, None, tmp_path / "alone", [name]))
        for number in (1, 2):
            one, other = (result(tmp_path / way / name / f"sample-{number}") for way in ("together", "alone"))
            assert one["test"] == other["test"]
            assert [run["best_step"] for run in one["runs"]] == [run["best_step"] for run in other["runs"]]
            ours, theirs = (load_file(tmp_path / way / name / f"sample-{number}" / "elements.safetensors") for way in ("together", "alone"))
            for tensor, value in ours.items():
                torch.testing.assert_close(value, theirs[tensor], rtol=1e-4, atol=1e-6)
