"""Training heads on the tags of words, and answering by the most likely tag of each.

A word's tag is read off its first token; its other tokens have none. The target of a row is in place of token ids the
place of its task's head, the number of the task's tags, and for each token of the input its tag or `IGNORE_INDEX`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from priming.backbones.encoding import IGNORE_INDEX, Batch, TextTokenizer, TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.errors import DataError
from priming.forms.answers import Answers
from priming.forms.interface import Labels
from priming.forms.label_training import class_losses, log_probabilities
from priming.forms.methods import Named, apply, call
from priming.forms.rows import Example
from priming.forms.rows_of_runs import chunks, padded
from priming.forms.tags import FORM, OUTSIDE
from priming.section import Reduction

PLACE, CLASSES, FIRST = range(3)
"""Where a target has its head's place, its number of tags, and the first token's tag."""
NO_TOKEN = -1


class Sentence(tuple[int, ...]):
    """The token ids of a sentence; `starts` has the position of each word's first token, NO_TOKEN for a word that was
    cut or that the tokenizer drops."""

    starts: tuple[int, ...]

    def __new__(cls, ids: Sequence[int], starts: Sequence[int]) -> Self:
        """Ids and where words begin in them."""
        made = super().__new__(cls, ids)
        made.starts = tuple(starts)
        return made

    @property
    def cut(self) -> int:
        """Words without a token."""
        return self.starts.count(NO_TOKEN)


def sentences(tokenizer: TextTokenizer, texts: Sequence[str]) -> list[Sentence]:
    """Sentences as token ids, cut to the longest input.

    Raises:
        DataError: the tokenizer does not tell which characters a token is of.
    """
    if not tokenizer.tokenizer.is_fast:
        raise DataError(
            "words are found by the places of tokens in a text, which this PLM's tokenizer does not tell; "
            "use a PLM with a file tokenizer.json"
        )
    if not texts:
        return []
    encoded = tokenizer.tokenizer(
        list(texts),
        truncation=True,
        max_length=tokenizer.max_input,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_attention_mask=False,
        return_token_type_ids=False,
    )
    rows = zip(encoded["input_ids"], encoded["offset_mapping"], encoded["special_tokens_mask"], texts, strict=True)
    return [Sentence(ids, _starts(offsets, special, text)) for ids, offsets, special, text in rows]


def _starts(offsets: Sequence[tuple[int, int]], special: Sequence[int], text: str) -> list[int]:
    """The position of the first token of each word of a text.

    The space before a word belongs to it; a token of that space alone may be said to be of no character after it.
    """
    words = [0]
    for character in text:
        words.append(words[-1] + (character == " "))
    found = [NO_TOKEN] * (words[-1] + 1)
    for position, ((start, end), is_special) in enumerate(zip(offsets, special, strict=True)):
        first = start + (text[start:end][:1] == " ")
        if not is_special and found[words[first]] == NO_TOKEN:
            found[words[first]] = position
    return found


@dataclass(frozen=True)
class TagLoss:
    """Cross-entropy over the tags of each row's task: the mean or the sum over the words of a batch that have a token.

    With `smoothing` e a tag of probability p costs -(1 - e) log p - e/C sum(log q), over the probabilities q of all C
    tags of its task.
    """

    smoothing: float = 0.0
    reduction: Reduction = "mean"

    def inputs(self, model: TextModel, batch: Batch) -> tuple[Tensor, ...]:
        """Input ids and mask [R x B x S], and targets [R x B x (2 + S)]."""
        return batch.input_ids, batch.mask, batch.labels

    def logits(self, model: TextModel, values: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
        """[B x S x C]."""
        ids, mask, targets = inputs
        return call(model, "tag", values, ids, mask, targets[:, PLACE])

    def of(self, logits: Tensor, *inputs: Tensor) -> Tensor:
        """Over the words of one run's rows."""
        targets = inputs[2]
        tags = targets[:, FIRST:].flatten()
        classes = targets[:, CLASSES, None].expand(-1, logits.shape[1]).flatten()
        there = tags != IGNORE_INDEX
        losses = class_losses(logits.flatten(0, 1), tags.clamp(min=0), classes, self.smoothing)
        total = (losses * there).sum()
        return total / there.sum() if self.reduction == "mean" else total

    def terms(self, target: Sequence[int]) -> int:
        """Its words."""
        return sum(tag != IGNORE_INDEX for tag in target[FIRST:])


