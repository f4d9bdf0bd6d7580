"""Predictions of R runs on a task, as strings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from priming.evaluation.decoding import encode, greedy, label_scores
from priming.models.encoding import Encoder, pad
from priming.models.text_model import TextModel

Predictions = list[list[str]]
"""One list of strings a run."""


@dataclass(frozen=True)
class Predictor:
    """Decodes a task for R runs side by side; `labels` is None where the task has none to rank."""

    model: TextModel
    encoder: Encoder
    labels: tuple[str, ...] | None
    length_normalised: bool = False
    batch: int = 64

    def decoders(self, wanted: Sequence[str]) -> list[str]:
        """Those of `wanted` that the task allows; ranking needs labels."""
        return [name for name in wanted if name == "greedy" or self.labels is not None] or ["greedy"]

    def predict(self, stacked: Mapping[str, Tensor], inputs: Sequence[Sequence[Sequence[int]]], decoders: Sequence[str]) -> dict[str, Predictions]:
        """Predictions by decoder of R runs, each on its own rows of input ids."""
        self.model.eval()
        found: dict[str, Predictions] = {name: [[] for _ in inputs] for name in decoders}
        for rows in self._chunks(inputs):
            states, mask = encode(self.model, stacked, *self._padded(rows))
            for name in decoders:
                for texts, more in zip(found[name], self._decode(name, stacked, states, mask), strict=True):
                    texts.extend(more)
        return {name: [texts[: len(rows)] for texts, rows in zip(runs, inputs, strict=True)] for name, runs in found.items()}

    def _chunks(self, inputs: Sequence[Sequence[Sequence[int]]]) -> Iterator[list[list[Sequence[int]]]]:
        """Equally many rows of each run at a time; runs that are out of rows repeat their last."""
        for start in range(0, max(map(len, inputs)), self.batch):
            stop = min(start + self.batch, max(map(len, inputs)))
            yield [[rows[min(i, len(rows) - 1)] for i in range(start, stop)] for rows in inputs]

    def _padded(self, rows: list[list[Sequence[int]]]) -> tuple[Tensor, Tensor]:
        device = next(self.model.parameters()).device
        ids = pad([row for run in rows for row in run], self.encoder.tokenizer.pad_token_id)
        lengths = torch.tensor([len(row) for run in rows for row in run])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        shape = (len(rows), len(rows[0]), -1)
        return ids.view(shape).to(device), mask.view(shape).to(device)

    def _decode(self, name: str, stacked: Mapping[str, Tensor], states: Tensor, mask: Tensor) -> Predictions:
        if name == "greedy":
            ids = greedy(self.model, stacked, states, mask, self.encoder.max_output)
            return [self._texts(run) for run in ids]
        assert self.labels is not None
        scores = label_scores(self.model, stacked, states, mask, self.encoder.targets(self.labels), self.length_normalised)
        return [[self.labels[i] for i in run] for run in scores.argmax(dim=-1).tolist()]

    def _texts(self, ids: Tensor) -> list[str]:
        texts = self.encoder.tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)
        return [text.strip() for text in texts]
