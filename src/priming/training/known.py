"""States of a PLM that tuning leaves as it is: one pass a row, instead of one a step and an evaluation.

They are kept as a file under work/, so that all strategies and seeds that tune on top of the same PLM share them.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from priming.atomic import atomic_file
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.forms.rows_of_runs import padded
from priming.forms.training import FormTraining

AT_ONCE = 64
"""Rows of one pass, of about the same length."""
LARGEST = 20_000_000_000
"""Bytes of all files in a folder; the oldest make room for another."""

Rows = Sequence[Sequence[int]]


class Known:
    """The states of a set of inputs, and the inputs as numbers of these states."""

    def __init__(
        self, model: TextModel, form: FormTraining, rows: Iterable[Sequence[int]], folder: Path | None
    ) -> None:
        """Compute the states of these rows with the PLM that `model` holds, or find them in the folder.

        A row counts by its ids and by the positions that the form asks for; each is computed once.
        """
        self.form = form
        self.known: dict[tuple[object, ...], tuple[int, ...]] = {}
        wanted: list[Sequence[int]] = []
        places: list[Sequence[int]] = []
        first = 0
        for row in rows:
            if (name := self._name(row)) not in self.known:
                self.known[name] = form.by_states(row, first)
                wanted.append(row)
                places.append(form.states(row) or range(len(row)))
                first += len(places[-1])
        self.rows, self.size = len(wanted), first * model.width * 4
        self.states, self.found = _kept(model, wanted, places, first, folder)

    def _name(self, row: Sequence[int]) -> tuple[object, ...]:
        """What tells one row from another: sentences of the same ids may have other words."""
        return tuple(row), getattr(row, "starts", ())

    def inputs(self, rows: Rows) -> list[tuple[int, ...]]:
        """The rows as numbers of states."""
        return [self.known[self._name(row)] for row in rows]

    def data(self, data: TokenizedDataset) -> TokenizedDataset:
        """The same for examples, targets included."""
        targets = [
            tuple(self.form.target_by_states(row, target) for target in own)
            for row, own in zip(data.inputs, data.targets, strict=True)
        ]
        return TokenizedDataset(tuple(self.inputs(data.inputs)), tuple(targets), data.split)


def _kept(
    model: TextModel, rows: Rows, places: Sequence[Sequence[int]], number: int, folder: Path | None
) -> tuple[Tensor, bool]:
    """The states [N x D], float32, of a file if there is a folder; and whether they were there."""
    if folder is None:
        found = np.empty((number, model.width), dtype=np.float32)
        _fill(found, model, rows, places)
        return torch.from_numpy(found).to(model.device), False
    path, shape = folder / f"{_digest(model, rows, places)}.f32", (number, model.width)
    there = path.is_file() and path.stat().st_size == 4 * number * model.width
    if not there:
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, LARGEST - 4 * number * model.width)
        with atomic_file(path) as part:
            filled = np.memmap(part, dtype=np.float32, mode="w+", shape=shape)
            _fill(filled, model, rows, places)
            filled.flush()
    os.utime(path)
    mapped = np.memmap(path, dtype=np.float32, mode="c", shape=shape)
    return torch.from_numpy(mapped).to(model.device), there


@torch.no_grad()
def _fill(
    found: "np.ndarray[tuple[int, int], np.dtype[np.float32]]",
    model: TextModel,
    rows: Rows,
    places: Sequence[Sequence[int]],
) -> None:
    """Write the states of all rows, those of about the same length together, one row's after the other's."""
    starts = np.cumsum([0, *map(len, places)])
    order, was = sorted(range(len(rows)), key=lambda row: len(rows[row])), model.training
    model.eval()
    for begin in range(0, len(order), AT_ONCE):
        some = order[begin : begin + AT_ONCE]
        ids, mask = padded(model, [[rows[row] for row in some]])
        states = model.below(ids[0], mask[0])[0].float().cpu().numpy()
        for place, row in enumerate(some):
            found[starts[row] : starts[row + 1]] = states[place, list(places[row])]
    model.train(was)


def _digest(model: TextModel, rows: Rows, places: Sequence[Sequence[int]]) -> str:
    """Of the PLM's values, of its precision and attention, and of the rows."""
    how = f"{model.precision}\0fused" if model.fused else model.precision
    digest = hashlib.sha256(f"{how}\0{torch.__version__}".encode())
    on_top = {name for name, _ in model.owned_by(model.on_top)}
    for name, parameter in model.named_parameters():
        if name not in on_top:
            value = parameter.detach().cpu().contiguous()
            digest.update(name.encode() + value.view(-1).view(torch.uint8).numpy().tobytes())
    for row, own in zip(rows, places, strict=True):
        digest.update(np.asarray([len(row), *row, *own], dtype=np.int64).tobytes())
    return digest.hexdigest()


def _make_room(folder: Path, left: int) -> None:
    """Delete the files used longest ago until no more than so many bytes are left."""
    files = sorted(folder.glob("*.f32"), key=lambda file: file.stat().st_mtime)
    sizes: Mapping[Path, int] = {file: file.stat().st_size for file in files}
    kept = sum(sizes.values())
    for file in files:
        if kept <= left:
            return
        file.unlink(missing_ok=True)
        kept -= sizes[file]