@dataclass(frozen=True)
class Tagger:
    """Tags for R runs side by side, at the most `at_once` rows of all of them together, of about the same length."""

    model: TextModel
    at_once: int = 512

    def answer(
        self,
        stacked: Named,
        inputs: Sequence[Sequence[Sequence[int]]],
        labels: Sequence[Labels],
        decoders: Sequence[str],
        after_rows: Callable[[int], None] | None = None,
    ) -> list[Answers]:
        """The most likely tag of each word, OUTSIDE for words without a token; see `AnsweringRuns`."""
        orders = [sorted(range(len(rows)), key=lambda row, rows=rows: len(rows[row])) for rows in inputs]  # type: ignore[misc]
        ordered = [[rows[row] for row in order] for rows, order in zip(inputs, orders, strict=True)]
        places, classes = [self.model.place(own) for own in labels], [len(own or ()) for own in labels]
        texts: list[list[str]] = [[] for _ in inputs]
        size = max(1, self.at_once // len(inputs))
        for number, rows in enumerate(chunks(ordered, size)):
            best = self._probabilities(stacked, rows, places, classes).argmax(dim=-1).tolist()
            for found, tags, of_run, own in zip(texts, best, rows, labels, strict=True):
                found.extend(_written(row, of_row, own or ()) for row, of_row in zip(of_run, tags, strict=True))
            if after_rows:
                after_rows(sum(len(rows[number * size : (number + 1) * size]) for rows in ordered))
        wanted = FORM.possible(decoders, labels[0], FORM.decoders[0])
        return [
            Answers(dict.fromkeys(wanted, found[: len(order)])).sorted_back(order)
            for found, order in zip(texts, orders, strict=True)
        ]

    def losses(self, stacked: Named, data: Sequence[TokenizedDataset]) -> list[float]:
        """The mean cross-entropy of each run over the words of its own rows."""
        totals, words = [0.0] * len(data), [0] * len(data)
        size = max(1, self.at_once // len(data))
        targets = [[references[0] for references in own.targets] for own in data]
        for number, rows in enumerate(chunks([own.inputs for own in data], size)):
            heads = [[own[0][part] for own in targets] for part in (PLACE, CLASSES)]
            logp = self._probabilities(stacked, rows, *heads)
            for run, own in enumerate(targets):
                for row, target in enumerate(own[number * size : (number + 1) * size]):
                    tags = torch.tensor(target[FIRST:], device=logp.device)
                    (there,) = (tags != IGNORE_INDEX).nonzero(as_tuple=True)
                    totals[run] -= logp[run, row, there, tags[there]].sum().item()
                    words[run] += len(there)
        return [total / max(1, number) for total, number in zip(totals, words, strict=True)]

    @torch.no_grad()
    def _probabilities(
        self, stacked: Named, rows: Sequence[Sequence[Sequence[int]]], places: Sequence[int], classes: Sequence[int]
    ) -> Tensor:
        """Log-probabilities [R x B x S x C]."""
        self.model.eval()
        ids, mask = padded(self.model, rows)
        of_rows = torch.tensor(places, device=ids.device)[:, None].expand(ids.shape[:2])
        logits = apply(self.model, "tag", stacked, ids, mask, of_rows)
        known = torch.tensor(classes, device=ids.device)[:, None, None].expand(ids.shape)
        return log_probabilities(logits.flatten(0, 2), known.flatten())[0].view(logits.shape)


def _written(row: Sequence[int], tags: Sequence[int], labels: Sequence[str]) -> str:
    """The tags of a sentence's words, joined by spaces."""
    assert isinstance(row, Sentence)
    return " ".join(OUTSIDE if start == NO_TOKEN else labels[tags[start]] for start in row.starts)


class TagsTraining:
    """The tags of a task are its classes, in the order of the task."""

    def loss(self, smoothing: float, reduction: Reduction) -> TagLoss:
        """Cross-entropy over tags."""
        return TagLoss(smoothing, reduction)

    def runs(self, model: TextModel, tokenizer: TextTokenizer, scoring: Any) -> Tagger:
        """What tags."""
        return Tagger(model)

    def inputs(self, tokenizer: TextTokenizer, examples: Sequence[Example]) -> list[Sentence]:
        """Sentences."""
        return sentences(tokenizer, [example.input for example in examples])

    def encoded(
        self, tokenizer: TextTokenizer, examples: Sequence[Example], labels: Labels, place: int
    ) -> TokenizedDataset:
        """Sentences, and the tag of each token that begins a word."""
        known = {label: number for number, label in enumerate(labels or ())}
        rows, targets = self.inputs(tokenizer, examples), []
        for row, example in zip(rows, examples, strict=True):
            of_tokens = [IGNORE_INDEX] * len(row)
            for start, tag in zip(row.starts, example.targets[0].split(" "), strict=True):
                if start != NO_TOKEN:
                    of_tokens[start] = known[tag]
            targets.append(((place, len(known), *of_tokens),))
        return TokenizedDataset(tuple(rows), tuple(targets))

    def states(self, row: Sequence[int]) -> Sequence[int]:
        """Those of the tokens that begin words; of a sentence without any, the first."""
        assert isinstance(row, Sentence)
        return sorted(start for start in row.starts if start != NO_TOKEN) or (0,)

    def by_states(self, row: Sequence[int], first: int) -> Sentence:
        """A sentence in which each word is one token."""
        assert isinstance(row, Sentence)
        there = {position: number for number, position in enumerate(self.states(row))}
        starts = [there[start] if start != NO_TOKEN else NO_TOKEN for start in row.starts]
        return Sentence(range(first, first + len(there)), starts)

    def target_by_states(self, row: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
        """The tags of these tokens."""
        return (*target[:FIRST], *(target[FIRST + position] for position in self.states(row)))

    def check(self, labels: Mapping[str, Labels], tokenizer: TextTokenizer, plm: str) -> None:
        """Raise DataError where a task has no tags."""
        if without := [task for task, own in labels.items() if not own]:
            raise DataError(f"task {without[0]} has no tags, and PLM {plm} answers by them; leave the task out")

    def cut(self, tokenizer: TextTokenizer, examples: Sequence[Example]) -> int:
        """Words that no token is of, which count as outside all entities."""
        return sum(row.cut for row in self.inputs(tokenizer, examples))


TRAINING = TagsTraining()
