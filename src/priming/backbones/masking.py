"""Masked language modelling, by which encoders are pretrained (Devlin et al., 2019)."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from priming.backbones.encoding import IGNORE_INDEX, Batch, TextTokenizer, pad
from priming.backbones.loading import LoadedPlm

MASKED, REPLACED = 0.8, 0.1
"""Of the tokens that are chosen, those shown as the mask and as a random token; the rest are shown as they are."""


def masked_batch(
    loaded: LoadedPlm, texts: Sequence[str], share: float, max_input: int, random: np.random.Generator
) -> Batch:
    """A batch [B x S] in which about `share` of the ordinary tokens of each text, at least one, are to be guessed.

    Labels are IGNORE_INDEX elsewhere. Texts are cut to `max_input` tokens.
    """
    rows = TextTokenizer(loaded.tokenizer, max_input, max_input).inputs(texts)
    special = set(loaded.tokenizer.all_special_ids)
    ordinary = [entry for entry in range(len(loaded.tokenizer)) if entry not in special]
    shown, labels = [], []
    for row in rows:
        chosen = _chosen([place for place, entry in enumerate(row) if entry not in special], share, random)
        shown.append([_shown(loaded, row[p], ordinary, random) if p in chosen else row[p] for p in range(len(row))])
        labels.append([entry if place in chosen else IGNORE_INDEX for place, entry in enumerate(row)])
    ids = pad(shown, cast(int, loaded.model.config.pad_token_id))
    mask = (torch.arange(ids.shape[1]) < torch.tensor(list(map(len, rows)))[:, None]).long()
    return Batch(ids, mask, pad(labels, IGNORE_INDEX))


def _chosen(places: list[int], share: float, random: np.random.Generator) -> set[int]:
    """About a share of these places, at least one where there is any."""
    number = max(1, round(share * len(places)))
    return {places[int(chosen)] for chosen in random.permutation(len(places))[:number]}


def _shown(loaded: LoadedPlm, entry: int, ordinary: Sequence[int], random: np.random.Generator) -> int:
    """What the model sees of a token that it is to guess."""
    draw = random.random()
    if draw < MASKED:
        return cast(int, loaded.tokenizer.mask_token_id)
    return ordinary[int(random.integers(len(ordinary)))] if draw < MASKED + REPLACED else entry


def masked_loss(model: Any, batch: Batch) -> Tensor:
    """The mean cross-entropy over the tokens to be guessed, a scalar."""
    logits = model(input_ids=batch.input_ids, attention_mask=batch.mask).logits
    return cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORE_INDEX)
