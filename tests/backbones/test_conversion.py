"""Weights that are pickles become safetensors, or are refused; whatever they hold, nothing of it runs here."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from priming.backbones.compute import Compute
from priming.backbones.conversion import Source, convert
from priming.backbones.loading import load_plm
from priming.backbones.unpickle import tensors_of
from priming.cli import app
from priming.errors import DataError
from priming.study.plm import Plm
from priming.training.pretrain import make_plm

Folders = Mapping[str, Path]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor by every name, tied ones under each of theirs, as older versions saved them."""
    return {name: value.clone() for name, value in load_plm(folder).model.state_dict().items()}


def pickled(plm: Path, folder: Path, state: Any) -> Path:
    """The model of `plm` with `state` as its weights."""
    shutil.copytree(plm, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(state, folder / "pytorch_model.bin")
    return folder


def equal(ours: Path, theirs: Path) -> bool:
    first, second = load_plm(ours).model.state_dict(), load_plm(theirs).model.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", ["bart", "t5-tied", "t5-gated"])
def test_what_is_converted_is_the_same_model(plm_folders: Folders, name: str, tmp_path: Path) -> None:
    given = pickled(plm_folders[name], tmp_path / "given", OrderedDict(state_of(plm_folders[name])))
    convert(Source(str(given), None), tmp_path / "made")
    assert equal(tmp_path / "made", plm_folders[name])
    texts = ["red cat", "good dog sleeps"]
    assert (
        load_plm(tmp_path / "made").tokenizer(texts)["input_ids"]
        == load_plm(given.parent / "made").tokenizer(texts)["input_ids"]
    )
    assert (
        load_file(tmp_path / "made/model.safetensors").keys()
        == load_file(plm_folders[name] / "model.safetensors").keys()
    )
    assert not list((tmp_path / "made").glob("*.bin"))
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (given, tmp_path / "made"))
    assert {**before, "dtype": "float32"} == after
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("given", "made")] == []


def test_the_note_says_where_it_is_from_and_the_plm_repeats_it(plm_folders: Folders, tmp_path: Path) -> None:
    given = pickled(plm_folders["mt5"], tmp_path / "given", state_of(plm_folders["mt5"]))
    convert(Source(str(given), None), tmp_path / "made")
    note = json.loads((tmp_path / "made/conversion.json").read_text())
    digests = [
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (given / "pytorch_model.bin", tmp_path / "made/model.safetensors")
    ]
    assert [note["sha256"]["pytorch_model.bin"], note["converted"]["model.safetensors"]] == digests
    assert (note["source"], note["revision"], note["commit"]) == (str(given), None, None)
    make_plm("m", Plm(path="made"), [], tmp_path, tmp_path / "out", Compute())
    assert json.loads((tmp_path / "out/result.json").read_text())["conversion"] == note


def test_weights_in_several_files(plm_folders: Folders, tmp_path: Path) -> None:
    state = state_of(plm_folders["t5-gated"])
    given = pickled(plm_folders["t5-gated"], tmp_path / "given", state)
    (given / "pytorch_model.bin").unlink()
    places = {name: f"pytorch_model-0000{1 + i % 2}-of-00002.bin" for i, name in enumerate(state)}
    for file in set(places.values()):
        torch.save({name: value for name, value in state.items() if places[name] == file}, given / file)
    (given / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    convert(Source(str(given), None), tmp_path / "made")
    assert equal(tmp_path / "made", plm_folders["t5-gated"])
    (given / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(DataError, match=r"names pytorch_model-00002-of-00002.bin, which is not there"):
        convert(Source(str(given), None), tmp_path / "again")


def test_an_index_leads_to_no_other_folder(plm_folders: Folders, tmp_path: Path) -> None:
    given = pickled(plm_folders["bart"], tmp_path / "given", {})
    (given / "pytorch_model.bin").rename(tmp_path / "elsewhere.bin")
    (given / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"a": "../elsewhere.bin"}}))
    with pytest.raises(DataError, match=r"names \.\./elsewhere.bin, which is not there"):
        convert(Source(str(given), None), tmp_path / "made")


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return os.system, (f"touch {self.canary}",)


