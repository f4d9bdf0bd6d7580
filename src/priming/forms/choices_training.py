"""Training on right choices as texts, and answering by the most likely choice of each row.

The encoder runs once a row, whatever the number of its choices, and rows of about the same length go together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import torch

from priming.backbones.encoding import IGNORE_INDEX, TextTokenizer, TokenizedDataset, pad
from priming.backbones.text_model import TextModel
from priming.forms.answers import Answers
from priming.forms.choices import FORM, Question
from priming.forms.decoding import encode, target_scores
from priming.forms.interface import Labels
from priming.forms.methods import Named
from priming.forms.rows import Example
from priming.forms.rows_of_runs import chunks, padded
from priming.forms.text_training import TextTraining

EPSILON = 1e-6
"""Added to a choice's number of tokens, as Wu et al. (2022) do."""

Pair = tuple[int, int]
"""The place of a row among those answered together, and that of one of its choices."""


class Asked(tuple[int, ...]):
    """The token ids of a row's input; `texts` and `choices` are its choices and their token ids, end token included."""

    texts: tuple[str, ...]
    choices: tuple[tuple[int, ...], ...]

    def __new__(cls, ids: Sequence[int], texts: Sequence[str], choices: Sequence[Sequence[int]]) -> Self:
        """An input, its choices, and their token ids."""
        made = super().__new__(cls, ids)
        made.texts, made.choices = tuple(texts), tuple(map(tuple, choices))
        return made


