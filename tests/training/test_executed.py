"""Operations as executed, padding included, against what torch counts while the trainings run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from torch.utils.flop_counter import FlopCounterMode

from priming.algorithms.budget import Schedule, schedule
from priming.algorithms.interface import Budget, Upstream
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.algorithms.reptile import Reptile
from priming.algorithms.table import bound
from priming.backbones.attachment import attach
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.flops import Counter
from priming.backbones.loading import load_plm
from priming.elements.sections import Rates
from priming.forms.prediction import Predictor
from priming.strategies import Priming, Strategy
from priming.study.tuning import Grid, Scoring
from priming.training.downstream import Group, tune
from priming.training.priming_run import PrimingJob
from priming.training.tuner import Tuner
from priming.training.upstream import prime
from tests.tiny_bart import SIZES, examples

from .conftest import DEVELOPMENT, PLM, TARGET, TUNING

STEPS = Budget(steps=3)
OUTER, INNER = (
    {"learning_rates": Rates(plm=1e-3, adapter=1e-2), "dropout": 0.0},
    {"inner_learning_rates": Rates(plm=0.01, adapter=0.1)},
)
META: dict[str, Any] = {"tasks": 2, "support": 3, "query": 2, **OUTER, **INNER}
EXACT: Mapping[str, tuple[str, Upstream]] = {
    "mtl": ("mtl[plm]", Mtl(budget=STEPS, batch=5, **OUTER)),
    "mtl by examples": ("mtl[plm]", Mtl(budget=STEPS, batch=5, mixing="examples", **OUTER)),
    "mtl accumulated": ("mtl[plm]", Mtl(budget=STEPS, batch=5, accumulation_steps=2, **OUTER)),
    "second-order maml": ("maml[plm | plm x2]", Maml(budget=STEPS, order="second", **META)),
    "first-order maml": ("maml[plm | plm x2]", Maml(budget=STEPS, order="first", same_support=False, **META)),
    "maml accumulated": ("maml[plm | plm x1]", Maml(budget=STEPS, order="first", accumulation_steps=2, **META)),
    "reptile": ("reptile[plm | plm x3]", Reptile(budget=STEPS, same_support=False, **META)),
    "reptile, full step": ("reptile[plm | plm x2]", Reptile(budget=STEPS, update="full_step", **META)),
}


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result.json").read_text()))


@pytest.mark.parametrize("name", EXACT)
def test_a_priming_executes_what_it_says(job: PrimingJob, tmp_path: Path, name: str) -> None:
    text, settings = EXACT[name]
    with FlopCounterMode(display=False) as counted:
        prime(replace(job, priming=Priming.parse(text), settings=settings), tmp_path)
    found = result(tmp_path)
    assert found["flops_executed"] == pytest.approx(counted.get_total_flops(), rel=1e-9)
    assert found["flops_executed"] > 1.02 * found["flops"]


def test_an_adapter_alone_executes_a_little_less(job: PrimingJob, tmp_path: Path) -> None:
    """As of the counted operations, the gradient stops at the first tuned weight."""
    with FlopCounterMode(display=False) as counted:
        prime(
            replace(job, priming=Priming.parse("mtl[adapter]"), settings=Mtl(budget=STEPS, batch=5, **OUTER)), tmp_path
        )
    assert 0.8 < counted.get_total_flops() / result(tmp_path)["flops_executed"] < 1


def test_a_sweep_executes_what_its_samples_say(
    plm_folder: Path, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tasks of unlike length in one bank, two batch sizes; evaluations, which are not counted, are taken off."""
    evaluations = []

    def apart(name: str) -> None:
        method = getattr(Predictor, name)

        def counting(*arguments: Any) -> Any:
            with FlopCounterMode(display=False) as counted:
                found = method(*arguments)
            evaluations.append(counted.get_total_flops())
            return found

        monkeypatch.setattr(Predictor, name, counting)

    apart("answer")
    apart("losses")
    tuning = TUNING.model_copy(update={"learning_rates": Grid(plm=[1e-3, 1e-4]), "batch_sizes": [3, 2], "bank": 5})
    tuner = Tuner(PLM, plm_folder, SIZES, Strategy.parse("none -> plm"), tuning, Scoring(), seed=1)
    names = [*TARGET, *DEVELOPMENT]
    with FlopCounterMode(display=False) as counted:
        tune(
            tuner,
            Group(
                "s",
                "mini",
                [1, 2],
                [tasks / name for name in names],
                None,
                {},
                {name: tmp_path / name for name in names},
            ),
        )
    found = [result(tmp_path / name / f"sample-{number}") for name in names for number in (1, 2)]
    assert sum(one["flops_executed"] for one in found) == pytest.approx(
        counted.get_total_flops() - sum(evaluations), rel=1e-9
    )


def unlike() -> Sequence[TokenizedDataset]:
    return [examples(9, 1, longest=4), examples(12, 2, longest=30, target=4)]


@pytest.mark.parametrize("algorithm", ["mtl", "maml", "reptile"])
def test_a_budget_of_executed_operations_gives_the_nearest_number_of_steps(plm_folder: Path, algorithm: str) -> None:
    priming = Priming.parse("mtl[plm]" if algorithm == "mtl" else f"{algorithm}[plm | plm x2]")
    counter = Counter(attach(load_plm(plm_folder), ("plm",), SIZES, 0))

    def planned(**budget: float) -> Schedule:
        settings = {
            "mtl": Mtl(batch=4),
            "maml": Maml(tasks=1, support=2, query=2),
            "reptile": Reptile(tasks=1, support=2),
        }[algorithm]
        chosen = settings.model_copy(update={"budget": Budget.model_validate(budget)})
        return schedule(bound(algorithm, chosen, priming), counter, unlike(), 3)

    spent = [planned(steps=steps).executed for steps in range(1, 9)]
    assert spent == sorted(spent)
    assert len({round(b - a) for a, b in pairwise(spent)}) > 1  # steps differ, so that the number is no quotient
    for steps in range(1, 8):
        here, following = spent[steps - 1], spent[steps]
        for share, wanted in ((0.0, steps), (0.4, steps), (0.6, steps + 1)):
            assert planned(executed_flops=here + share * (following - here)).steps == wanted
    assert planned(executed_flops=1.0).steps == 1


def test_padding_by_hand() -> None:
    """Two tasks a meta-batch and two inner steps on the same support set: both are padded to the longest of the two."""
    sets = [
        TokenizedDataset(((1,) * 3, (1,) * 3), (((2,),), ((2,),))),
        TokenizedDataset(((1,) * 7, (1,) * 7), (((2,) * 4,), ((2,) * 4,))),
    ]
    settings = Maml(tasks=2, support=1, query=1)
    twice, thrice = Priming.parse("maml[plm | plm x2]"), Priming.parse("reptile[plm | plm x3]")
    found = bound("maml", settings, twice).passes(sets, 5)(0)
    assert found == [(2, 7, 4, True), (2, 7, 4, True), (2, 7, 4, False)]
    apart = bound("maml", settings.model_copy(update={"accumulation_steps": 2}), twice).passes(sets, 5)(0)
    assert sorted(apart) == sorted(
        [(1, 3, 1, True)] * 2 + [(1, 3, 1, False)] + [(1, 7, 4, True)] * 2 + [(1, 7, 4, False)]
    )
    reptile = bound("reptile", Reptile(tasks=2, support=1, query=1), thrice)
    assert reptile.passes(sets, 5)(0) == [(2, 7, 4, True)] * 3
