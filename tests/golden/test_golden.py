"""Training gives the recorded results: to the bit on the processor that recorded them, elsewhere nearly."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.record import RUNS, VALUES, machine, recorded

STORED = json.loads(VALUES.read_text())
CLOSE = {"float32": 0.05, "bfloat16": 0.2}
"""How far other processors may round away within ten steps at these rates, as a share."""


def numbers(values: dict[str, Any]) -> list[float]:
    """Losses and sums of squared weights of a result, in order."""
    losses = [loss for curve in values["losses"] for loss in curve if loss is not None]
    return [*losses, *(file["squares"] for _, file in sorted(values["weights"].items()))]


@pytest.mark.parametrize(
    ("precision", "world"), [RUNS[0], *(pytest.param(*run, marks=pytest.mark.slow) for run in RUNS[1:])]
)
def test_results_are_those_recorded(precision: str, world: int, tmp_path: Path) -> None:
    found, stored = json.loads(json.dumps(recorded(tmp_path, precision, world))), STORED[f"{precision}, {world}"]
    assert found.keys() == stored.keys()
    for name, values in stored.items():
        if machine() == STORED["machine"]:
            assert found[name] == values, name
        assert found[name]["status"] == values["status"] == "done", name
        assert found[name]["operations"] == values["operations"]
        assert numbers(found[name]) == pytest.approx(numbers(values), rel=CLOSE[precision])


def test_every_training_moves_weights_and_losses() -> None:
    """What is stored says something: no loss stands still, and no two strategies end with the same weights."""
    for run in RUNS:
        weights = [
            file["sha256"] for result in STORED[f"{run[0]}, {run[1]}"].values() for file in result["weights"].values()
        ]
        assert len(set(weights)) == len(weights) > 10
        losses = [loss for result in STORED[f"{run[0]}, {run[1]}"].values() for loss in result["losses"]]
        assert all(len({n for n in curve if n is not None}) > 1 for curve in losses)


def test_every_priming_and_tuning_heeds_its_precision() -> None:
    """A PLM is pretrained in float32 whatever the precision."""
    found = []
    for precision in CLOSE:
        trained = [result for name, result in STORED[f"{precision}, 1"].items() if not name.startswith("plm/")]
        found.append({file["sha256"] for result in trained for file in result["weights"].values()})
    assert not found[0] & found[1]
    assert len(found[0]) == len(found[1]) > 10
