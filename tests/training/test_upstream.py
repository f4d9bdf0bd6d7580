"""Priming as the workflow runs it: what is written and kept, what it costs, and what is marked as failed."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from priming.algorithms.budget import schedule, step_cost
from priming.algorithms.interface import Budget, Upstream, Validation
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.algorithms.reptile import Reptile
from priming.algorithms.table import bound
from priming.backbones.flops import Counter
from priming.elements.sections import Rates
from priming.elements.table import ELEMENTS
from priming.evaluation.scoring import sample_scores
from priming.runs.parameters import Gradients, StackedParameters
from priming.runs.update_rules.interpolation import Interpolation
from priming.strategies import Priming
from priming.study.tuning import Scoring
from priming.tasks.prepared import read_task
from priming.training.downstream import tune
from priming.training.priming_run import PrimingJob
from priming.training.upstream import prime
from priming.training.validation import DevelopmentTasks
from tests.tiny_bart import examples

from .conftest import DEVELOPMENT, TARGET, group, result, tuner


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("maml[plm+prompt | prompt x2]", Maml(tasks=2, support=2, query=2, inner_learning_rates=Rates(prompt=0.1))),
        (
            "maml[adapter | prompt x1]",
            Maml(order="first", tasks=2, support=2, query=2, inner_learning_rates=Rates(prompt=0.1)),
        ),
        (
            "reptile[adapter | adapter x3]",
            Reptile(tasks=2, support=2, same_support=False, inner_learning_rates=Rates(adapter=0.1)),
        ),
        (
            "reptile[plm+prompt | prompt x2]",
            Reptile(update="full_step", tasks=2, support=2, query=2, inner_learning_rates=Rates(plm=0.1, prompt=0.1)),
        ),
        ("mtl[prefix]", Mtl(batch=4)),
    ],
)
def test_outer_elements_move_and_nothing_else_is_written(
    job: PrimingJob, tmp_path: Path, text: str, settings: Mtl
) -> None:
    priming = Priming.parse(text)
    settings = settings.model_copy(update={"budget": Budget(steps=2), "learning_rates": RATES, "warmup": 0.0})
    prime(replace(job, priming=priming, settings=settings), tmp_path)
    assert {file.stem for file in tmp_path.glob("*.safetensors")} == set(priming.outer)
    assert result(tmp_path)["status"] == "done"
    fresh = tuner(job.plm_folder, f"none -> {'+'.join(e for e in priming.elements)}").model
    start = dict(fresh.named_parameters())
    for element in priming.outer:
        moved = load_file(tmp_path / f"{element}.safetensors")
        assert any(not torch.equal(value, start[name]) for name, value in moved.items()), element


RATES = Rates(plm=1e-3, adapter=1e-2, prompt=0.1, prefix=0.1, lora=1e-2, ia3=1e-2, bitfit=1e-2)
INNER_RATES = Rates(**dict.fromkeys(ELEMENTS, 0.1))
FIRST = ("plm", "adapter", "prompt", "prefix")
SUBSETS = [subset for size in range(1, 5) for subset in combinations(FIRST, size)]
SUBSETS += [
    tuple(e for e in ELEMENTS if e in (*others, new))
    for new in ("lora", "ia3", "bitfit")
    for others in ((), ("adapter", "prompt"))
]


@pytest.mark.parametrize("outer", SUBSETS, ids="+".join)
@pytest.mark.parametrize("algorithm", ["mtl", "maml", "reptile"])
def test_every_subset_of_elements_can_be_primed(
    job: PrimingJob, tmp_path: Path, outer: tuple[str, ...], algorithm: str
) -> None:
    names = "+".join(outer)
    rates = {"learning_rates": RATES, "budget": Budget(steps=1), "warmup": 0.0, "dropout": 0.0}
    inner = {"tasks": 1, "support": 2, "query": 2, "inner_learning_rates": INNER_RATES}
    settings = {"mtl": Mtl(batch=2, **rates), "maml": Maml(**rates, **inner), "reptile": Reptile(**rates, **inner)}[
        algorithm
    ]
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
        assert (tmp_path / "a" / f"{element}.safetensors").read_bytes() == (
            tmp_path / "b" / f"{element}.safetensors"
        ).read_bytes()
    prime(replace(job, seed=2), tmp_path / "c")
    assert (tmp_path / "a" / "adapter.safetensors").read_bytes() != (
        tmp_path / "c" / "adapter.safetensors"
    ).read_bytes()


def test_a_priming_that_diverges_is_a_result(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    wild = Mtl(
        budget=Budget(steps=6),
        batch=4,
        learning_rates=Rates(plm=1e30, adapter=1e30),
        warmup=0.0,
        clip=None,
        dropout=0.0,
    )
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
        scores = sample_scores(
            tmp_path / TARGET[0] / f"sample-{number}", read_task(tasks / TARGET[0]), number, Scoring()
        )
        assert (scores["status"], scores["reason"]) == ("not primed", marked["reason"])
        assert (scores["test"], scores["dev"], scores["majority"]) == (None, None, None)


def test_a_priming_whose_last_step_leaves_no_numbers_has_failed(job: PrimingJob, tmp_path: Path) -> None:
    """Its only loss is finite: nothing is computed of the weights that it leaves."""
    rates = Rates(plm=1e300, adapter=1e300)
    last = Mtl(budget=Budget(steps=1), batch=4, learning_rates=rates, warmup=0.0, clip=None, dropout=0.0)
    prime(replace(job, settings=last), tmp_path / "primed")
    found = result(tmp_path / "primed")
    assert (found["status"], found["reason"]) == ("failed", "not finite after step 1: the weights have NaN or infinity")
    assert [point["step"] for point in found["curve"]] == [1]
    assert list((tmp_path / "primed").rglob("*.safetensors")) == []


def test_the_best_checkpoint_by_the_development_tasks_is_kept(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    settings = job.settings.model_copy(
        update={"budget": Budget(steps=6), "keep": "best", "validation": Validation(every=2, steps=2)}
    )
    tuners = {
        "adapter": tuner(job.plm_folder, "mtl[plm+adapter] -> adapter"),
        "prompt": replace(tuner(job.plm_folder, "mtl[plm+adapter] -> prompt")),
    }
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
        assert (tmp_path / "best-adapter/plm.safetensors").read_bytes() == (
            tmp_path / "last/plm.safetensors"
        ).read_bytes()


def test_the_checkpoint_with_the_lowest_development_loss_is_kept(job: PrimingJob, tasks: Path, tmp_path: Path) -> None:
    """A rate so high that the loss rises again: the kept values are those of a state saved by a stop at that step."""
    settings = Maml(
        budget=Budget(steps=6),
        tasks=2,
        support=4,
        query=4,
        keep="loss",
        validation=Validation(every=2),
        learning_rates=Rates(adapter=0.5),
        inner_learning_rates=Rates(adapter=0.1),
        warmup=0.0,
        dropout=0.0,
    )
    maml = replace(job, priming=Priming.parse("maml[adapter | adapter x1]"), settings=settings)
    prime(replace(maml, development={tasks / name: [1, 2] for name in DEVELOPMENT}), tmp_path / "kept")
    found = result(tmp_path / "kept")
    losses = {point["step"]: -point["scores"]["loss"] for point in found["validation"]}
    assert list(losses) == [2, 4, 6]
    assert all(loss > 0 for loss in losses.values())
    assert found["kept_step"] == min(losses, key=lambda step: losses[step]) < 6
    assert {file.name for file in (tmp_path / "kept").iterdir()} == {"adapter.safetensors", "result.json"}
    prime(replace(maml, settings=settings.model_copy(update={"keep": "last"})), tmp_path / "last")
    kept, last = (load_file(tmp_path / name / "adapter.safetensors") for name in ("kept", "last"))
    assert not any(torch.equal(kept[name], last[name]) for name in kept)


@pytest.mark.parametrize(("warmup", "factors"), [(0.5, [0.0, 0.5, 1.0, 0.5]), (0.0, [1.0, 0.75, 0.5, 0.25])])
def test_reptiles_step_size_warms_up_and_decays(
    job: PrimingJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warmup: float, factors: list[float]
) -> None:
    moved = []

    def step(
        self: Interpolation, parameters: StackedParameters, gradients: Gradients, factor: float, alive: torch.Tensor
    ) -> None:
        moved.append(self.size * factor)

    monkeypatch.setattr(Interpolation, "step", step)
    settings = Reptile(
        tasks=2,
        support=2,
        step_size=0.8,
        warmup=warmup,
        budget=Budget(steps=4),
        inner_learning_rates=Rates(adapter=0.1),
    )
    prime(replace(job, priming=Priming.parse("reptile[adapter | adapter x1]"), settings=settings), tmp_path)
    assert moved == pytest.approx([0.8 * factor for factor in factors])


def test_budgets_in_four_measures_agree(plm_folder: Path) -> None:
    priming, data = Priming.parse("mtl[plm+adapter]"), [examples(10, 1), examples(10, 2)]
    counter = Counter(tuner(plm_folder, "mtl[plm+adapter] -> adapter").model)
    by_steps = schedule(bound("mtl", Mtl(budget=Budget(steps=50), batch=8), priming), counter, data, 7)
    for budget in (Budget(examples=400), Budget(flops=50 * by_steps.cost), Budget(executed_flops=by_steps.executed)):
        assert schedule(bound("mtl", Mtl(budget=budget, batch=8), priming), counter, data, 7) == by_steps


def test_what_a_step_of_each_algorithm_costs(plm_folder: Path) -> None:
    counter = Counter(tuner(plm_folder, "mtl[plm+adapter] -> adapter").model)
    inner, both = (counter.example(10, 2, elements) for elements in (("adapter",), ("plm", "adapter")))
    sizes = {"tasks": 3, "support": 4, "query": 5}

    def cost(priming: str, settings: Upstream) -> tuple[int, float]:
        algorithm = bound((parsed := Priming.parse(priming)).algorithm, settings, parsed)
        return algorithm.step.examples, step_cost(algorithm, counter, 10, 2)

    assert cost("mtl[plm+adapter]", Mtl(batch=8)) == (8, pytest.approx(8 * both.gradient))
    maml = "maml[plm+adapter | adapter x2]"
    first = 3 * (2 * 4 * inner.gradient + 5 * both.gradient)
    assert cost(maml, Maml(order="first", **sizes)) == (3 * 13, pytest.approx(first))
    assert cost(maml, Maml(order="second", **sizes)) == (39, pytest.approx(first + 3 * 8 * 2 * inner.gradient))
    assert cost("reptile[adapter | adapter x2]", Reptile(**sizes)) == (24, pytest.approx(24 * inner.gradient))
    assert both.forward == inner.forward
    assert both.weights > inner.weights