def test_a_pickle_that_runs_something_is_refused_and_does_not(plm_folders: Folders, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    given = pickled(plm_folders["bart"], tmp_path / "given", {**state_of(plm_folders["bart"]), "more": Bomb(canary)})
    with pytest.raises(
        DataError, match=r"it is broken, or holds more than tensors \(it asks to run .*; save its tensors alone"
    ):
        convert(Source(str(given), None), tmp_path / "made")
    assert not canary.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["given"]
    torch.load(given / "pytorch_model.bin", weights_only=False)
    assert canary.exists(), "this canary never sings"


@pytest.mark.parametrize(
    "written", [torch.save, lambda state, path: path.write_bytes(pickle.dumps(state))], ids=["torch", "plain"]
)
@pytest.mark.parametrize("whole", [True, False])
def test_no_form_of_such_a_pickle_runs(tmp_path: Path, written: Callable[[Any, Path], object], whole: bool) -> None:
    bomb = Bomb(tmp_path / "canary")
    written(bomb if whole else {"a": torch.zeros(2), "more": bomb}, tmp_path / "weights.bin")
    with pytest.raises(DataError, match="weights.bin was not converted: it is broken, or holds more than tensors"):
        tensors_of(tmp_path / "weights.bin")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([torch.zeros(2)], "it holds a list, not tensors by name"),
        ({}, "it holds a dict, not tensors by name"),
        ({"a": torch.zeros(2), "step": 3}, "'step' is a int, not a tensor"),
        ({"model": {"a": torch.zeros(2)}}, "'model' is a dict, not a tensor"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, state: Any, message: str) -> None:
    torch.save(state, tmp_path / "weights.bin")
    with pytest.raises(DataError, match=message):
        tensors_of(tmp_path / "weights.bin")


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(500)}, tmp_path / "weights.bin")
    (tmp_path / "weights.bin").write_bytes((tmp_path / "weights.bin").read_bytes()[:1000])
    with pytest.raises(DataError, match="was not converted: it is broken"):
        tensors_of(tmp_path / "weights.bin")


def test_a_checkpoint_that_does_not_fit_leaves_no_folder(plm_folders: Folders, tmp_path: Path) -> None:
    state = state_of(plm_folders["t5-tied"])
    gone = next(name for name in state if "layer_norm" in name)
    given = pickled(
        plm_folders["t5-tied"], tmp_path / "given", {name: value for name, value in state.items() if name != gone}
    )
    with pytest.raises(DataError, match=f"they lack {gone}"):
        convert(Source(str(given), None), tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["given"]


def test_the_command_on_a_model_of_the_hub(plm_folders: Folders, tmp_path: Path) -> None:
    """A cache that was filled before stands in for the hub; its revision is a branch."""
    cached = tmp_path / "home/hub/models--somebody--small"
    pickled(plm_folders["t5-gated"], cached / "snapshots" / COMMIT, state_of(plm_folders["t5-gated"]))
    (cached / "refs").mkdir()
    (cached / "refs/stable").write_text(COMMIT)
    offline = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    command = [
        sys.executable,
        "-m",
        "priming",
        "convert",
        "somebody/small",
        "--revision",
        "stable",
        "--to",
        "models/made",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **offline}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "written: models/made\n"), done.stderr
    note = json.loads((tmp_path / "models/made/conversion.json").read_text())
    assert (note["source"], note["revision"], note["commit"]) == ("somebody/small", "stable", COMMIT)
    assert equal(tmp_path / "models/made", plm_folders["t5-gated"])


def test_mistakes_say_what_to_type(plm_folders: Folders, tmp_path: Path) -> None:
    folder = str(plm_folders["bart"])
    for source, revision, to, message in (
        (folder, None, "made", "has safetensors weights; name it in the study as it is"),
        (folder, "x", "made", "is a folder and has no revision; remove --revision"),
        (
            "somebody/small",
            None,
            "made",
            "somebody/small is not a folder; a hub model needs its revision: add --revision <commit>",
        ),
        (folder, None, ".", "is there already; name a new folder with --to"),
        (
            str(tmp_path),
            None,
            "made",
            "no PLM there, it has no config.json; give a folder written by save_pretrained, or an id on the hub",
        ),
    ):
        with pytest.raises(DataError, match=message):
            app.convert(source, tmp_path / to, revision)


def test_a_study_with_a_pickle_is_told_what_to_type(plm_folders: Folders, tmp_path: Path) -> None:
    given = pickled(plm_folders["bart"], tmp_path / "given", state_of(plm_folders["bart"]))
    with pytest.raises(DataError, match=f"Where they are not, type: priming convert {given} --to FOLDER"):
        load_plm(given)
