"""Loading a pretrained language model from a folder or from the hub."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from priming.errors import DataError

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
logging.getLogger("adapters").setLevel(logging.ERROR)

CONVERSION_NOTE = "conversion.json"
"""What `priming convert` leaves beside the weights: where they are from."""
MODEL_TYPES = ("bart", "t5", "mt5")
_UNREADABLE = (OSError, ValueError, RuntimeError, ImportError, SafetensorError, json.JSONDecodeError)


@dataclass(frozen=True)
class LoadedPlm:
    """A PLM with its tokenizer; eager attention, no layer drop. `commit` is the one that the hub gave, None for a folder."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    commit: str | None = None


def load_plm(folder: str | Path, revision: str | None = None, dropout: float | None = None) -> LoadedPlm:
    """Load a sequence-to-sequence PLM from `folder`, or from the hub where that is an id with a revision.

    Only safetensors weights are read, and no code of the repository is run. `dropout` replaces the PLM's own; 0 turns
    off attention and activation dropout too.

    Raises:
        DataError: nothing there, weights without safetensors, tensors missing or superfluous, or a kind of model that
            is not supported.
    """
    try:
        config = AutoConfig.from_pretrained(folder, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"no PLM at {folder}: {_first_line(error)}\nGive a folder written by save_pretrained, or a hub id with its revision."
        ) from error
    if config.model_type not in MODEL_TYPES:
        raise DataError(f"{folder}: model type {config.model_type!r} is not supported; allowed: {', '.join(MODEL_TYPES)}")
    commit = getattr(config, "_commit_hash", None)
    model = _weights(folder, revision, _plain(config, dropout))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, trust_remote_code=False)
    except _UNREADABLE as error:
        raise DataError(f"the tokenizer at {folder} cannot be read: {_first_line(error)}\nCopy the files of the model's tokenizer there.") from error
    _check_pair(folder, model, tokenizer)
    return LoadedPlm(model, tokenizer, commit)


def _weights(folder: str | Path, revision: str | None, config: Any) -> PreTrainedModel:
    """The model with every one of its tensors from the checkpoint, and the checkpoint with no others; tied ones count once."""
    try:
        model, found = AutoModelForSeq2SeqLM.from_pretrained(
            folder,
            revision=revision,
            config=config,
            use_safetensors=True,
            attn_implementation="eager",
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
        )
    except _UNREADABLE as error:
        raise DataError(f"the PLM at {folder} cannot be read: {_first_line(error)}\n{_advice(folder, revision, error)}") from error
    if names := sorted(found["missing_keys"]) or sorted(found["unexpected_keys"]):
        wrong = "lack" if found["missing_keys"] else "have, and the model has not,"
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise DataError(
            f"the weights at {folder} are not those of a {config.model_type}: they {wrong} {names[0]}{more}\nSave the model again, whole."
        )
    return model


def _advice(folder: str | Path, revision: str | None, error: Exception) -> str:
    """What to do about weights that cannot be read."""
    if isinstance(error, SafetensorError):
        again = f"if a study made it, delete {folder} and run snakemake again"
        return f"Its model.safetensors is broken or cut short. Copy or download it again; {again}."
    convert = f"priming convert {folder}{f' --revision {revision}' if revision else ''} --to FOLDER"
    return f"Its weights must be safetensors (model.safetensors). Where they are not, type: {convert}"


def _check_pair(folder: str | Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise DataError where the tokenizer is none that the model can have learnt with."""
    rows, end = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings, model.config.eos_token_id
    wrong = ""
    if len(tokenizer) > rows:
        wrong = f"has {len(tokenizer)} entries, the model {rows} embeddings"
    elif tokenizer("a")["input_ids"][-1] != end:
        wrong = f"does not end a text with the model's end token ({end})"
    if wrong:
        raise DataError(f"the tokenizer at {folder} {wrong}; give the model its own tokenizer")


def _plain(config: Any, dropout: float | None) -> Any:
    """Layer drop off; dropout as asked for; outputs that start from the pad token where T5's configuration says nothing."""
    config.use_cache = False
    if config.model_type == "bart":
        config.encoder_layerdrop = config.decoder_layerdrop = 0.0
    elif config.decoder_start_token_id is None:
        config.decoder_start_token_id = config.pad_token_id
    if dropout is not None:
        setattr(config, "dropout" if config.model_type == "bart" else "dropout_rate", dropout)
    if dropout == 0 and config.model_type == "bart":
        config.attention_dropout = config.activation_dropout = 0.0
    return config


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]
