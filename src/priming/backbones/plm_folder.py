"""What is wrong with the files of a PLM, and what to do about it."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypeGuard

from safetensors import SafetensorError
from torch import nn

from priming.errors import DataError
from priming.result_files import RESULT
from priming.tensor_files import all_finite

CONFIG, WEIGHTS = "config.json", "model.safetensors"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
ANY_TOKENIZER = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model")
PICKLES = ("pytorch_model*.bin", "*.ckpt", "*.pt", "*.pth")
_FITS = f"copy {CONFIG}, the weights and all other files from the same model"
MOST_LAYERS = 1000
"""More than any PLM has; building the modules of a layer takes milliseconds."""


def check_config_file(folder: str | Path, families: Collection[str]) -> None:
    """Raise DataError where a folder's configuration is no object of JSON or names no family of `families`.

    An id on the hub is left alone. transformers would guess a family from the folder's name.
    """
    path = Path(folder, CONFIG)
    if not path.parent.is_dir():
        return
    if not path.is_file():
        raise DataError(f"no PLM at {folder}: there is no {CONFIG}; give a folder written by save_pretrained")
    kind = _object(path).get("model_type")
    if kind is None or kind == "":
        raise DataError(f"{path} has no model_type; write that of the model; allowed: {', '.join(families)}")
    if not isinstance(kind, str) or kind not in families:
        raise DataError(f"{folder}: model type {kind!r} is not supported; allowed: {', '.join(families)}")


def check_config(folder: str | Path, config: Any, decodes: bool) -> None:
    """Raise DataError where a token id is missing or not in the vocabulary, dropout no share, or layers too many."""
    if wrong := [*_wrong_ids(config, decodes), *_wrong_dropout(config), *_wrong_layers(config)]:
        raise DataError(f"{Path(folder, CONFIG)}: {'; '.join(wrong)}\nCorrect it, or copy it from the model again.")


def _wrong_ids(config: Any, decodes: bool) -> Iterator[str]:
    entries = config.vocab_size
    if not _whole(entries) or entries < 1:
        yield f"vocab_size is {entries!r}; allowed: a whole number above 0"
        return
    for key in ("pad_token_id", *(("eos_token_id", "decoder_start_token_id") if decodes else ())):
        value = getattr(config, key, None)
        if not (_whole(value) and 0 <= value < entries):
            yield f"{key} is {json.dumps(value)}; allowed: 0 to {entries - 1} (vocab_size is {entries})"


def _wrong_dropout(config: Any) -> Iterator[str]:
    usual = type(config)()
    for key, value in vars(config).items():
        share = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1
        unset = value is None and getattr(usual, key, None) is None
        if ("dropout" in key or key.endswith("pdrop")) and not share and not unset:
            yield f"{key} is {json.dumps(value)}; allowed: 0 or more, less than 1"


def _wrong_layers(config: Any) -> Iterator[str]:
    for key, value in vars(config).items():
        if key.endswith(("layers", "n_layer")) and _whole(value) and value > MOST_LAYERS:
            yield f"{key} is {value}; allowed: up to {MOST_LAYERS}"


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def check_tokenizer_files(folder: str | Path) -> None:
    """Raise DataError where a folder has no tokenizer, or one of its files is no object of JSON."""
    place = Path(folder)
    if not place.is_dir():
        return
    if not any(path.is_file() for pattern in ANY_TOKENIZER for path in place.glob(pattern)):
        raise DataError(f"{folder} has no tokenizer; copy the files of the model's own there: {', '.join(TOKENIZER)}")
    for path in (place / name for name in TOKENIZER):
        if path.is_file():
            _object(path)


def _object(path: Path) -> dict[str, Any]:
    """The object in a file of JSON."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}); copy or download it again") from None
    if not isinstance(found, dict):
        raise DataError(f"{path}: a {type(found).__name__} instead of an object; copy or download it again")
    return found


def check_finite(folder: str | Path, model: nn.Module) -> None:
    """Raise DataError where a weight is not a finite number."""
    for name, value in model.state_dict().items():
        if not all_finite(value):
            raise DataError(f"the weights at {folder} are not all finite: {name} has NaN or infinity\n{again(folder)}")


def again(folder: str | Path) -> str:
    """How to get the weights of a PLM once more."""
    if Path(folder, RESULT).is_file():
        return f"A study made it: delete {folder} and run snakemake again."
    return "Copy or download it again."


def advice(folder: str | Path, revision: str | None, error: Exception) -> str:
    """What to do about weights that cannot be read."""
    place = Path(folder)
    if isinstance(error, SafetensorError):
        return f"Its {WEIGHTS} is broken or cut short. {again(folder)}"
    if not isinstance(error, OSError):
        return f"Its {CONFIG} or another file beside it is not that of its weights: {_FITS}. {again(folder)}"
    if (place / RESULT).is_file():
        return again(folder)
    if place.is_dir() and not any(path.is_file() for pattern in PICKLES for path in place.glob(pattern)):
        return f"It has no weights: copy {WEIGHTS} there."
    convert = f"priming convert {folder}{f' --revision {revision}' if revision else ''} --to FOLDER"
    return f"Its weights must be safetensors ({WEIGHTS}). Where they are not, type: {convert}"
