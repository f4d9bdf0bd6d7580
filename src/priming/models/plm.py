"""Loading a pretrained language model from a folder or from the hub."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from priming.errors import DataError

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
logging.getLogger("adapters").setLevel(logging.ERROR)

MODEL_TYPES = ("bart",)


@dataclass(frozen=True)
class LoadedPlm:
    """A PLM with its tokenizer; eager attention, no layer drop."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def load_plm(folder: str | Path, revision: str | None = None, dropout: float | None = None) -> LoadedPlm:
    """Load a sequence-to-sequence PLM from `folder`, or from the hub where that is an id with a revision.

    Only safetensors weights are read, and no code of the repository is run. `dropout` replaces the PLM's own; 0 turns
    off attention and activation dropout too.

    Raises:
        DataError: nothing there, weights without safetensors, or a kind of model that is not supported.
    """
    try:
        config = AutoConfig.from_pretrained(folder, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"no PLM at {folder}: {_first_line(error)}\nGive a folder written by save_pretrained, or a hub id with its revision."
        ) from error
    if config.model_type not in MODEL_TYPES:
        raise DataError(f"{folder}: model type {config.model_type!r} is not supported; allowed: {', '.join(MODEL_TYPES)}")
    try:
        model = AutoModelForSeq2SeqLM.from_pretrained(
            folder, revision=revision, config=_plain(config, dropout), use_safetensors=True, attn_implementation="eager", dtype=torch.float32
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision)
    except (OSError, ValueError, json.JSONDecodeError) as error:
        raise DataError(f"the PLM at {folder} cannot be read: {_first_line(error)}\nIts weights must be safetensors (model.safetensors).") from error
    return LoadedPlm(model, tokenizer)


def _plain(config: Any, dropout: float | None) -> Any:
    """Layer drop off; dropout as asked for."""
    config.encoder_layerdrop = config.decoder_layerdrop = 0.0
    config.use_cache = False
    if dropout is not None:
        config.dropout = dropout
    if dropout == 0:
        config.attention_dropout = config.activation_dropout = 0.0
    return config


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]
