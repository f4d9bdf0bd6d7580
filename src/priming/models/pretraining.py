"""Pretraining a small PLM from random weights by text infilling (Lewis et al., 2020)."""

from collections.abc import Callable, Sequence
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
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from priming.models.encoding import IGNORED, Encoder, pad, shifted
from priming.models.plm import LoadedPlm
from priming.models.tokenizer import SPECIAL, train_tokenizer
from priming.study.plm import Architecture, Generated, Pretraining

Progress = Callable[[int, float], None]


def pretrain(
    spec: Generated,
    texts: Sequence[str],
    max_input: int,
    progress: Progress = lambda step, loss: None,
    device: torch.device | None = None,
) -> tuple[LoadedPlm, list[float]]:
    """Train a tokenizer and a model on `texts`; returns both and the loss of each step.

    `progress` is called with the number of steps done and the loss.
    """
    tokenizer = train_tokenizer(texts, spec.architecture.vocabulary)
    torch.manual_seed(spec.pretraining.seed)
    model = random_model(spec.architecture, len(tokenizer))
    torch.nn.Module.to(model, device)
    losses = _infill(model, tokenizer, texts, spec.pretraining, max_input, progress)
    return LoadedPlm(model, tokenizer), losses


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


def _infill(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[str],
    settings: Pretraining,
    max_input: int,
    progress: Progress,
) -> list[float]:
    encoder = Encoder(tokenizer, max_input, max_input)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate)
    warm = max(1, int(settings.warmup * settings.steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / warm, (settings.steps - s) / max(1, settings.steps - warm)))
    random = np.random.default_rng(settings.seed)
    losses = []
    model.train()
    for step in range(settings.steps):
        chosen = [texts[i] for i in random.integers(len(texts), size=settings.batch)]
        loss = _infilling_loss(model, encoder, chosen, settings, random)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress(step + 1, losses[-1])
    model.eval()
    return losses


def _infilling_loss(model: PreTrainedModel, encoder: Encoder, texts: Sequence[str], settings: Pretraining, random: np.random.Generator) -> Tensor:
    mask, pad_id, start_id = SPECIAL.index("<mask>"), SPECIAL.index("<pad>"), cast(int, model.config.decoder_start_token_id)
    hidden = [" ".join(mask_spans(text.split(), settings.mask_share, settings.longest_span, SPECIAL[mask], random)) for text in texts]
    inputs = pad(encoder.inputs(hidden), pad_id).to(model.device)
    labels = pad(encoder.targets(texts), IGNORED).to(model.device)
    output = model(input_ids=inputs, attention_mask=inputs.ne(pad_id).long(), decoder_input_ids=shifted(labels, start_id, pad_id))
    return torch.nn.functional.cross_entropy(output.logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
