"""Primings and sweeps with fused attention come to the values of attention step by step.

Adam and Adafactor divide by the size of gradients, also of those that are nothing but rounding: of them losses are
compared, and of plain gradient descent weights too.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from safetensors.torch import load_file

from priming.algorithms.interface import Budget, Upstream
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.algorithms.reptile import Reptile
from priming.backbones.compute import Compute
from priming.backbones.device import lacking_to_compile
from priming.elements.sections import Rates
from priming.strategies import Priming, Strategy
from priming.study.tuning import Scoring
from priming.training.downstream import tune
from priming.training.priming_run import PrimingJob
from priming.training.tuner import Tuner
from priming.training.upstream import prime
from tests.tiny_bart import SIZES
from tests.training.conftest import PLM, TUNING, group, result

EAGER, FUSED = (Compute(device="cpu", attention=attention) for attention in ("eager", "fused"))
RATES = Rates(plm=1e-2, adapter=1e-2, prompt=1e-1, prefix=1e-1)
COMMON = {"budget": Budget(steps=3), "learning_rates": RATES, "dropout": 0.0}
SGD = {**COMMON, "optimizer": "sgd"}
META = {"inner_learning_rates": RATES, "support": 4, "query": 4}
PRIMINGS: dict[str, tuple[str, Upstream]] = {
    "mtl": ("mtl[plm+adapter+prompt+prefix]", Mtl(**SGD, batch=4)),
    "adamw": ("mtl[adapter]", Mtl(**COMMON, batch=4)),
    "adafactor": ("mtl[plm]", Mtl(**COMMON, batch=4, optimizer="adafactor")),
    "maml": ("maml[plm+adapter | adapter x2]", Maml(**SGD, **META, order="first")),
    "reptile": ("reptile[plm+prompt | prompt x2]", Reptile(**SGD, **META, update="full_step")),
}


@pytest.mark.parametrize(("name", "settings"), PRIMINGS.values(), ids=PRIMINGS)
def test_primings(job: PrimingJob, tmp_path: Path, name: str, settings: Upstream) -> None:
    found = []
    for compute in (EAGER, FUSED):
        out = tmp_path / compute.attention
        prime(replace(job, priming=Priming.parse(name), settings=settings, compute=compute), out)
        assert result(out)["attention"] == compute.attention
        found.append((result(out)["curve"], {file.name: load_file(file) for file in sorted(out.glob("*.safetensors"))}))
    (curve, weights), (of_fused, fused) = found
    for point, other in zip(curve, of_fused, strict=True):
        assert point == pytest.approx(other, rel=1e-4)
    assert weights.keys() == fused.keys()
    if settings.optimizer == "sgd":
        for file, tensors in weights.items():
            for key, value in tensors.items():
                torch.testing.assert_close(fused[file][key], value, rtol=1e-5, atol=5e-6, msg=key)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "adafactor"])
def test_update_rules_of_compiled_layers(
    job: PrimingJob, tmp_path: Path, missing: Callable[[str, str], NoReturn], optimizer: str
) -> None:
    if lacking := lacking_to_compile("cpu"):
        missing("compiler", f"this machine has no {lacking}")
    found, settings = [], Mtl(**COMMON, batch=4, optimizer=optimizer)
    for compile_ in ("off", "on"):
        out, compute = tmp_path / compile_, Compute(device="cpu", compile=compile_)
        prime(replace(job, priming=Priming.parse("mtl[adapter]"), settings=settings, compute=compute), out)
        assert result(out)["compiled"] is (compile_ == "on")
        found.append(result(out)["curve"])
    for point, other in zip(*found, strict=True):
        assert point == pytest.approx(other, rel=1e-4)


def test_second_order_stays_step_by_step(job: PrimingJob, tmp_path: Path) -> None:
    """By default, wherever it runs; a job that got past the check is no exception."""
    settings = Maml(**SGD, **META, order="second")
    prime(replace(job, priming=Priming.parse("maml[plm | plm x1]"), settings=settings, compute=FUSED), tmp_path / "out")
    assert (result(tmp_path / "out")["attention"], result(tmp_path / "out")["compiled"]) == ("eager", False)


def test_sweeps(plm_folder: Path, tasks: Path, tmp_path: Path) -> None:
    found = []
    for compute in (EAGER, FUSED):
        out = tmp_path / compute.attention
        tuner = Tuner(PLM, plm_folder, SIZES, Strategy.parse("none -> adapter"), TUNING, Scoring(), 1, compute)
        tune(tuner, group(tasks, None, out))
        results = [result(folder) for folder in sorted(out.glob("*/sample-*"))]
        assert {one["attention"] for one in results} == {compute.attention}
        points = [point for one in results for run in one["runs"] for point in run["curve"]]
        found.append([[point[key] or 0 for point in points] for key in ("step", "dev", "loss")])
    (steps, scores, losses), fused = found
    assert [steps, scores] == fused[:2]
    assert losses == pytest.approx(fused[2], rel=1e-4)
