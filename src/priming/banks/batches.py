"""Examples of several runs as tensors [R x B x ...], padded alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from priming.banks.runs import Example
from priming.runs.keys import generator

IGNORED = -100
"""The label that losses of transformers leave out."""
PADDING = {"attention_mask": 0, "token_type_ids": 0, "decoder_attention_mask": 0, "labels": IGNORED}
TOKENS = ("input_ids", "decoder_input_ids")


def padding_of(model: Any, padding: Mapping[str, int | float]) -> dict[str, int | float]:
    """What each argument is padded with: what is asked for, or else what the library's own collators use."""
    pad = getattr(getattr(model, "config", None), "pad_token_id", None)
    return {**PADDING, **dict.fromkeys(TOKENS, 0 if pad is None else pad), **padding}


def row_places(rows: int, seed: int, step: int, size: int) -> list[int]:
    """The rows of the `step`-th batch of a run that goes through its rows in a new order each epoch.

    Batches are always full: one that reaches the end of an epoch continues into the next.
    """
    places = range(step * size, (step + 1) * size)
    orders = {epoch: generator(seed, "epoch", epoch).permutation(rows) for epoch in {p // rows for p in places}}
    return [int(orders[p // rows][p % rows]) for p in places]


def collated(batches: Sequence[Sequence[Example]], padding: Mapping[str, int | float]) -> dict[str, Tensor]:
    """R batches of B examples as one tensor [R x B x ...] an argument; an attention mask too, where there is none.

    Raises:
        ValueError: examples have other arguments than the first, or lengths differ and nothing pads the argument.
    """
    first = batches[0][0]
    for example in (example for batch in batches for example in batch):
        if set(example) != set(first):
            raise ValueError(f"an example has {', '.join(sorted(example))}; another has {', '.join(sorted(first))}")
    found = {name: _stacked(name, [[e[name] for e in batch] for batch in batches], padding) for name in first}
    if "input_ids" in found and "attention_mask" not in found:
        lengths = [[[1] * len(example["input_ids"]) for example in batch] for batch in batches]
        found["attention_mask"] = _stacked("attention_mask", lengths, padding)
    return found


def _stacked(name: str, values: Sequence[Sequence[Any]], padding: Mapping[str, int | float]) -> Tensor:
    rows = [torch.as_tensor(value) for batch in values for value in batch]
    if len({row.shape for row in rows}) > 1:
        if name not in padding:
            raise ValueError(
                f"{name} has values of different shapes, {tuple(rows[0].shape)} and others, and nothing pads it; "
                f"say with what, as in padding={{{name!r}: 0}}"
            )
        longest = max(len(row) for row in rows)
        rows = [torch.nn.functional.pad(row, (0, longest - len(row)), value=padding[name]) for row in rows]
    return torch.stack(rows).unflatten(0, (len(values), -1))
