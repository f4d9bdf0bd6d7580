"""Primings and sweeps whose layers are computed again in the backward pass come to the same values.

By plain gradient descent: Adam divides by the size of gradients, also of those that are nothing but rounding, which
differs, since sums over layers are added up in another order.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from priming.algorithms.interface import Budget, Upstream
from priming.algorithms.maml import Maml
from priming.algorithms.mtl import Mtl
from priming.algorithms.reptile import Reptile
from priming.backbones.compute import Compute
from priming.elements.sections import Rates
from priming.strategies import Priming, Strategy
from priming.study.tuning import Scoring
from priming.training.downstream import tune
from priming.training.priming_run import PrimingJob
from priming.training.tuner import Tuner
from priming.training.upstream import prime
from tests.tiny_bart import SIZES
from tests.training.conftest import PLM, TUNING, group, result

AGAIN = Compute(device="cpu", checkpointing=True)
HELD = Compute(device="cpu")
RATES = Rates(plm=1e-2, adapter=1e-2, prompt=1e-1, prefix=1e-1)
COMMON = {"budget": Budget(steps=3), "learning_rates": RATES, "dropout": 0.1, "optimizer": "sgd"}
STANDARD = {key: value for key, value in COMMON.items() if key != "optimizer"}
META = {"inner_learning_rates": RATES, "support": 4, "query": 4}
PRIMINGS: list[tuple[str, Upstream]] = [
    ("mtl[plm+adapter]", Mtl(**COMMON, batch=4)),
    ("mtl[plm]", Mtl(**COMMON, batch=4, accumulation_steps=2)),
    ("mtl[prefix+prompt]", Mtl(**COMMON, batch=4)),
    ("maml[plm+adapter | adapter x2]", Maml(**COMMON, **META, order="first")),
    ("reptile[plm+prefix | plm+prefix x2]", Reptile(**STANDARD, **META)),
    ("reptile[plm+prompt | prompt x2]", Reptile(**COMMON, **META, update="full_step")),
]


@pytest.mark.parametrize(("name", "settings"), PRIMINGS, ids=[name for name, _ in PRIMINGS])
def test_primings(job: PrimingJob, tmp_path: Path, name: str, settings: Upstream) -> None:
    found = []
    for compute in (HELD, AGAIN):
        out = tmp_path / str(compute.checkpointing)
        prime(replace(job, priming=Priming.parse(name), settings=settings, compute=compute), out)
        weights = {file.name: load_file(file) for file in sorted(out.glob("*.safetensors"))}
        found.append((result(out)["curve"], weights))
    (curve, weights), (of_again, again) = found
    for point, other in zip(curve, of_again, strict=True):
        assert point == pytest.approx(other, rel=1e-6)
    assert weights.keys() == again.keys()
    for file, tensors in weights.items():
        for key, value in tensors.items():
            torch.testing.assert_close(again[file][key], value, rtol=1e-6, atol=2e-6, msg=key)


def test_sweeps(plm_folder: Path, tasks: Path, tmp_path: Path) -> None:
    found = []
    tuning = TUNING.model_copy(update={"dropout": 0.1})
    for compute in (HELD, AGAIN):
        strategy, out = Strategy.parse("none -> adapter"), tmp_path / str(compute.checkpointing)
        tuner = Tuner(PLM, plm_folder, SIZES, strategy, tuning, Scoring(), seed=1, compute=compute)
        tune(tuner, group(tasks, None, out))
        folders = sorted(out.glob("*/sample-*"))
        curves = [run["curve"] for folder in folders for run in result(folder)["runs"]]
        found.append([[point[key] or 0 for curve in curves for point in curve] for key in ("step", "dev", "loss")])
        assert len(folders) == 2
    (steps, scores, losses), again = found
    assert [steps, scores] == again[:2]
    # The gradients of runs that are padded apart are added in the order of the way back, which is another here.
    assert losses == pytest.approx(again[2], rel=1e-6)