@dataclass(frozen=True)
class Chooser:
    """Chooses for R runs side by side.

    At the most `at_once` rows of all runs are encoded together. So many of their choices are scored together that the
    scores over the vocabulary are no more than `logits` numbers.
    """

    model: TextModel
    at_once: int = 256
    logits: int = 1 << 25

    def answer(
        self,
        stacked: Named,
        inputs: Sequence[Sequence[Sequence[int]]],
        labels: Sequence[Labels],
        decoders: Sequence[str],
        after_rows: Callable[[int], None] | None = None,
    ) -> list[Answers]:
        """The choice of each row with the greatest mean log-probability of its tokens, and that of every choice.

        See `AnsweringRuns`; there are no labels.
        """
        self.model.eval()
        orders = [sorted(range(len(rows)), key=lambda row, rows=rows: -len(rows[row])) for rows in inputs]  # type: ignore[misc]
        ordered = [[_asked(rows[row]) for row in order] for rows, order in zip(inputs, orders, strict=True)]
        found: list[list[list[float]]] = [[] for _ in inputs]
        size = max(1, self.at_once // len(inputs))
        for number, rows in enumerate(chunks(ordered, size)):
            for own, more in zip(found, self._scores(stacked, rows), strict=True):
                own.extend(more)
            if after_rows:
                after_rows(sum(len(own[number * size : (number + 1) * size]) for own in ordered))
        wanted = FORM.possible(decoders, None, FORM.decoders[0])
        return [
            _answers(own, scores[: len(own)], wanted).sorted_back(order)
            for own, scores, order in zip(ordered, found, orders, strict=True)
        ]

    def losses(self, stacked: Named, data: Sequence[TokenizedDataset]) -> list[float]:
        """The mean cross-entropy of each run over the tokens of its own rows' right choices, end tokens included."""
        self.model.eval()
        rows = [
            [Asked(ids, ("",), (target[0],)) for ids, target in zip(own.inputs, own.targets, strict=True)]
            for own in data
        ]
        sums: list[list[float]] = [[] for _ in data]
        for some in chunks(rows, max(1, self.at_once // len(data))):
            for own, more in zip(sums, self._sums(stacked, some), strict=True):
                own.extend(chain.from_iterable(more))
        tokens = [sum(len(row.choices[0]) for row in own) for own in rows]
        return [-sum(own[: len(of)]) / number for own, of, number in zip(sums, rows, tokens, strict=True)]

    def _scores(self, stacked: Named, rows: Sequence[Sequence[Asked]]) -> list[list[list[float]]]:
        """The mean log-probability of the tokens of each choice, by run and row."""
        return [
            [
                [total / (len(ids) + EPSILON) for total, ids in zip(of_row, row.choices, strict=True)]
                for of_row, row in zip(of_run, own, strict=True)
            ]
            for of_run, own in zip(self._sums(stacked, rows), rows, strict=True)
        ]

    def _sums(self, stacked: Named, rows: Sequence[Sequence[Asked]]) -> list[list[list[float]]]:
        """The log-probability of each choice, by run and row; there are equally many rows of each run."""
        states, mask = encode(self.model, stacked, *padded(self.model, rows))
        found = [[[0.0] * len(row.choices) for row in own] for own in rows]
        for pairs in self._portions(rows):
            places = torch.tensor([[row for row, _ in own] for own in pairs], device=states.device)
            ids = [rows[run][row].choices[choice] for run, own in enumerate(pairs) for row, choice in own]
            targets = pad(ids, IGNORE_INDEX).view(len(rows), len(pairs[0]), -1).to(states.device)
            runs = torch.arange(len(rows), device=states.device)[:, None]
            logp = target_scores(self.model, stacked, states[runs, places], mask[runs, places], targets).tolist()
            for of_run, own, values in zip(found, pairs, logp, strict=True):
                for (row, choice), value in zip(own, values, strict=True):
                    of_run[row][choice] = value
        return found

    def _portions(self, rows: Sequence[Sequence[Asked]]) -> Iterator[list[list[Pair]]]:
        """Equally many choices of each run at a time, those of about the same length together."""
        pairs = [[(row, choice) for row, one in enumerate(own) for choice in range(len(one.choices))] for own in rows]
        for own, of_run in zip(pairs, rows, strict=True):
            own.sort(key=lambda pair, of_run=of_run: -len(of_run[pair[0]].choices[pair[1]]))  # type: ignore[misc]
        longest = max(len(ids) for own in rows for row in own for ids in row.choices)
        size = self.logits // (longest * int(self.model.plm.config.vocab_size) * len(rows))
        return chunks(pairs, max(1, min(size, self.at_once // len(rows))))


def _questions(examples: Sequence[Example]) -> list[Question]:
    """Rows of the form, none left out."""
    found = [example for example in examples if isinstance(example, Question)]
    assert len(found) == len(examples), "rows without choices"
    return found


def _choice_ids(tokenizer: TextTokenizer, rows: Sequence[Question]) -> list[list[int]]:
    """The ids of all choices of all rows, end tokens included; without the last other one where rows lose it."""
    texts = [choice for row in rows for choice in row.choices]
    loses = [row.loses_last for row in rows for _ in row.choices]
    found = tokenizer.targets(texts)
    if any(loses):
        whole, end = tokenizer.whole(texts), int(tokenizer.ends_outputs)
        # What is cut has lost more than its last token already.
        found = [
            _without_last(ids, end) if lost and len(of_all) == len(ids) else ids
            for ids, of_all, lost in zip(found, whole, loses, strict=True)
        ]
    return found


def _without_last(ids: list[int], end: int) -> list[int]:
    """The ids without the last one before `end` end tokens; one id always stays."""
    place = len(ids) - end
    return [*ids[: place - 1], *ids[place:]] or ids


def _asked(row: Sequence[int]) -> Asked:
    assert isinstance(row, Asked)
    return row


def _answers(rows: Sequence[Asked], scores: list[list[float]], decoders: Sequence[str]) -> Answers:
    texts = [row.texts[max(range(len(own)), key=own.__getitem__)] for row, own in zip(rows, scores, strict=True)]
    return Answers(dict.fromkeys(decoders, texts), scores)


class ChoicesTraining(TextTraining):
    """The right choice is written out; all are ranked."""

    def runs(self, model: TextModel, tokenizer: TextTokenizer, scoring: Any) -> Chooser:
        """What ranks choices."""
        return Chooser(model)

    def inputs(self, tokenizer: TextTokenizer, examples: Sequence[Example]) -> list[Asked]:
        """Inputs with their choices."""
        asked = _questions(examples)
        ids = iter(_choice_ids(tokenizer, asked))
        inputs = tokenizer.inputs([row.input for row in asked])
        return [
            Asked(of_input, row.choices, [next(ids) for _ in row.choices])
            for of_input, row in zip(inputs, asked, strict=True)
        ]

    def encoded(
        self, tokenizer: TextTokenizer, examples: Sequence[Example], labels: Labels, place: int
    ) -> TokenizedDataset:
        """Inputs, and the right choice of each."""
        rows = self.inputs(tokenizer, examples)
        answers = [example.answer for example in _questions(examples)]
        return TokenizedDataset(
            tuple(rows), tuple((row.choices[answer],) for row, answer in zip(rows, answers, strict=True))
        )

    def check(self, labels: Mapping[str, Labels], tokenizer: TextTokenizer, plm: str) -> None:
        """Nothing: choices that are too long are cut and counted."""

    def cut(self, tokenizer: TextTokenizer, examples: Sequence[Example]) -> int:
        """How many choices are longer than outputs may be."""
        return tokenizer.cut([choice for row in _questions(examples) for choice in row.choices])


TRAINING = ChoicesTraining()
