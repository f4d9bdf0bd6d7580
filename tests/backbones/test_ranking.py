"""Scores of labels by trees are those of the library's model, called with one input and one label at a time."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from priming.backbones.attachment import attach
from priming.backbones.encoding import TextTokenizer
from priming.backbones.loading import load_plm
from priming.forms.prediction import Predictor
from tests.backbones.library_models import Library, library_model
from tests.backbones.test_library_models import WITHOUT_BIASES, Pair
from tests.tiny_bart import SIZES, WORDS
from tests.tiny_plms import CLASSES

# Adapters calls T5's blocks by an argument's old name.
pytestmark = pytest.mark.filterwarnings("ignore:`past_key_value` is deprecated:FutureWarning")
Folders = Mapping[str, Path]
LABELS = (("good", "good dog", "good dog runs", "bad cat", "red"), ("one two", "bird", "one", "one two three", "good"))
"""Of two runs: some begin as others do, or with the whole of another; the trees differ in size."""
ONE = (("good dog",), ("red",))
TEXTS = ("red cat runs", "one two three bird sings", "blue")
MANY = tuple(f"{a} {b} {c}" for a, b, c in product(WORDS[:3], WORDS[3:6], WORDS[6:10]))
"""More nodes than a tree has behind a short input."""
RUNS = 2


def expected(library: Library, rows: Sequence[list[int]], labels: Sequence[list[int]], normalised: bool) -> Tensor:
    """Scores [B x L]."""
    found = []
    for row, label in product(rows, labels):
        ids, target = torch.tensor([row]), torch.tensor([label])
        with torch.no_grad():
            logits = library(ids, torch.ones_like(ids), target).logits[0]
        found.append(-cross_entropy(logits, target[0], reduction="mean" if normalised else "sum"))
    return torch.stack(found).view(len(rows), len(labels))


def assert_scores(
    pair: Pair, labels: Sequence[Sequence[str]], tolerance: float, normalised: bool = False, together: int = 1 << 12
) -> None:
    encoder = TextTokenizer(pair.loaded.tokenizer, 20, 10)
    rows = encoder.inputs(TEXTS)
    predictor = Predictor(pair.model, encoder, length_normalised=normalised, nodes=together)
    stacked = pair.start().views
    inputs = [rows, rows[:1]]
    answers = predictor.answer(stacked, inputs, labels, ["ranking"])
    for run, (own, answered) in enumerate(zip(inputs, answers, strict=True)):
        pair.library.load({name: values[run] for name, values in stacked.items()})
        theirs = expected(pair.library, own, encoder.targets(labels[run]), normalised)
        ours = torch.tensor(answered.scores, dtype=theirs.dtype)
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
        assert answered.texts["ranking"] == [labels[run][best] for best in theirs.argmax(dim=1)]


@pytest.mark.usefixtures("float64_throughout")
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("element", ["plm", "adapter", "prompt", "prefix", "lora", "ia3", "bitfit"])
def test_every_element_on_every_class(plm_folders: Folders, name: str, element: str) -> None:
    if element == "bitfit" and name in WITHOUT_BIASES:
        return
    assert_scores(Pair(plm_folders[name], element, SIZES), LABELS, 1e-9)


@pytest.mark.usefixtures("float64_throughout")
@pytest.mark.parametrize("name", ["bart", "mt5"])
def test_means_and_a_run_at_a_time(plm_folders: Folders, name: str) -> None:
    assert_scores(Pair(plm_folders[name], "adapter", SIZES), LABELS, 1e-9, normalised=True, together=1)


@pytest.mark.usefixtures("float64_throughout")
@pytest.mark.parametrize("name", CLASSES)
def test_one_label_and_several_trees(plm_folders: Folders, name: str) -> None:
    pair = Pair(plm_folders[name], "prefix", SIZES)
    assert_scores(pair, ONE, 1e-9)
    targets = TextTokenizer(pair.loaded.tokenizer, 20, 10).targets(MANY)
    nodes = {tuple(ids[:end]) for ids in targets for end in range(len(ids))}
    assert len(nodes) > pair.model.backbone.tree_size(pair.model.plm.config, 20)
    assert_scores(pair, (MANY, MANY[::-1]), 1e-9)


@pytest.mark.usefixtures("float64_throughout")
def test_the_bias_beside_barts_output_layer(plm_folders: Folders, tmp_path: Path) -> None:
    loaded = load_plm(plm_folders["bart"])
    loaded.model.final_logits_bias.copy_(torch.linspace(-2, 2, loaded.model.config.vocab_size))
    loaded.model.save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)
    assert_scores(Pair(tmp_path, "adapter", SIZES), LABELS, 1e-9)


@pytest.mark.parametrize("name", ["bart", "t5-gated"])
def test_float32(plm_folders: Folders, name: str) -> None:
    """T5 has its norms and soft-maxes in float32 in any case."""
    model = attach(load_plm(plm_folders[name]), ("adapter",), SIZES, 0).requires_grad_(False)
    encoder = TextTokenizer(model.tokenizer, 20, 10)
    rows, stacked = encoder.inputs(TEXTS), {name: p[None] for name, p in model.owned_by(("adapter",))}
    [found] = Predictor(model, encoder).answer(stacked, [rows], [LABELS[0]], ["ranking"])
    library = library_model(plm_folders[name], "adapter", SIZES)
    library.load({name: values[0].double() for name, values in stacked.items()})
    library.model.float()
    theirs = expected(library, rows, encoder.targets(LABELS[0]), normalised=False)
    torch.testing.assert_close(torch.tensor(found.scores), theirs, rtol=1e-5, atol=1e-5)


def test_logits_of_few_nodes_at_once(plm_folders: Folders) -> None:
    """The vocabulary may be so large that there is room for a node alone, or rows for one each."""
    pair = Pair(plm_folders["bart"], "adapter", SIZES)
    encoder = TextTokenizer(pair.loaded.tokenizer, 20, 10)
    rows, stacked = encoder.inputs(TEXTS), pair.start().views
    vocabulary = pair.model.plm.config.vocab_size
    found = [
        Predictor(pair.model, encoder, logits=number * vocabulary).answer(stacked, [rows] * 2, LABELS, ["ranking"])
        for number in (1, 3, 11, 1000)
    ]
    for other in found[:-1]:
        for ours, theirs in zip(other, found[-1], strict=True):
            torch.testing.assert_close(torch.tensor(ours.scores), torch.tensor(theirs.scores), rtol=1e-9, atol=1e-9)
