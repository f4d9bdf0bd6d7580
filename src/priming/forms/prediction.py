"""Predictions of R runs on their own rows, as strings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from priming.backbones.encoding import IGNORE_INDEX, TextTokenizer, TokenizedDataset, pad
from priming.backbones.text_model import TextModel
from priming.forms.answers import Answers
from priming.forms.beam import beam_search
from priming.forms.decoders import BEAM, DECODERS, GREEDY, RANKING
from priming.forms.decoding import encode, greedy, label_scores, target_scores
from priming.forms.interface import Labels
from priming.forms.label_tree import LabelTree, label_trees
from priming.forms.rows_of_runs import Rows, chunks, padded
from priming.forms.segments import segments
from priming.forms.text import FORM

Named = Mapping[str, Tensor]
AfterRows = Callable[[int], None]
"""Called with the number of rows, of all runs together, that were just predicted."""
Decoded = tuple[list[str], list[list[float]]]
"""A text for each row, and the scores of labels that were ranked."""

_LOGIT_ROWS = 512


@dataclass(frozen=True)
class Predictor:
    """Decodes for R runs side by side.

    At the most `at_once` rows of all runs are decoded together, each beam counting as a row, and so many that their
    scores over the vocabulary are no more than `logits` numbers: mT5 has a quarter of a million entries. Where labels
    are ranked, they are so many that a tree has no more than `nodes` nodes with all of them, which are too many for
    processors to gain by runs that are side by side: these are then fewer, or one. Rows of like length go together.
    """

    model: TextModel
    encoder: TextTokenizer
    length_normalised: bool = False
    generator: str = GREEDY
    beam: int = 4
    at_once: int = 512
    logits: int = 1 << 25
    nodes: int = 1 << 12

    def predict(
        self,
        stacked: Named,
        inputs: Sequence[Rows],
        labels: Sequence[Labels],
        decoders: Sequence[str],
        after_rows: AfterRows | None = None,
    ) -> list[dict[str, list[str]]]:
        """Predictions by decoder of each run; the arguments are those of `answer`."""
        return [found.texts for found in self.answer(stacked, inputs, labels, decoders, after_rows)]

    def answer(
        self,
        stacked: Named,
        inputs: Sequence[Rows],
        labels: Sequence[Labels],
        decoders: Sequence[str],
        after_rows: AfterRows | None = None,
    ) -> list[Answers]:
        """What each run answers: predictions by decoder, and the scores of labels that it ranks.

        Args:
            stacked: parameters of the runs, [R x ...] by name.
            inputs: the rows of input ids of each run; they may differ in number.
            labels: the labels that each run ranks, None where there are none.
            decoders: those wanted; a run without labels gets those that generate, the predictor's `generator` if there
                is none.
            after_rows: told of progress.
        """
        self.model.eval()
        found: dict[int, Answers] = {}
        same = _same(stacked, inputs, labels)
        for alike in self._alike(inputs, labels, sorted(set(same))):
            wanted = FORM.possible(decoders, labels[alike[0]], self.generator)
            trees = self._trees([inputs[i] for i in alike], [labels[i] for i in alike]) if RANKING in wanted else ()
            together = self._together([inputs[i] for i in alike], trees)
            for first in range(0, len(alike), together):
                group = alike[first : first + together]
                own = {name: values[group] for name, values in stacked.items()}
                part = [tree.of_runs(first, first + together) for tree in trees]
                given = [inputs[i] for i in group], [labels[i] for i in group]
                found |= dict(zip(group, self._group(own, *given, wanted, part, after_rows), strict=True))
        if after_rows and len(found) < len(same):
            after_rows(sum(len(inputs[run]) for run, first in enumerate(same) if run != first))
        return [found[run] for run in same]

    def losses(self, stacked: Named, data: Sequence[TokenizedDataset]) -> list[float]:
        """The cross-entropy of each run on its own rows: a mean over tokens of first references, end tokens included.

        Args:
            stacked: parameters of the runs, [R x ...] by name.
            data: the rows of each run; they may differ in number.
        """
        self.model.eval()
        rows = [list(zip(own.inputs, (references[0] for references in own.targets), strict=True)) for own in data]
        longest = max(len(target) for own in rows for _, target in own)
        totals: list[list[float]] = [[] for _ in data]
        size = max(1, min(self.at_once, self.logits // (longest * self.model.plm.config.vocab_size)) // len(data))
        for chunk in chunks(rows, size):
            states, mask = encode(self.model, stacked, *padded(self.model, [[ids for ids, _ in own] for own in chunk]))
            targets = (
                pad([ids for own in chunk for _, ids in own], IGNORE_INDEX)
                .view(len(chunk), len(chunk[0]), -1)
                .to(states.device)
            )
            for own, more in zip(
                totals, target_scores(self.model, stacked, states, mask, targets).tolist(), strict=True
            ):
                own.extend(more)
        tokens = [sum(len(target) for _, target in own) for own in rows]
        return [-sum(found[: len(own)]) / number for found, own, number in zip(totals, rows, tokens, strict=True)]

    def _alike(self, inputs: Sequence[Rows], labels: Sequence[Labels], runs: Sequence[int]) -> list[list[int]]:
        """Of these runs, those with equally many labels, and inputs of about the same length, are decoded together."""
        groups: dict[int, list[int]] = {}
        for run in sorted(runs, key=lambda run: _longest(inputs[run])):
            groups.setdefault(len(labels[run] or ()), []).append(run)
        found = []
        for group in groups.values():
            lengths = [_longest(inputs[run]) for run in group]
            sizes = segments(lengths, max(len(inputs[run]) for run in group), self.model.device)
            found += [group[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True)]
        return found

    def _trees(self, inputs: Sequence[Rows], labels: Sequence[Labels]) -> tuple[LabelTree, ...]:
        """The labels that are ranked, on the device of the model."""
        model = self.model
        front = 0 if model.prompt is None else model.prompt.shape[0]
        longest = max((len(row) for rows in inputs for row in rows), default=0)
        most = model.backbone.tree_size(model.plm.config, front + longest)
        targets = [self.encoder.targets(own or ()) for own in labels]
        return tuple(tree.to(model.device) for tree in label_trees(targets, model.start_id, model.pad_id, most))

    def _together(self, inputs: Sequence[Rows], trees: Sequence[LabelTree]) -> int:
        """How many of some runs are decoded side by side."""
        if not trees:
            return len(inputs)
        return max(1, self.nodes // (max(tree.size for tree in trees) * max(1, *map(len, inputs))))

    def _group(
        self,
        stacked: Named,
        inputs: Sequence[Rows],
        labels: Sequence[Labels],
        decoders: Sequence[str],
        trees: Sequence[LabelTree],
        after_rows: AfterRows | None,
    ) -> list[Answers]:
        found = [Answers({name: [] for name in decoders}) for _ in inputs]
        orders = [sorted(range(len(rows)), key=lambda i: -len(rows[i])) for rows in inputs]
        targets = [self.encoder.targets(own or ()) for own in labels]
        size = self._size(len(inputs), decoders, trees)
        ordered = [[rows[i] for i in order] for rows, order in zip(inputs, orders, strict=True)]
        for number, rows in enumerate(chunks(ordered, size)):
            states, mask = encode(self.model, stacked, *padded(self.model, rows))
            for name in decoders:
                decoded = self._decode(name, stacked, states, mask, labels, targets, trees)
                for own, (texts, scores) in zip(found, decoded, strict=True):
                    own.texts[name].extend(texts)
                    own.scores.extend(scores)
            if after_rows:
                after_rows(sum(len(own[number * size : (number + 1) * size]) for own in inputs))
        return [own.sorted_back(order) for own, order in zip(found, orders, strict=True)]

    def _size(self, runs: int, decoders: Sequence[str], trees: Sequence[LabelTree]) -> int:
        """Rows of each run that are decoded together."""
        beams = self.beam if any(DECODERS[name].beams for name in decoders) else 1
        rows = min(self.at_once // beams, self.logits // (beams * self.model.plm.config.vocab_size))
        if trees:
            rows = min(rows, self.nodes // max(tree.size for tree in trees))
        return max(1, rows // runs)

    def _logit_rows(self) -> int:
        """Nodes whose logits are made at once: so few that a processor's caches and memory have room for them."""
        return max(1, min(_LOGIT_ROWS, self.logits // int(self.model.plm.config.vocab_size)))

    def _decode(
        self,
        name: str,
        stacked: Named,
        states: Tensor,
        mask: Tensor,
        labels: Sequence[Labels],
        targets: Sequence[Rows],
        trees: Sequence[LabelTree],
    ) -> list[Decoded]:
        """What one decoder gives for each run."""
        if name == RANKING:
            scores = label_scores(self.model, stacked, states, mask, trees, self.length_normalised, self._logit_rows())
            best = scores.argmax(dim=-1).tolist()
            chosen = [[own[i] for i in run] for own, run in zip((own or () for own in labels), best, strict=True)]
            return list(zip(chosen, scores.tolist(), strict=True))
        if name == BEAM:
            outputs = beam_search(self.model, stacked, states, mask, self.encoder.max_output, self.beam)
            return [(self._texts(run), []) for run in outputs]
        # What is longer than every label of its task is none of them, however it goes on.
        longest = [max(map(len, own), default=self.encoder.max_output) for own in targets]
        outputs = greedy(self.model, stacked, states, mask, max(longest))
        return [(self._texts(run[:, :length]), []) for run, length in zip(outputs, longest, strict=True)]

    def _texts(self, ids: Tensor) -> list[str]:
        texts = self.encoder.tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)
        return [text.strip() for text in texts]


def _longest(rows: Rows) -> int:
    return max(map(len, rows), default=0)


def _same(stacked: Named, inputs: Sequence[Rows], labels: Sequence[Labels]) -> list[int]:
    """For each run one that answers the same, such as the first of a sweep's runs before their first step; else itself.

    It has the same values and rows, and is the first with these rows and labels.
    """
    found: list[int] = []
    for run, (rows, own) in enumerate(zip(inputs, labels, strict=True)):
        first = next(other for other in range(run + 1) if labels[other] == own and inputs[other] == rows)
        equal = all(torch.equal(values[first], values[run]) for values in stacked.values())
        found.append(first if equal else run)
    return found
