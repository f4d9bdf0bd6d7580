"""Fetching PLMs: from a user's folder, and from the hub, for which a cache filled beforehand stands in."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from priming import hub_access
from priming.backbones.compute import Compute
from priming.backbones.loading import load_plm
from priming.backbones.sections import Generated
from priming.errors import DataError
from priming.hub_access import UnreachableError
from priming.study.plm import Plm
from priming.training.pretrain import make_plm
from tests.tiny_plms import CLASSES, save_generated_plm

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FETCH = """
from pathlib import Path
import sys
from priming.backbones.compute import Compute
from priming.study.plm import Plm
from priming.training.pretrain import make_plm
plm = Plm(hub="somebody/small", revision=sys.argv[1], convert=sys.argv[2:] == ["convert"])
make_plm("small", plm, [], Path(), Path("out"), Compute())
"""


@pytest.mark.parametrize("name", CLASSES)
def test_a_folder_is_taken_over_whole(plm_folders: Mapping[str, Path], name: str, tmp_path: Path) -> None:
    make_plm("mine", Plm(path=plm_folders[name].name), [], plm_folders[name].parent, tmp_path / "out", Compute())
    given, made = (load_file(folder / "model.safetensors") for folder in (plm_folders[name], tmp_path / "out"))
    assert given.keys() == made.keys()
    assert all(given[key].equal(made[key]) for key in given)
    assert json.loads((tmp_path / "out/result.json").read_text())["commit"] is None


def test_a_folder_of_another_family_than_the_study_says_is_refused(
    plm_folders: Mapping[str, Path], tmp_path: Path
) -> None:
    found = plm_folders["bart"]
    kind = json.loads((found / "config.json").read_text())["model_type"]
    told = rf"plms.mine.family is 't5', but the model's config.json says '{kind}'; write family: {kind}"
    with pytest.raises(DataError, match=told):
        make_plm("mine", Plm(path=found.name, family="t5"), [], found.parent, tmp_path / "out", Compute())


@pytest.mark.parametrize(("family", "positions"), [("bert", 64), ("roberta", 64)])
def test_longer_inputs_than_a_model_has_positions_for_are_refused(family: str, positions: int, tmp_path: Path) -> None:
    folder = save_generated_plm(family, tmp_path / "plm")
    (tmp_path / "out").mkdir()
    make_plm("mine", Plm(path="plm", max_input=positions), [], tmp_path, tmp_path / "out", Compute())
    assert load_plm(folder).model.config.max_position_embeddings in (positions, positions + 2)
    told = (
        f"plms.mine.max_input is {positions + 1}, but the model has positions for {positions} tokens; allowed: at most"
    )
    with pytest.raises(DataError, match=told):
        make_plm("mine", Plm(path="plm", max_input=positions + 1), [], tmp_path, tmp_path / "out", Compute())


@pytest.mark.parametrize("family", ["bart", "t5", "mt5"])
def test_every_class_learns_to_fill_in_and_loads(family: str, tmp_path: Path) -> None:
    shape = {"family": family, "d_model": 32, "layers": 1, "ffn": 48, "heads": 2, "positions": 32, "vocabulary": 400}
    made = Generated.model_validate(
        {"architecture": shape, "pretraining": {"number": 300, "steps": 60, "batch": 16, "learning_rate": 1e-2}}
    )
    make_plm("mine", Plm(generate=made, max_input=24), [], tmp_path, tmp_path / "out", Compute(device="cpu"))
    losses = [point["loss"] for point in json.loads((tmp_path / "out/result.json").read_text())["curve"]]
    assert losses[-1] < 0.85 * losses[0]
    assert load_plm(tmp_path / "out").model.config.model_type == family


def test_a_pretraining_whose_last_step_leaves_no_numbers_has_failed(tmp_path: Path) -> None:
    """Its only loss is finite."""
    shape = {"family": "bart", "d_model": 32, "layers": 1, "ffn": 48, "heads": 2, "positions": 32, "vocabulary": 400}
    wild = {"number": 20, "steps": 1, "batch": 4, "learning_rate": 1e300, "warmup": 0.0}
    made = Generated.model_validate({"architecture": shape, "pretraining": wild})
    (tmp_path / "out").mkdir()
    make_plm("mine", Plm(generate=made, max_input=24), [], tmp_path, tmp_path / "out", Compute(device="cpu"))
    found = json.loads((tmp_path / "out/result.json").read_text())
    assert (found["status"], found["reason"]) == ("failed", "not finite after step 1: the weights have NaN or infinity")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["result.json"]


def cached_commit(plm: Path, home: Path) -> None:
    """Put a model into a cache of the hub as `somebody/small`, with a branch `stable`."""
    cached = home / "hub/models--somebody--small"
    shutil.copytree(plm, cached / "snapshots" / COMMIT)
    (cached / "refs").mkdir()
    (cached / "refs/stable").write_text(COMMIT)


OFFLINE = {"HF_HUB_OFFLINE": "1"}
NO_NETWORK = {"HF_HUB_OFFLINE": "", "HF_ENDPOINT": "https://hub.invalid"}
"""A name that no name server may know (RFC 2606)."""


@pytest.mark.parametrize(("revision", "network"), [(COMMIT, NO_NETWORK), ("stable", OFFLINE)])
def test_the_commit_that_the_hub_gave_is_recorded(
    plm_folders: Mapping[str, Path], revision: str, network: dict[str, str], tmp_path: Path
) -> None:
    """Also where the revision is a branch; a cache is read without a network too, and without a word."""
    cached_commit(plm_folders["t5-gated"], tmp_path / "home")
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), **network}
    command = [sys.executable, "-c", FETCH, revision]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert (result["commit"], result["settings"]["revision"]) == (COMMIT, revision)


def test_a_pickle_of_the_hub_is_converted_where_the_study_says_so(
    plm_folders: Mapping[str, Path], tmp_path: Path
) -> None:
    given = tmp_path / "given"
    shutil.copytree(plm_folders["t5-gated"], given, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(load_file(plm_folders["t5-gated"] / "model.safetensors"), given / "pytorch_model.bin")
    cached_commit(given, tmp_path / "home")
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), **NO_NETWORK}
    (tmp_path / "out").mkdir()
    subprocess.run([sys.executable, "-c", FETCH, COMMIT, "convert"], cwd=tmp_path, env=environment, check=True)
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (tmp_path / "out", plm_folders["t5-gated"]))
    assert ours.keys() == theirs.keys()
    assert all(ours[key].equal(theirs[key]) for key in ours)
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert (result["commit"], result["conversion"]["commit"], result["conversion"]["source"]) == (
        COMMIT,
        COMMIT,
        "somebody/small",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "home", "out"]
    assert not list((tmp_path / "out").glob("*.bin"))


@pytest.mark.parametrize("convert", [False, True])
def test_without_network_a_model_that_is_not_in_the_cache_is_named_at_once(
    convert: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, flag in hub_access._FLAGS.items():
        if module in sys.modules:
            monkeypatch.setattr(sys.modules[module], flag, False)
    for key, value in NO_NETWORK.items():
        monkeypatch.setenv(key, value)
    plm = Plm(hub="somebody/nothing", revision=COMMIT, convert=convert)
    start = time.perf_counter()
    with pytest.raises(UnreachableError) as raised:
        make_plm("small", plm, [], tmp_path, tmp_path / "out", Compute())
    assert time.perf_counter() - start < 5
    said = str(raised.value)
    assert said.startswith(f"the PLM somebody/nothing at {COMMIT} cannot be read: there is no network (the name hub.")
    assert "set HF_HOME to a folder whose cache has it, or save the model" in said
    assert "\n" not in said
