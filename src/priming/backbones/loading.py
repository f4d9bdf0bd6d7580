"""Loading a pretrained language model from a folder or from the hub."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from priming.backbones.brought import Brought, brought_by
from priming.backbones.plm_folder import (
    WEIGHTS,
    advice,
    check_config,
    check_config_file,
    check_finite,
    check_tokenizer_files,
)
from priming.backbones.table import BACKBONES
from priming.checked import checked_folder
from priming.errors import DataError
from priming.hub_access import cache_or_clear_error
from priming.tensor_files import naming_room

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
logging.getLogger("adapters").setLevel(logging.ERROR)

CONVERSION_NOTE = "conversion.json"
"""What `priming convert` leaves beside the weights: where they are from."""
FOLDER_INSTEAD = "save the model where there is a network and name its folder (`path`)"
"""What to do without a network, for messages."""
ONE_FILE = "1000GB"
"""More than the weights of any PLM."""


@dataclass(frozen=True)
class LoadedPlm:
    """A PLM with its tokenizer; eager attention, no layer drop. `commit` is the hub's, None for a folder."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    commit: str | None = None
    brought: Brought | None = None
    """The element that comes trained with it."""


def load_plm(
    folder: str | Path, revision: str | None = None, dropout: float | None = None, brings: str | None = None
) -> LoadedPlm:
    """Load a PLM from `folder`, or from the hub where that is an id with a revision.

    Only safetensors weights are read, and no code of the repository is run. `dropout` replaces the PLM's own; 0 turns
    off attention and activation dropout too. `brings` is the element that comes with it. Without a network the cache of
    the hub is read.

    Raises:
        DataError: nothing there, weights without safetensors, tensors missing or superfluous, a kind of model that is
            not supported, or a folder that brings another element, or one where none is expected.
        UnreachableError: there is no network, and the cache of the hub lacks a file.
    """
    if revision is None:
        return _loaded(checked_folder(Path(folder)), None, dropout, brings)
    with cache_or_clear_error(f"the PLM {folder} at {revision}", FOLDER_INSTEAD):
        return _loaded(folder, revision, dropout, brings)


def _loaded(folder: str | Path, revision: str | None, dropout: float | None, brings: str | None) -> LoadedPlm:
    """What `load_plm` loads; a DataError for what the hub cannot give has an OSError as its cause."""
    config = load_config(folder, revision)
    commit = getattr(config, "_commit_hash", None)
    brought = brought_by(folder, revision, brings)
    prepared = _prepared(config, dropout)
    check_config(folder, prepared, "decode" in BACKBONES[config.model_type].passes)
    model = _weights(folder, revision, prepared)
    check_finite(folder, model)
    tokenizer = load_tokenizer(folder, revision)
    _check_pair(folder, model, tokenizer)
    return LoadedPlm(model, tokenizer, commit, brought)


def load_config(folder: str | Path, revision: str | None = None) -> Any:
    """The configuration of a PLM of a supported class; raises DataError."""
    if revision is None:
        check_config_file(folder, BACKBONES)
    try:
        config = AutoConfig.from_pretrained(folder, revision=revision, trust_remote_code=False)
    except Exception as error:  # transformers takes any JSON for a configuration
        raise DataError(
            f"no PLM at {folder}: {_first_line(error)}\nGive a folder written by save_pretrained, "
            "or a hub id with its revision."
        ) from error
    if config.model_type not in BACKBONES:
        raise DataError(f"{folder}: model type {config.model_type!r} is not supported; allowed: {', '.join(BACKBONES)}")
    return config


def save_plm(loaded: LoadedPlm, folder: Path) -> None:
    """Save model, tokenizer and what comes with them, all weights in one file, which later steps digest."""
    with naming_room(folder / WEIGHTS, loaded.model.parameters()):
        loaded.model.save_pretrained(folder, safe_serialization=True, max_shard_size=ONE_FILE)
    loaded.tokenizer.save_pretrained(folder)
    if loaded.brought:
        loaded.brought.save(folder)


def load_tokenizer(folder: str | Path, revision: str | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder or on the hub; raises DataError."""
    if revision is None:
        check_tokenizer_files(folder)
    try:
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, revision=revision, trust_remote_code=False
        )
    except Exception as error:  # tokenizers raises nothing more special
        raise DataError(
            f"the tokenizer at {folder} cannot be read: {_first_line(error)}\nCopy the files of the model's "
            "tokenizer there."
        ) from error
    return found


def _weights(folder: str | Path, revision: str | None, config: Any) -> PreTrainedModel:
    """The model, with exactly the tensors of the checkpoint: none missing, none left over; tied tensors count once.

    Only an encoder's checkpoint may have tensors left over, such as a pooler or a head, which are named in the log.
    """
    backbone = BACKBONES[config.model_type]
    try:
        model, found = backbone.load(
            folder,
            revision=revision,
            config=config,
            use_safetensors=True,
            attn_implementation="eager",
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
        )
    except MemoryError:
        raise
    except Exception as error:  # whatever a module makes of sizes that do not fit
        raise DataError(
            f"the PLM at {folder} cannot be read: {_first_line(error)}\n{advice(folder, revision, error)}"
        ) from error
    left_over = sorted(filter(backbone.left_over, found["unexpected_keys"]))
    superfluous = sorted(set(found["unexpected_keys"]) - set(left_over))
    if names := sorted(found["missing_keys"]) or superfluous:
        wrong = "lack" if found["missing_keys"] else "have, and the model has not,"
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise DataError(
            f"the weights at {folder} are not those of a {config.model_type}: they {wrong} {names[0]}{more}\n"
            "Save the model again, whole."
        )
    if left_over:
        print(f"PLM {folder}: the encoder is used without {', '.join(left_over)}", flush=True)
    return model


def _check_pair(folder: str | Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise DataError where the tokenizer is none that the model can have learnt with."""
    rows = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings
    wrong = BACKBONES[model.config.model_type].unfit_tokenizer(tokenizer, model.config)
    if len(tokenizer) > rows:
        wrong = f"has {len(tokenizer)} entries, the model {rows} embeddings"
    if wrong:
        raise DataError(f"the tokenizer at {folder} {wrong}; give the model its own tokenizer")


def _prepared(config: Any, dropout: float | None) -> Any:
    """The configuration as the project runs models."""
    config.use_cache = False
    BACKBONES[config.model_type].prepare(config, dropout)
    return config


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]
