"""Trees of labels: by hand, and of random labels what makes them trees of these."""

import random

import pytest
import torch

from priming.backbones.encoding import IGNORE_INDEX
from priming.forms.label_tree import label_trees

START, PAD, END = 9, 0, 1
Label = list[int]


def random_labels(seed: int, number: int, longest: int = 5, entries: int = 4) -> list[Label]:
    """Different labels of few different tokens, so that many begin alike and some with a whole other one."""
    drawn = random.Random(seed)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < number:
        found[tuple(drawn.randint(2, 1 + entries) for _ in range(drawn.randint(0, longest - 1)))] = None
    return [[*ids, END] for ids in found]


def test_three_labels_by_hand() -> None:
    """`5`, `5 6` and `7`: the first is how the second begins."""
    [tree] = label_trees([[[5, END], [5, 6, END], [7, END]]], START, PAD)
    assert tree.tokens.tolist() == [[START, 5, 6, 7]]
    assert tree.depths.tolist() == [[0, 1, 2, 1]]
    assert tree.seen.long().tolist() == [[[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]]]
    assert tree.nodes.tolist() == [[[0, 1, -1], [0, 1, 2], [0, 3, -1]]]
    ignored = IGNORE_INDEX
    assert tree.targets.tolist() == [[[5, END, ignored], [5, 6, END], [7, END, ignored]]]
    assert tree.lengths.tolist() == [[2, 3, 2]]
    assert tree.size == 4


def test_runs_with_different_trees_are_filled_up() -> None:
    [tree] = label_trees([[[5, END], [5, 6, END]], [[7, END], [8, END]], [[END], [8, END]]], START, PAD)
    assert tree.tokens.tolist() == [[START, 5, 6], [START, 7, 8], [START, 8, PAD]]
    assert tree.depths.tolist() == [[0, 1, 2], [0, 1, 1], [0, 1, 0]]
    assert tree.seen[2].long().tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert tree.nodes.tolist() == [[[0, 1, -1], [0, 1, 2]], [[0, 1, -1], [0, 2, -1]], [[0, -1, -1], [0, 1, -1]]]
    last = tree.of_runs(2, 3)
    assert (last.tokens.tolist(), last.nodes.tolist()) == ([[START, 8, PAD]], [[[0, -1, -1], [0, 1, -1]]])


def test_one_label_is_a_chain() -> None:
    [tree] = label_trees([[[5, 6, 7, END]]], START, PAD)
    assert tree.tokens.tolist() == [[START, 5, 6, 7]]
    assert torch.equal(tree.seen[0], torch.ones(4, 4).tril().bool())


@pytest.mark.parametrize("seed", range(40))
def test_random_labels_can_be_read_off_their_trees(seed: int) -> None:
    runs = [random_labels(10 * seed + run, 1 + seed % 12) for run in range(3)]
    [tree] = label_trees(runs, START, PAD)
    for run, drawn in enumerate(runs):
        labels = [drawn[number] for number in tree.labels[run].tolist()]
        assert len(set(tree.labels[run].tolist())) == len(drawn)
        prefixes = {tuple(ids[:end]) for ids in labels for end in range(len(ids))}
        read = set()
        for node in range(len(prefixes)):
            seen = tree.seen[run, node].nonzero()[:, 0]
            assert seen[-1] == node, "a node attends to a later one"
            assert tree.depths[run, seen].tolist() == list(range(len(seen)))
            assert tree.tokens[run, seen[0]] == START
            read.add(tuple(tree.tokens[run, seen[1:]].tolist()))
        assert read == prefixes
        for node in range(len(prefixes), tree.size):
            assert tree.seen[run, node].nonzero()[:, 0].tolist() == [node]
        for label, ids in enumerate(labels):
            length = int(tree.lengths[run, label])
            path = tree.nodes[run, label, :length]
            assert [tree.tokens[run, node].item() for node in path] == [START, *ids[:-1]]
            assert tree.targets[run, label, :length].tolist() == ids


@pytest.mark.parametrize("most", [1, 3, 8, 20, None])
def test_large_trees_are_several_of_labels_that_begin_alike(most: int | None) -> None:
    runs = [random_labels(run, 30) for run in range(2)]
    trees = label_trees(runs, START, PAD, most)
    for run, labels in enumerate(runs):
        read = {}
        for tree in trees:
            for number, ids in zip(tree.labels[run].tolist(), tree.targets[run].tolist(), strict=True):
                read[number] = [target for target in ids if target != IGNORE_INDEX]
        assert [read[number] for number in range(30)] == labels
        assert list(read.values()) == sorted(labels)
    assert all(tree.size <= (most or tree.size) or tree.nodes.shape[1] == 1 for tree in trees)
    [whole] = label_trees(runs, START, PAD)
    assert (len(trees) == 1) == (most is None or most >= whole.size)
