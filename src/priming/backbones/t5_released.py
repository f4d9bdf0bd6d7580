"""Checkpoints of T5 with a prompt, as Wu et al. (2022) release them, taken apart into the PLM and the element.

Their names begin with those of the objects that the model was wrapped in (`transformer.model.`, after meta-learning
`model.transformer.model.`). What is beyond the PLM:

- a shallow prompt: in place of `shared.weight` there are `shared.embed.weight`, whose rows beyond the tokenizer's
  entries are not used, and `shared.new_embed.weight` [P x D]; or one table, not as long as the output layer, holds the
  P rows behind those of the tokenizer. Without continued pretraining of a prompt, P is 0.
- a deep one: `encoder.prefix_embed.weight`, `decoder.prefix_embed.weight`, `decoder.prefix_embed_cross.weight`, each
  [P x L·2·H].

The model has as many rows as its output layer, since logits are over all of them. An embedding that was cut to the
tokenizer's entries is filled up with zeros, and one that is longer is cut: no text has those ids.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from priming.backbones.interface import Release
from priming.errors import DataError

_INSIDE = "encoder.final_layer_norm.weight"
"""A tensor that every T5 has; what its name begins with is that of what the model was wrapped in."""
_EMBEDDINGS = ("shared", "encoder.embed_tokens", "decoder.embed_tokens")
"""The same table under three names."""
_TABLE, _OLD, _NEW = ".weight", ".embed.weight", ".new_embed.weight"
_HEAD = "lm_head.weight"
_WHOLE = "give a checkpoint that has the whole PLM"
_DEEP = {
    "encoder.prefix_embed.weight": "plm.prefix_tunings.encoder_prefix",
    "decoder.prefix_embed.weight": "plm.prefix_tunings.self_prefix",
    "decoder.prefix_embed_cross.weight": "plm.prefix_tunings.cross_prefix",
}


def taken_apart(tensors: Mapping[str, Tensor], config: Any, entries: int, source: str) -> Release | None:
    """The PLM and its prompt; None for a plain T5. See `Backbone.released`."""
    plain, wrapped = _unwrapped(tensors, source)
    old, new = _taken(plain, _OLD, source), _taken(plain, _NEW, source)
    deep = {name: plain.pop(name) for name in _DEEP if name in plain}
    one_table = _holds_both(plain, config, entries)
    if not (wrapped or deep or one_table or old is not None or new is not None):
        return None
    table = _taken(plain, _TABLE, source)
    embedding = table if old is None else old
    if embedding is None or (table is not None and old is not None):
        which = "no embedding, neither" if embedding is None else "two embeddings,"
        raise DataError(f"{source} has {which} shared{_TABLE} {'n' * (embedding is None)}or shared{_OLD}; {_WHOLE}")
    if one_table and new is None:
        embedding, new = embedding[:entries], embedding[entries:]
    element, values = _prompt(new, deep, config, source)
    plain |= _vocabulary(embedding, plain.get(_HEAD), config, entries, source)
    return Release(plain, len(plain[f"shared{_TABLE}"]), element, values)


def _holds_both(plain: Mapping[str, Tensor], config: Any, entries: int) -> bool:
    """Whether the rows of a prompt are behind those of the tokenizer in one table."""
    table, head = plain.get(f"shared{_TABLE}"), plain.get(_HEAD)
    if table is None or head is None:
        return False
    return len(table) > entries and len(table) not in (len(head), config.vocab_size)


def _unwrapped(tensors: Mapping[str, Tensor], source: str) -> tuple[dict[str, Tensor], bool]:
    """The tensors by the names that they have in the model, and whether these are others."""
    outer = {name.removesuffix(_INSIDE) for name in tensors if name.endswith(_INSIDE)}
    if len(outer) != 1:
        prompts = (_NEW, *_DEEP)
        if any(name.endswith(prompts) for name in tensors):
            raise DataError(f"{source} has a prompt, and no {_INSIDE}; {_WHOLE}, not the prompt alone")
        return dict(tensors), False
    (start,) = outer
    if outside := sorted(name for name in tensors if not name.startswith(start)):
        raise DataError(f"{source} has {outside[0]}, and the model's own tensors begin with {start!r}; {_WHOLE} alone")
    return {name.removeprefix(start): tensor for name, tensor in tensors.items()}, bool(start)


def _taken(plain: dict[str, Tensor], kind: str, source: str) -> Tensor | None:
    """The table that has this ending under each of its names, all of which are removed."""
    found = {name: plain.pop(name) for stack in _EMBEDDINGS if (name := f"{stack}{kind}") in plain}
    first = next(iter(found), "")
    for name, table in found.items():
        if not torch.equal(table, found[first]):
            raise DataError(f"{source}: {name} should be the same table as {first}, and differs; {_WHOLE}")
    return found.get(first)


def _prompt(
    new: Tensor | None, deep: Mapping[str, Tensor], config: Any, source: str
) -> tuple[str | None, dict[str, Tensor]]:
    """The element that a prompt is here, and its values; of no vectors, none."""
    if new is not None and deep:
        raise DataError(f"{source} has both a shallow prompt and a deep one ({next(iter(deep))}); allowed: one of them")
    if missing := sorted(_DEEP.keys() - deep.keys()) if deep else []:
        raise DataError(f"{source} has {next(iter(deep))}, and lacks {missing[0]}; wanted: {', '.join(_DEEP)}")
    inner = 2 * config.d_kv * config.num_heads
    widths = {name: inner * (config.num_layers if "encoder" in name else config.num_decoder_layers) for name in deep}
    found = dict(deep) if new is None else {f"shared{_NEW}": new}
    for name, table in found.items():
        wanted = len(next(iter(found.values()))), widths.get(name, config.d_model)
        if tuple(table.shape) != wanted:
            raise DataError(f"{source}: {name} has shape {tuple(table.shape)}, and this T5 takes {wanted}")
    if not any(table.numel() for table in found.values()):
        return None, {}
    if new is not None:
        return "prompt", {"prompt": new}
    return "prefix", {_DEEP[name]: table for name, table in deep.items()}


def _vocabulary(embedding: Tensor, head: Tensor | None, config: Any, entries: int, source: str) -> dict[str, Tensor]:
    """An embedding with as many rows as the output layer, and that layer."""
    rows = len(embedding if head is None else head)
    if min(len(embedding), rows) < entries:
        short = f"shared{_TABLE}" if len(embedding) < entries else _HEAD
        raise DataError(f"{source}: {short} has fewer rows than the tokenizer's {entries} entries; {_WHOLE}")
    if len(embedding) < rows:
        assert head is not None
        filling = head[len(embedding) :] if config.tie_word_embeddings else head.new_zeros(head[len(embedding) :].shape)
        embedding = torch.cat([embedding, filling])
    found = {f"shared{_TABLE}": embedding[:rows].clone()}
    return found if head is None else found | {_HEAD: head}
