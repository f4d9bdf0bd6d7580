"""Folders of PLMs that hold no model, another model's files, or a model that cannot do what the study asks."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priming.backbones.loading import load_plm
from priming.errors import DataError
from priming.study import Study
from priming.tasks.plm_folders import problems_of, said_of_folders
from tests.tiny_study import RICH, with_value

Break = Callable[[Path], object]


@pytest.fixture
def folder(plm_folder: Path, tmp_path: Path) -> Path:
    """A copy of a whole BART."""
    return shutil.copytree(plm_folder, tmp_path / "plm")


def config(**keys: Any) -> Break:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | keys))

    return change


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])


BAD: dict[str, tuple[Break, str]] = {
    "empty": (emptied, "holds no model: there is no config.json (it is empty); give a folder written by"),
    "no configuration": (lambda folder: (folder / "config.json").unlink(), "there is no config.json (it has "),
    "no type": (config(model_type=None), "has no model_type; allowed: bart, "),
    "unknown type": (config(model_type="mpt"), "has the model type 'mpt'; allowed: bart, "),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "has no weights (it has "),
    "pickles": (pickled, "are pickles, which are not opened; type: "),
    "cut": (cut, "is cut short: it has "),
    "text": (lambda folder: (folder / "model.safetensors").write_text("no"), "is no file of safetensors; copy"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer (it has "),
    "another tokenizer": (config(vocab_size=7), "and the model has 7 (vocab_size in config.json): it is another"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_folder_is_one_line_and_does_not_load(folder: Path, what: str) -> None:
    spoil, said = BAD[what]
    assert list(problems_of(folder)) == []
    spoil(folder)
    (problem,) = problems_of(folder)
    assert said in problem
    with pytest.raises(DataError):
        load_plm(folder)


def test_a_shard_that_is_missing_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "one.safetensors"}}))
    assert list(problems_of(folder)) == [
        f"{folder}/model.safetensors.index.json names one.safetensors, which is missing; copy it there"
    ]


def test_a_family_that_the_study_names_wrongly(folder: Path) -> None:
    assert list(problems_of(folder, "bart")) == []
    (problem,) = problems_of(folder, "t5")
    assert problem == f"{folder} is a bart, and the study says family: t5; correct one of the two"


def test_a_study_for_another_family_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    study = Study.model_validate(with_value(RICH, "plms/local", {"path": "plm"}))
    assert said_of_folders(study, tmp_path) == []
    config(model_type="bert")(folder)
    said = said_of_folders(study, tmp_path)
    assert said
    assert all(line.startswith("plms.local is a bert, so that ") for line in said)
    assert any("prefix" in line or "ranking" in line or "decoder" in line for line in said)
