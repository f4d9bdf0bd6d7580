"""Predictions of R runs on their own rows, as strings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from priming.evaluation.beam import beam_search
from priming.evaluation.decoding import encode, greedy, label_scores, target_scores
from priming.models.encoding import IGNORED, Encoded, Encoder, pad
from priming.models.text_model import TextModel

Labels = tuple[str, ...] | None
Rows = Sequence[Sequence[int]]
Row = TypeVar("Row")
Named = Mapping[str, Tensor]


def possible(decoders: Sequence[str], labels: Labels, generator: str = "greedy") -> list[str]:
    """Those of `decoders` that a task allows: ranking needs labels; `generator` where nothing else is left."""
    return [name for name in decoders if name != "ranking" or labels is not None] or [generator]


@dataclass(frozen=True)
class Predictor:
    """Decodes for R runs side by side.

    At the most `at_once` rows of all runs are decoded together, each beam counting as a row, and so many that their
    scores over the vocabulary are no more than `logits` numbers: mT5 has a quarter of a million entries.
    """

    model: TextModel
    encoder: Encoder
    length_normalised: bool = False
    generator: str = "greedy"
    beam: int = 4
    at_once: int = 512
    logits: int = 1 << 28

    def predict(self, stacked: Named, inputs: Sequence[Rows], labels: Sequence[Labels], decoders: Sequence[str]) -> list[dict[str, list[str]]]:
        """Predictions by decoder of each run.

        Args:
            stacked: parameters of the runs, [R x ...] by name.
            inputs: the rows of input ids of each run; they may differ in number.
            labels: the labels that each run ranks, None where there are none.
            decoders: those wanted; a run without labels gets those that generate, the predictor's `generator` if there is none.
        """
        self.model.eval()
        found: list[dict[str, list[str]]] = [{} for _ in inputs]
        for group in self._alike(labels):
            own = {name: values[group] for name, values in stacked.items()}
            texts = self._group(own, [inputs[i] for i in group], [labels[i] for i in group], possible(decoders, labels[group[0]], self.generator))
            for i, predictions in zip(group, texts, strict=True):
                found[i] = predictions
        return found

    def losses(self, stacked: Named, data: Sequence[Encoded]) -> list[float]:
        """The cross-entropy of each run on its own rows: a mean over the tokens of their first references, end tokens included.

        Args:
            stacked: parameters of the runs, [R x ...] by name.
            data: the rows of each run; they may differ in number.
        """
        self.model.eval()
        rows = [list(zip(own.inputs, (references[0] for references in own.targets), strict=True)) for own in data]
        longest = max(len(target) for own in rows for _, target in own)
        totals: list[list[float]] = [[] for _ in data]
        size = max(1, min(self.at_once, self.logits // (longest * self.model.plm.config.vocab_size)) // len(data))
        for chunk in self._chunks(rows, size):
            states, mask = encode(self.model, stacked, *self._padded([[ids for ids, _ in own] for own in chunk]))
            targets = pad([ids for own in chunk for _, ids in own], IGNORED).view(len(chunk), len(chunk[0]), -1).to(states.device)
            for own, more in zip(totals, target_scores(self.model, stacked, states, mask, targets).tolist(), strict=True):
                own.extend(more)
        tokens = [sum(len(target) for _, target in own) for own in rows]
        return [-sum(found[: len(own)]) / number for found, own, number in zip(totals, rows, tokens, strict=True)]

    @staticmethod
    def _alike(labels: Sequence[Labels]) -> list[list[int]]:
        """Runs with equally many labels are decoded together."""
        groups: dict[int, list[int]] = {}
        for index, names in enumerate(labels):
            groups.setdefault(len(names or ()), []).append(index)
        return list(groups.values())

    def _group(self, stacked: Named, inputs: Sequence[Rows], labels: Sequence[Labels], decoders: Sequence[str]) -> list[dict[str, list[str]]]:
        found: list[dict[str, list[str]]] = [{name: [] for name in decoders} for _ in inputs]
        targets = [self.encoder.targets(own or ()) for own in labels]
        for rows in self._chunks(inputs, self._size(len(inputs), decoders, targets)):
            states, mask = encode(self.model, stacked, *self._padded(rows))
            for name in decoders:
                for own, more in zip(found, self._decode(name, stacked, states, mask, labels, targets), strict=True):
                    own[name].extend(more)
        return [{name: texts[: len(rows)] for name, texts in own.items()} for own, rows in zip(found, inputs, strict=True)]

    def _size(self, runs: int, decoders: Sequence[str], targets: Sequence[Rows]) -> int:
        """Rows of each run that are decoded together."""
        beams = self.beam if "beam" in decoders else 1
        scored = max(beams, len(targets[0]) * max((len(ids) for own in targets for ids in own), default=0) if "ranking" in decoders else 0)
        rows = min(self.at_once // beams, self.logits // (scored * self.model.plm.config.vocab_size))
        return max(1, rows // runs)

    @staticmethod
    def _chunks(inputs: Sequence[Sequence[Row]], size: int) -> Iterator[list[list[Row]]]:
        """Equally many rows of each run at a time; a run that is out of rows repeats its last."""
        longest = max(map(len, inputs))
        for start in range(0, longest, size):
            yield [[rows[min(i, len(rows) - 1)] for i in range(start, min(start + size, longest))] for rows in inputs]

    def _padded(self, rows: Sequence[Rows]) -> tuple[Tensor, Tensor]:
        device = next(self.model.parameters()).device
        ids = pad([row for run in rows for row in run], self.model.pad_id)
        lengths = torch.tensor([len(row) for run in rows for row in run])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        shape = (len(rows), len(rows[0]), -1)
        return ids.view(shape).to(device), mask.view(shape).to(device)

    def _decode(self, name: str, stacked: Named, states: Tensor, mask: Tensor, labels: Sequence[Labels], targets: Sequence[Rows]) -> list[list[str]]:
        if name == "beam":
            return [self._texts(run) for run in beam_search(self.model, stacked, states, mask, self.encoder.max_output, self.beam)]
        if name == "greedy":
            # What is longer than every label of its task is none of them, however it goes on.
            longest = [max(map(len, own), default=self.encoder.max_output) for own in targets]
            outputs = greedy(self.model, stacked, states, mask, max(longest))
            return [self._texts(run[:, :length]) for run, length in zip(outputs, longest, strict=True)]
        scores = label_scores(self.model, stacked, states, mask, targets, self.length_normalised)
        return [[own[i] for i in run] for own, run in zip((own or () for own in labels), scores.argmax(dim=-1).tolist(), strict=True)]

    def _texts(self, ids: Tensor) -> list[str]:
        texts = self.encoder.tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)
        return [text.strip() for text in texts]
