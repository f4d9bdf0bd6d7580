"""Training heads on classes, and answering by the most likely one.

The target of a row is three numbers in place of token ids: the place of its task's head, its class, and the number of
the task's classes. So batches are drawn and padded as those of texts are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from priming.backbones.encoding import Batch, TextTokenizer, TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.errors import DataError
from priming.forms.answers import Answers
from priming.forms.interface import Labels
from priming.forms.label import FORM
from priming.forms.methods import Named, apply, call
from priming.forms.rows import Example
from priming.forms.rows_of_runs import Rows, chunks, padded
from priming.section import Reduction

PLACE, CLASS, CLASSES = range(3)


@dataclass(frozen=True)
class LabelLoss:
    """Cross-entropy over the classes of each row's task: the mean or the sum over rows.

    With `smoothing` e a class of probability p costs -(1 - e) log p - e/C sum(log q), over the probabilities q of all C
    classes of its task.
    """

    smoothing: float = 0.0
    reduction: Reduction = "mean"

    def inputs(self, model: TextModel, batch: Batch) -> tuple[Tensor, ...]:
        """Input ids, mask and targets [R x B x 3]."""
        return batch.input_ids, batch.mask, batch.labels

    def logits(self, model: TextModel, values: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
        """[B x C]."""
        ids, mask, targets = inputs
        return call(model, "classify", values, ids, mask, targets[:, PLACE])

    def of(self, logits: Tensor, *inputs: Tensor) -> Tensor:
        """Over the rows of one run."""
        targets = inputs[2]
        losses = class_losses(logits, targets[:, CLASS], targets[:, CLASSES], self.smoothing)
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def terms(self, target: Sequence[int]) -> int:
        """One."""
        return 1


def class_losses(logits: Tensor, true: Tensor, classes: Tensor, smoothing: float) -> Tensor:
    """The loss [B] of each row of logits [B x C]: its true class, of the first `classes`, with or without smoothing."""
    logp, own = log_probabilities(logits, classes)
    losses = -logp.gather(1, true[:, None])[:, 0]
    if smoothing:
        spread = -(logp * own).sum(dim=1) / classes
        losses = (1 - smoothing) * losses + smoothing * spread
    return losses


def log_probabilities(logits: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities [B x C] over the first `classes` [B] classes, those of each row's task; and a mask of these."""
    own = torch.arange(logits.shape[1], device=logits.device) < classes[:, None]
    return logits.masked_fill(~own, torch.finfo(logits.dtype).min).log_softmax(dim=1), own


@dataclass(frozen=True)
class Classifier:
    """Classifies for R runs side by side, at the most `at_once` rows of all of them together."""

    model: TextModel
    at_once: int = 512

    def answer(
        self,
        stacked: Named,
        inputs: Sequence[Rows],
        labels: Sequence[Labels],
        decoders: Sequence[str],
        after_rows: Callable[[int], None] | None = None,
    ) -> list[Answers]:
        """The most likely label of each row, and the log-probability of each; see `AnsweringRuns`."""
        found: list[list[list[float]]] = [[] for _ in inputs]
        size = max(1, self.at_once // len(inputs))
        for number, rows in enumerate(chunks(inputs, size)):
            for own, more in zip(found, self._scores(stacked, rows, labels).tolist(), strict=True):
                own.extend(more)
            if after_rows:
                after_rows(sum(len(own[number * size : (number + 1) * size]) for own in inputs))
        wanted = FORM.possible(decoders, labels[0], FORM.decoders[0])
        answers = zip(found, inputs, labels, strict=True)
        return [
            _answers([row[: len(of or ())] for row in scores[: len(own)]], of or (), wanted)
            for scores, own, of in answers
        ]

    def losses(self, stacked: Named, data: Sequence[TokenizedDataset]) -> list[float]:
        """The mean cross-entropy of each run on its own rows."""
        targets = [[references[0] for references in own.targets] for own in data]
        found: list[list[list[float]]] = [[] for _ in data]
        for rows in chunks([own.inputs for own in data], max(1, self.at_once // len(data))):
            classes = [own[0][CLASSES] for own in targets]
            scores = self._probabilities(stacked, rows, [own[0][PLACE] for own in targets], classes)
            for own, more in zip(found, scores.tolist(), strict=True):
                own.extend(more)
        costs = [
            [-row[t[CLASS]] for row, t in zip(scores, own, strict=False)]
            for scores, own in zip(found, targets, strict=True)
        ]
        return [sum(own) / len(own) for own in costs]

    def _scores(self, stacked: Named, rows: Sequence[Rows], labels: Sequence[Labels]) -> Tensor:
        """Log-probabilities [R x B x C]."""
        places, classes = [self.model.place(own) for own in labels], [len(own or ()) for own in labels]
        return self._probabilities(stacked, rows, places, classes)

    @torch.no_grad()
    def _probabilities(
        self, stacked: Named, rows: Sequence[Rows], places: Sequence[int], classes: Sequence[int]
    ) -> Tensor:
        self.model.eval()
        ids, mask = padded(self.model, rows)
        of_rows = torch.tensor(places, device=ids.device)[:, None].expand(ids.shape[:2])
        logits = apply(self.model, "classify", stacked, ids, mask, of_rows)
        known = torch.tensor(classes, device=ids.device)[:, None].expand(ids.shape[:2])
        return log_probabilities(logits.flatten(0, 1), known.flatten())[0].view(logits.shape)


def _answers(scores: list[list[float]], labels: Sequence[str], decoders: Sequence[str]) -> Answers:
    texts = [labels[max(range(len(row)), key=row.__getitem__)] for row in scores]
    return Answers(dict.fromkeys(decoders, texts), scores)


class LabelTraining:
    """The labels of a task are its classes, in the order of the task."""

    def loss(self, smoothing: float, reduction: Reduction) -> LabelLoss:
        """Cross-entropy over classes."""
        return LabelLoss(smoothing, reduction)

    def runs(self, model: TextModel, tokenizer: TextTokenizer, scoring: Any) -> Classifier:
        """What classifies."""
        return Classifier(model)

    def inputs(self, tokenizer: TextTokenizer, examples: Sequence[Example]) -> list[list[int]]:
        """Texts."""
        return tokenizer.inputs([example.input for example in examples])

    def encoded(
        self, tokenizer: TextTokenizer, examples: Sequence[Example], labels: Labels, place: int
    ) -> TokenizedDataset:
        """Inputs, and the classes of their first references."""
        known, inputs = list(labels or ()), tuple(map(tuple, self.inputs(tokenizer, examples)))
        return TokenizedDataset(
            inputs, tuple(((place, known.index(example.targets[0]), len(known)),) for example in examples)
        )

    def states(self, row: Sequence[int]) -> Sequence[int]:
        """The first, on which the head stands."""
        return (0,)

    def by_states(self, row: Sequence[int], first: int) -> tuple[int, ...]:
        """One number."""
        return (first,)

    def target_by_states(self, row: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
        """The same."""
        return tuple(target)

    def check(self, labels: Mapping[str, Labels], tokenizer: TextTokenizer, plm: str) -> None:
        """Raise DataError where a task has no labels."""
        if without := [task for task, own in labels.items() if not own]:
            text = f"task {without[0]} has no labels, and PLM {plm} answers by a class; leave it out, or name a PLM"
            raise DataError(f"{text} that writes its answers")

    def cut(self, tokenizer: TextTokenizer, examples: Sequence[Example]) -> int:
        """None: nothing is written."""
        return 0


TRAINING = LabelTraining()
