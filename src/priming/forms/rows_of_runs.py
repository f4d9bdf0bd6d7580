"""Rows of R runs, in portions and padded, for passes over one shared PLM."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from priming.backbones.encoding import pad
from priming.backbones.text_model import TextModel

Rows = Sequence[Sequence[int]]
Row = TypeVar("Row")


def chunks(inputs: Sequence[Sequence[Row]], size: int) -> Iterator[list[list[Row]]]:
    """Equally many rows of each run at a time; a run that is out of rows repeats its last."""
    longest = max(map(len, inputs))
    for start in range(0, longest, size):
        yield [[rows[min(i, len(rows) - 1)] for i in range(start, min(start + size, longest))] for rows in inputs]


def padded(model: TextModel, rows: Sequence[Rows]) -> tuple[Tensor, Tensor]:
    """Input ids and mask [R x B x S] on the device of the model."""
    device = next(model.parameters()).device
    ids = pad([row for run in rows for row in run], model.pad_id)
    lengths = torch.tensor([len(row) for run in rows for row in run])
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    shape = (len(rows), len(rows[0]), -1)
    return ids.view(shape).to(device), mask.view(shape).to(device)
