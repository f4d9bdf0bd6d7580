"""A small PLM of random weights, and the text infilling that it is pretrained by (Lewis et al., 2020)."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from priming.backbones.encoding import IGNORE_INDEX, Batch, TextTokenizer, collate, shift_right
from priming.backbones.loading import LoadedPlm
from priming.backbones.sections import Generated, Pretraining
from priming.backbones.table import BACKBONES
from priming.backbones.tokenizer import SPECIAL, train_tokenizer

MASK = "<mask>"


def fresh_plm(spec: Generated, texts: Sequence[str]) -> LoadedPlm:
    """A tokenizer trained on `texts`, and a model of random weights for it, both functions of `spec` and texts."""
    backbone = BACKBONES[spec.architecture.family]
    tokenizer = train_tokenizer(texts, spec.architecture.vocabulary, backbone.text_template)
    backbone.set_tokens(tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.pretraining.seed)
        return LoadedPlm(backbone.random_model(spec.architecture, len(tokenizer)), tokenizer)


def infilling_batch(
    loaded: LoadedPlm, texts: Sequence[str], settings: Pretraining, max_input: int, random: np.random.Generator
) -> Batch:
    """A batch [B x ...] with spans of words masked in the inputs and `texts` as labels, cut to `max_input` tokens."""
    share = settings.mask_share or BACKBONES[loaded.model.config.model_type].mask_share
    hidden = [" ".join(mask_spans(text.split(), share, settings.longest_span, MASK, random)) for text in texts]
    encoder = TextTokenizer(loaded.tokenizer, max_input, max_input)
    batch = collate([list(zip(encoder.inputs(hidden), encoder.targets(texts), strict=True))], SPECIAL.index("<pad>"))
    return Batch(batch.input_ids[0], batch.mask[0], batch.labels[0])


def infilling_loss(model: PreTrainedModel, batch: Batch) -> Tensor:
    """The mean cross-entropy over the target tokens of a batch [B x ...]; a scalar."""
    start_id, pad_id = cast(int, model.config.decoder_start_token_id), cast(int, model.config.pad_token_id)
    output = model(
        input_ids=batch.input_ids,
        attention_mask=batch.mask,
        decoder_input_ids=shift_right(batch.labels, start_id, pad_id),
    )
    return torch.nn.functional.cross_entropy(
        output.logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORE_INDEX
    )


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
