"""Examples as token ids, and padded batches of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from priming.backbones.interface import EndTokens

IGNORE_INDEX = -100


@dataclass(frozen=True)
class TokenizedDataset:
    """A set of examples: the ids of each input, and of each of its references."""

    inputs: Sequence[Sequence[int]]
    targets: Sequence[Sequence[Sequence[int]]]
    split: int | None = None
    """Of a sample: where its training examples end and its development examples begin."""

    def __len__(self) -> int:
        return len(self.inputs)

    @classmethod
    def joined(cls, sets: Sequence["TokenizedDataset"]) -> "TokenizedDataset":
        """All examples of several sets of one kind, one after the other."""
        return type(sets[0])._joined(sets)

    @classmethod
    def _joined(cls, sets: Sequence["TokenizedDataset"]) -> "TokenizedDataset":
        return cls(tuple(row for one in sets for row in one.inputs), tuple(row for one in sets for row in one.targets))

    @cached_property
    def orders(self) -> dict[tuple[int, ...], np.ndarray[Any, np.dtype[np.int64]]]:
        """Orders of its rows in an epoch, kept by those who draw from it."""
        return {}

    @property
    def mean_lengths(self) -> tuple[float, float]:
        """Mean tokens of inputs and of first references."""
        return fmean(map(len, self.inputs)), fmean(len(references[0]) for references in self.targets)

    def own_batch(
        self, run_key: int, step: int, size: int, grouped: int
    ) -> list[tuple[Sequence[int], Sequence[int]]] | None:
        """The examples of a step, of a set so large that the order of an epoch is not written out; None for others."""
        return None


@dataclass(frozen=True)
class Batch:
    """A padded batch: input ids and mask [... x B x S], labels [... x B x T] with IGNORE_INDEX at padding."""

    input_ids: Tensor
    mask: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on `device`."""
        return Batch(self.input_ids.to(device), self.mask.to(device), self.labels.to(device))

    def of_runs(self, rows: slice) -> "Batch":
        """Of a batch [R x B x ...], that of these runs."""
        return Batch(self.input_ids[rows], self.mask[rows], self.labels[rows])


class TextTokenizer:
    """Turns texts into token ids, cut to the lengths of the study."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        max_input: int,
        max_output: int,
        ends_inputs: bool = True,
        ended: EndTokens = "both",
    ) -> None:
        """With `ends_inputs` the tokenizer ends every text itself; without it inputs go on into outputs.

        `ended` says which texts keep their end tokens.
        """
        self.tokenizer, self.max_input, self.max_output = tokenizer, max_input, max_output
        self.ends_inputs, self.ended = ends_inputs, ended

    def inputs(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of input texts, the end token included where inputs have one."""
        if self.ends_inputs and self.ended == "both":
            return _ids(self.tokenizer, texts, self.max_input)
        return [self._unended(ids)[: self.max_input] for ids in _ids(self.tokenizer, texts, None)]

    def targets(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of output texts, the end token included where outputs have one."""
        if not self.ends_outputs:
            return [ids[: self.max_output] for ids in self.whole(texts)]
        return (
            _ids(self.tokenizer, texts, self.max_output)
            if self.ends_inputs
            else self._continuations(texts, self.max_output)
        )

    def whole(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of output texts before they are cut, the end token included where outputs have one."""
        found = _ids(self.tokenizer, texts, None) if self.ends_inputs else self._continuations(texts, None)
        return found if self.ends_outputs else [self._unended(ids) for ids in found]

    @property
    def ends_outputs(self) -> bool:
        """Whether outputs have an end token."""
        return self.ended != "none"

    def _unended(self, ids: list[int]) -> list[int]:
        return ids[:-1] if ids[-1] == self.tokenizer.eos_token_id else ids

    def _continuations(self, texts: Sequence[str], longest: int | None) -> list[list[int]]:
        """Ids of texts that go on after an input, as words after a space, and end."""
        end = self.tokenizer.eos_token_id
        spaced = [text if text.startswith(" ") else f" {text}" for text in texts]
        found = (
            self.tokenizer(spaced, add_special_tokens=False, return_attention_mask=False)["input_ids"] if spaced else []
        )
        return [[*ids[: None if longest is None else longest - 1], end] for ids in found]

    def cut(self, texts: Sequence[str]) -> int:
        """How many output texts are cut."""
        return sum(len(ids) > self.max_output for ids in self.whole(texts))

    def examples(self, pairs: Iterable[tuple[str, Sequence[str]]]) -> TokenizedDataset:
        """Ids of (input, references) pairs."""
        pairs = list(pairs)
        references = self.targets([text for _, texts in pairs for text in texts])
        taken = iter(references)
        return TokenizedDataset(
            tuple(map(tuple, self.inputs([text for text, _ in pairs]))),
            tuple(tuple(tuple(next(taken)) for _ in texts) for _, texts in pairs),
        )


def _ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], longest: int | None) -> list[list[int]]:
    """The ids of each text, at most so many of them; what is there more than once, as labels are, is encoded once."""
    different = list(dict.fromkeys(texts))
    if not different:
        return []
    encoded = _fast(tokenizer, different, longest) if tokenizer.is_fast else _slow(tokenizer, different, longest)
    ids = dict(zip(different, encoded, strict=True))
    return [ids[text] for text in texts]


def _slow(tokenizer: PreTrainedTokenizerBase, texts: list[str], longest: int | None) -> list[list[int]]:
    only_ids = {"return_attention_mask": False, "return_token_type_ids": False}
    found: list[list[int]] = tokenizer(
        texts, truncation=longest is not None, max_length=longest, add_special_tokens=True, **only_ids
    )["input_ids"]
    return found


def _fast(tokenizer: PreTrainedTokenizerBase, texts: list[str], longest: int | None) -> list[list[int]]:
    """As `_slow`, by the library underneath, without the offsets and masks that nobody asks for: half of the time."""
    backend = tokenizer.backend_tokenizer
    backend.encode_special_tokens = tokenizer.split_special_tokens
    backend.no_padding()
    if longest is None:
        backend.no_truncation()
    else:
        backend.enable_truncation(longest, direction=tokenizer.truncation_side)
    return [one.ids for one in backend.encode_batch_fast(texts)]


def pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Rows of ids as one tensor [len(rows) x longest], filled up with `value` on the right."""
    width = max(map(len, rows))
    filled = np.full((len(rows), width), value, dtype=np.int64)
    for row, ids in zip(filled, rows, strict=True):
        row[: len(ids)] = ids
    return torch.from_numpy(filled)


def collate(picks: Sequence[Sequence[tuple[Sequence[int], Sequence[int]]]], pad_id: int) -> Batch:
    """One batch [R x B x ...] of `picks`, the (input, target) ids of B examples for each of R runs, padded alike."""
    runs, size = len(picks), len(picks[0])
    inputs = pad([ids for run in picks for ids, _ in run], pad_id)
    lengths = torch.tensor([len(ids) for run in picks for ids, _ in run])
    mask = (torch.arange(inputs.shape[1]) < lengths[:, None]).long()
    labels = pad([ids for run in picks for _, ids in run], IGNORE_INDEX)
    return Batch(*(t.view(runs, size, -1) for t in (inputs, mask, labels)))


def shift_right(labels: Tensor, start: int, pad_id: int) -> Tensor:
    """Decoder inputs for `labels` [... x T]: moved right, `start` in front, padding as `pad_id`."""
    moved = torch.cat([torch.full_like(labels[..., :1], start), labels[..., :-1]], dim=-1)
    return moved.masked_fill(moved == IGNORE_INDEX, pad_id)
