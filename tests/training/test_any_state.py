"""Whatever is in a saved state, training resumes from it or starts anew and says so, and never anything else."""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from priming.digests import of_json
from priming.runs.checkpoints import CheckpointDir, Checkpointer
from priming.runs.loss_curve import LossCurve
from priming.runs.parameters import StackedParameters
from tests.anything import FEW, VALUES, changed_bytes, places, with_value

STEPS = 3


def parts() -> dict[str, Any]:
    """The parts of a training that are its own to check, or are written with its key."""
    return {
        "parameters": StackedParameters({"w": torch.ones(1, 2)}, lambda _: "plm"),
        "curve": LossCurve("a", STEPS),
    }


def keeper(folder: Path) -> Checkpointer:
    return Checkpointer(CheckpointDir(folder, "k"), parts())


def saved() -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        one = keeper(Path(folder))
        one.parts["curve"].after_step(1, torch.tensor([0.5]))
        one.after_step(1, torch.tensor([0.5]))
        one.save()
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


FILES = saved()
POINTER = json.loads(FILES["state.json"])
STATE = POINTER["state"]


def resumes_or_starts_anew(changed: dict[str, bytes]) -> None:
    with TemporaryDirectory() as root:
        folder = Path(root, "state")
        folder.mkdir()
        for name, content in (FILES | changed).items():
            (folder / name).write_bytes(content)
        one = keeper(folder)
        step, _ = one.start(STEPS)
        refused = folder.with_name("refused-state").is_dir()
        assert (step == 0) == refused
        assert step in (0, 1, 2, 3)
        assert torch.isfinite(one.parts["parameters"].flat["plm"]).all()
        shutil.rmtree(root, ignore_errors=True)
        Path(root).mkdir(exist_ok=True)


@FEW
@given(st.sampled_from(sorted(FILES)).flatmap(lambda name: st.tuples(st.just(name), changed_bytes(FILES[name]))))
def test_a_state_with_other_bytes(changed: tuple[str, bytes]) -> None:
    resumes_or_starts_anew(dict([changed]))


@FEW
@given(st.sampled_from(places(POINTER)), VALUES)
def test_a_pointer_with_other_values(place: tuple[Any, ...], value: Any) -> None:
    resumes_or_starts_anew({"state.json": json.dumps(with_value(POINTER, place, value)).encode()})


@FEW
@given(st.sampled_from(places(STATE)), VALUES)
def test_a_state_with_other_values_and_their_hash(place: tuple[Any, ...], value: Any) -> None:
    state = with_value(STATE, place, value)
    resumes_or_starts_anew({"state.json": json.dumps(POINTER | {"state": state, "sha256": of_json(state)}).encode()})
