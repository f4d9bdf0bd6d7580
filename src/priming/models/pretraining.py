"""A small PLM of random weights, and the text infilling that it is pretrained by (Lewis et al., 2020)."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from priming.models.encoding import IGNORED, Batch, Encoder, batches_of, shifted
from priming.models.plm import LoadedPlm
from priming.models.tokenizer import SPECIAL, train_tokenizer
from priming.study.plm import Architecture, Generated, Pretraining

MASK = "<mask>"


def fresh_plm(spec: Generated, texts: Sequence[str]) -> LoadedPlm:
    """A tokenizer trained on `texts`, and a model of random weights for it, both functions of `spec` and texts."""
    tokenizer = train_tokenizer(texts, spec.architecture.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.pretraining.seed)
        return LoadedPlm(random_model(spec.architecture, len(tokenizer)), tokenizer)


def infilling_batch(loaded: LoadedPlm, texts: Sequence[str], settings: Pretraining, max_input: int, random: np.random.Generator) -> Batch:
    """`texts` with spans of words masked as inputs, whole as labels: one batch [B x ...], both cut to `max_input` tokens."""
    hidden = [" ".join(mask_spans(text.split(), settings.mask_share, settings.longest_span, MASK, random)) for text in texts]
    encoder = Encoder(loaded.tokenizer, max_input, max_input)
    batch = batches_of([list(zip(encoder.inputs(hidden), encoder.targets(texts), strict=True))], SPECIAL.index("<pad>"))
    return Batch(batch.input_ids[0], batch.mask[0], batch.labels[0])


def infilling_loss(model: PreTrainedModel, batch: Batch) -> Tensor:
    """The mean cross-entropy over the target tokens of a batch [B x ...]; a scalar."""
    start_id, pad_id = cast(int, model.config.decoder_start_token_id), cast(int, model.config.pad_token_id)
    output = model(input_ids=batch.input_ids, attention_mask=batch.mask, decoder_input_ids=shifted(batch.labels, start_id, pad_id))
    return torch.nn.functional.cross_entropy(output.logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)


def mask_spans(words: Sequence[str], share: float, longest: int, mask: str, random: np.random.Generator) -> list[str]:
    """`words` with about `share` of them hidden, spans of 1 to `longest` replaced by one mask each."""
    hidden = max(1, round(share * len(words)))
    masked: list[str] = []
    position = 0
    while position < len(words):
        left = len(words) - position
        if hidden > 0 and random.random() < hidden / left / ((1 + longest) / 2):
            span = min(int(random.integers(1, longest + 1)), left)
            masked.append(mask)
            position, hidden = position + span, hidden - span
        else:
            masked.append(words[position])
            position += 1
    return masked


def random_model(architecture: Architecture, vocabulary: int) -> PreTrainedModel:
    """A model of random weights, of torch's present seed; dropout is off."""
    if architecture.family == "bart":
        return BartForConditionalGeneration(_bart(architecture, vocabulary))
    config, kind = {"t5": (T5Config, T5ForConditionalGeneration), "mt5": (MT5Config, MT5ForConditionalGeneration)}[architecture.family]
    model: PreTrainedModel = kind(config(**_t5(architecture, vocabulary)))
    with torch.no_grad():  # T5 begins with outputs ten times too far apart, where it has an output layer of its own
        model.get_output_embeddings().weight.normal_(0.0, architecture.initial_deviation)
    return model


def _t5(architecture: Architecture, vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "d_model": architecture.d_model,
        "d_kv": architecture.d_model // architecture.heads,
        "d_ff": architecture.ffn,
        "num_layers": architecture.layers,
        "num_decoder_layers": architecture.layers,
        "num_heads": architecture.heads,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "dropout_rate": 0.0,
        "use_cache": False,
        "pad_token_id": SPECIAL.index("<pad>"),
        "eos_token_id": SPECIAL.index("</s>"),
        "decoder_start_token_id": SPECIAL.index("<pad>"),
    }


def _bart(architecture: Architecture, vocabulary: int) -> BartConfig:
    ids = {name: SPECIAL.index(token) for name, token in (("bos", "<s>"), ("pad", "<pad>"), ("eos", "</s>"))}
    return BartConfig(
        vocab_size=vocabulary,
        d_model=architecture.d_model,
        encoder_layers=architecture.layers,
        decoder_layers=architecture.layers,
        encoder_ffn_dim=architecture.ffn,
        decoder_ffn_dim=architecture.ffn,
        encoder_attention_heads=architecture.heads,
        decoder_attention_heads=architecture.heads,
        max_position_embeddings=architecture.positions,
        init_std=architecture.initial_deviation,
        dropout=0.0,
        use_cache=False,
        bos_token_id=ids["bos"],
        pad_token_id=ids["pad"],
        eos_token_id=ids["eos"],
        decoder_start_token_id=ids["eos"],
        forced_eos_token_id=None,
        attn_implementation="eager",
    )
