"""Broken folders of PLMs: each ends in one message with the right advice."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from priming.backbones.loading import load_plm
from priming.errors import DataError
from priming.result_files import write_result
from tests.tiny_plms import CLASSES

Break = Callable[[Path], object]
WEIGHTS = "model.safetensors"
AGAIN = "copy or download it again"


def config(**keys: Any) -> Break:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | keys))

    return change


def written(file: str, text: str) -> Break:
    return lambda folder: (folder / file).write_text(text)


def without(*files: str) -> Break:
    return lambda folder: [(folder / file).unlink(missing_ok=True) for file in files]


def not_finite(value: float) -> Break:
    def change(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        tensors[min(tensors)].view(-1)[0] = value
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return change


def headed(length: int, header: str) -> Break:
    """Weights whose header says that it has so many bytes, and promises what is not there."""
    content = length.to_bytes(8, "little") + header.encode()
    return lambda folder: (folder / WEIGHTS).write_bytes(content)


HUGE = json.dumps({"a": {"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 2**62]}})


def cut(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])


NONE, OWN = (
    "has no tokenizer; copy the files of the model's own there",
    "Copy the files of the model's tokenizer there.",
)
FITS = (
    "Its config.json or another file beside it is not that of its weights: copy config.json, the weights and all other "
    "files from the same model."
)
CORRECT = "Correct it, or copy it from the model again."
BAD: dict[str, tuple[Break, tuple[str, ...]]] = {
    "no tokenizer": (without("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"), (NONE,)),
    "no tokenizer.json": (without("tokenizer.json"), (NONE, "tokenizer.json")),
    "broken tokenizer": (written("tokenizer.json", "{"), ("tokenizer.json is not JSON (", AGAIN)),
    "list as tokenizer": (written("tokenizer.json", "[]"), ("tokenizer.json: a list instead of an object", AGAIN)),
    "other tokenizer": (written("tokenizer.json", '{"model": 3}'), ("the tokenizer at", OWN)),
    "list beside a tokenizer": (written("tokenizer_config.json", "[]"), ("tokenizer_config.json: a list instead",)),
    "unknown tokenizer": (written("tokenizer_config.json", '{"tokenizer_class": "No"}'), ("the tokenizer at", OWN)),
    "no configuration": (without("config.json"), ("no PLM at", "there is no config.json; give a folder written by")),
    "broken configuration": (written("config.json", "{"), ("config.json is not JSON (", AGAIN)),
    "list as configuration": (written("config.json", "[]"), ("config.json: a list instead of an object", AGAIN)),
    "null as configuration": (written("config.json", "null"), ("config.json: a NoneType instead of an object", AGAIN)),
    "empty configuration": (written("config.json", "{}"), ("config.json has no model_type; write that", "bart, t5")),
    "no model type": (config(model_type=None), ("config.json has no model_type", "allowed: bart, t5")),
    "other model type": (config(model_type="mpt"), ("model type 'mpt' is not supported; allowed: bart, t5",)),
    "list as model type": (config(model_type=["bart"]), ("model type ['bart'] is not supported; allowed: bart, t5",)),
    "deep configuration": (written("config.json", "[" * 100_000), ("config.json is not JSON (", AGAIN)),
    "no pad": (config(pad_token_id=None), ("config.json: pad_token_id is null; allowed: 0 to ", CORRECT)),
    "no end": (config(eos_token_id=None), ("eos_token_id is null; allowed: 0 to ", CORRECT)),
    "pad outside": (config(pad_token_id=10**6), ("pad_token_id is 1000000; allowed: 0 to ", CORRECT)),
    "end outside": (config(eos_token_id=10**6), ("eos_token_id is 1000000; allowed: 0 to ", CORRECT)),
    "end below zero": (config(eos_token_id=-1), ("eos_token_id is -1; allowed: 0 to ", CORRECT)),
    "start outside": (config(decoder_start_token_id=10**6), ("decoder_start_token_id is 1000000; allowed: 0",)),
    "several ends": (config(eos_token_id=[1, 2]), ("eos_token_id is [1, 2]; allowed: 0 to ",)),
    "text as end": (config(eos_token_id="</s>"), ('eos_token_id is "</s>"; allowed: 0 to ',)),
    "dropout above 1": (
        config(dropout=2, dropout_rate=2),
        ("dropout", " is 2; allowed: 0 or more, less than 1", CORRECT),
    ),
    "dropout below 0": (config(dropout=-1, dropout_rate=-1), (" is -1; allowed: 0 or more, less than 1",)),
    "text as dropout": (config(dropout="x", dropout_rate="x"), (' is "x"; allowed: 0 or more, less than 1',)),
    "no dropout": (config(dropout=None, dropout_rate=None), (" is null; allowed: 0 or more, less than 1",)),
    "negative vocabulary": (config(vocab_size=-3), ("vocab_size is -3; allowed: a whole number above 0", CORRECT)),
    "other vocabulary": (config(vocab_size=50), ("cannot be read: ", FITS)),
    "no width": (config(d_model=None), ("cannot be read: ", FITS)),
    "layers without end": (
        config(decoder_layers=10**9, num_layers=10**9),
        ("layers is 1000000000; allowed: up to 1000", CORRECT),
    ),
    "list beside": (written("generation_config.json", "[]"), ("cannot be read: ", FITS)),
    "text as layers": (config(encoder_layers="a", num_layers="a"), ("cannot be read: ", FITS)),
    "NaN": (not_finite(float("nan")), ("are not all finite: ", " has NaN or infinity", "Copy or download it again.")),
    "infinity": (not_finite(float("inf")), ("are not all finite: ", " has NaN or infinity")),
    "cut weights": (cut, ("Its model.safetensors is broken or cut short. Copy or download it again.",)),
    "empty weights": (written(WEIGHTS, ""), ("Its model.safetensors is broken or cut short.",)),
    "header of all memory": (headed(2**62, "{}"), ("Its model.safetensors is broken or cut short.",)),
    "weights of all memory": (headed(len(HUGE), HUGE), ("Its model.safetensors is broken or cut short.",)),
    "no weights": (without(WEIGHTS), ("It has no weights: copy model.safetensors there.",)),
}


@pytest.mark.parametrize("kind", ["bart", "t5-gated"])
@pytest.mark.parametrize("name", BAD)
def test_is_one_message(plm_folders: dict[str, Path], tmp_path: Path, name: str, kind: str) -> None:
    """And what it says to do, with the files of the whole model, works."""
    folder = tmp_path / "plm"
    shutil.copytree(plm_folders[kind], folder)
    change, expected = BAD[name]
    change(folder)
    with pytest.raises(DataError) as caught:
        load_plm(folder)
    said = str(caught.value)
    assert all(part in said for part in expected), said
    assert str(folder) in said
    assert "priming convert" not in said
    assert len(said) < 600
    shutil.copytree(plm_folders[kind], folder, dirs_exist_ok=True)
    load_plm(folder)


@pytest.mark.parametrize("change", [cut, without(WEIGHTS), not_finite(float("nan")), config(vocab_size=50)])
def test_what_a_study_made_is_made_again(plm_folders: dict[str, Path], tmp_path: Path, change: Break) -> None:
    folder = tmp_path / "results" / "toy" / "plm" / "tiny"
    shutil.copytree(plm_folders["bart"], folder)
    write_result(folder, {})
    change(folder)
    with pytest.raises(DataError) as caught:
        load_plm(folder)
    assert f"A study made it: delete {folder} and run snakemake again." in str(caught.value)
    assert "priming convert" not in str(caught.value)


def test_pickled_weights_are_to_be_converted(plm_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "plm"
    shutil.copytree(plm_folders["bart"], folder)
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match=f"Where they are not, type: priming convert {folder} --to FOLDER"):
        load_plm(folder)


@pytest.mark.parametrize("kind", CLASSES)
def test_whole_folders_are_loaded(plm_folders: dict[str, Path], kind: str) -> None:
    load_plm(plm_folders[kind])
