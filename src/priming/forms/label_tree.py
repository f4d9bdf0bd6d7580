"""The labels of a task as a tree of their prefixes, which one pass scores: what labels share passes once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from priming.backbones.encoding import IGNORE_INDEX

Ids = Sequence[int]
Prefix = tuple[int, ...]


@dataclass(frozen=True)
class LabelTree:
    """The trees of R runs with L labels each, filled up to the N nodes of the largest; labels have at most T tokens.

    A node is a prefix that goes on in some label: first the empty one, whose token is the start token, and each after
    those that it begins with. A label is a path of nodes, each with the token that follows there, the end token last.

    Attributes:
        tokens: the last token of each node [R x N].
        depths: its place in the output [R x N].
        seen: True where a node (second dimension) is another (third) or goes on from it [R x N x N]; what fills up
            a smaller tree sees only itself.
        nodes: those on the path of each label, -1 behind its end [R x L x T].
        targets: the token that follows at each of them, IGNORE_INDEX behind the end [R x L x T].
        labels: the number of each label among all of its run, of which the tree may have a part [R x L].
    """

    tokens: Tensor
    depths: Tensor
    seen: Tensor
    nodes: Tensor
    targets: Tensor
    labels: Tensor

    @property
    def size(self) -> int:
        """N."""
        return self.tokens.shape[1]

    @property
    def lengths(self) -> Tensor:
        """Tokens of each label [R x L]."""
        return (self.nodes >= 0).sum(dim=-1)

    @classmethod
    def of(cls, numbered: Sequence[Mapping[int, Ids]], start_id: int, pad_id: int) -> "LabelTree":
        """The trees of the labels of each run by their numbers, equally many; a label is its ids with the end token."""
        labels = [list(own.values()) for own in numbered]
        found = [_prefixes(own) for own in labels]
        shape = (len(labels), max(map(len, found)))
        paths = (len(labels), len(labels[0]), max(len(ids) for own in labels for ids in own))
        tokens, depths = torch.full(shape, pad_id), torch.zeros(shape, dtype=torch.long)
        seen = torch.eye(shape[1], dtype=torch.bool).repeat(shape[0], 1, 1)
        nodes, targets = torch.full(paths, -1), torch.full(paths, IGNORE_INDEX)
        for run, (number, own) in enumerate(zip(found, labels, strict=True)):
            tokens[run, : len(number)] = torch.tensor([(start_id, *prefix)[-1] for prefix in number])
            depths[run, : len(number)] = torch.tensor([len(prefix) for prefix in number])
            for prefix, node in number.items():
                seen[run, node, _path(number, prefix)] = True
            for label, ids in enumerate(own):
                nodes[run, label, : len(ids)] = torch.tensor(_path(number, tuple(ids[:-1])))
                targets[run, label, : len(ids)] = torch.tensor(ids)
        return cls(tokens, depths, seen, nodes, targets, torch.tensor([list(own) for own in numbered]))

    def to(self, device: torch.device) -> "LabelTree":
        """The same trees on `device`."""
        return LabelTree(*(values.to(device) for values in self._values()))

    def of_runs(self, first: int, end: int) -> "LabelTree":
        """The trees of some of the runs."""
        return LabelTree(*(values[first:end] for values in self._values()))

    def _values(self) -> tuple[Tensor, ...]:
        return self.tokens, self.depths, self.seen, self.nodes, self.targets, self.labels


def label_trees(
    labels: Sequence[Sequence[Ids]], start_id: int, pad_id: int, most: int | None = None
) -> tuple[LabelTree, ...]:
    """One tree of all labels; where it has more than `most` nodes, several, each of labels that begin alike."""
    ordered = [sorted(enumerate(own), key=lambda one: tuple(one[1])) for own in labels]
    for parts in count(1):
        groups = list(_parts(ordered, -(-len(labels[0]) // parts)))
        fit = most is None or all(len(_prefixes(own.values())) <= most for group in groups for own in group)
        if fit or len(groups) == len(labels[0]):
            break
    return tuple(LabelTree.of(group, start_id, pad_id) for group in groups)


def _parts(ordered: Sequence[Sequence[tuple[int, Ids]]], size: int) -> Iterator[list[dict[int, Ids]]]:
    for first in range(0, len(ordered[0]), size):
        yield [dict(own[first : first + size]) for own in ordered]


def _prefixes(labels: Iterable[Ids]) -> dict[Prefix, int]:
    """The number of each prefix that goes on."""
    found: dict[Prefix, int] = {}
    for ids in labels:
        for length in range(len(ids)):
            found.setdefault(tuple(ids[:length]), len(found))
    return found


def _path(number: dict[Prefix, int], prefix: Prefix) -> list[int]:
    """The nodes from the first to that of `prefix`."""
    return [number[prefix[:length]] for length in range(len(prefix) + 1)]
