"""Decoder-only models against the library's loss, its `generate`, and its own models with elements."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import adapters
import pytest
import torch
from adapters import DoubleSeqBnConfig, IA3Config, LoRAConfig
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from priming.backbones.attachment import attach
from priming.backbones.encoding import IGNORE_INDEX, TextTokenizer, collate
from priming.backbones.loading import load_plm
from priming.backbones.pretraining import fresh_plm
from priming.backbones.sections import Architecture, Generated, Pretraining
from priming.backbones.table import BACKBONES
from priming.backbones.text_model import TextModel
from priming.errors import StudyError
from priming.forms.loss import run_losses
from priming.forms.prediction import Predictor
from priming.runs.dropout import CoordinateDropout
from priming.runs.parameters import StackedParameters
from tests.tiny_bart import SIZES, WORDS

FAMILIES = ("gpt2", "llama", "qwen2")
PAIRS = [("red dog", "good"), ("a blue cat and a tree", "bad dog"), ("tree", "red"), ("cat tree red", "good")]
LABELS = ("good", "bad dog", "red")
RUNS = 2
Folders = Mapping[str, Path]
each_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A small model of random weights of each family."""
    found = {}
    for family in FAMILIES:
        shape = Architecture(
            family=family, d_model=16, layers=2, ffn=32, heads=2, positions=64, vocabulary=300, initial_deviation=0.3
        )
        loaded = fresh_plm(Generated(architecture=shape, pretraining=Pretraining()), [" ".join(WORDS)] * 30)
        found[family] = tmp_path_factory.mktemp(family)
        loaded.model.save_pretrained(found[family])
        loaded.tokenizer.save_pretrained(found[family])
    return found


def model_of(folder: Path, *elements: str, dropout: float = 0.0) -> TextModel:
    return attach(load_plm(folder, dropout=dropout), elements, SIZES, 0).double().requires_grad_(False).eval()


def tokenizer_of(model: TextModel) -> TextTokenizer:
    return TextTokenizer(model.tokenizer, 24, 8, model.backbone.ends_inputs)


class Reference:
    """The library's model, an example at a time without padding."""

    def __init__(self, folder: Path) -> None:
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").double().eval()
        self.prompt: Tensor | None = None

    def inputs(self, ids: list[int]) -> dict[str, Tensor]:
        embedded = self.model.get_input_embeddings()(torch.tensor([ids]))
        return {"inputs_embeds": embedded if self.prompt is None else torch.cat([self.prompt[None], embedded], dim=1)}

    def loss(self, source: list[int], target: list[int]) -> tuple[Tensor, int]:
        """The sum over target tokens, by the library's own loss, and their number."""
        front = 0 if self.prompt is None else len(self.prompt)
        labels = torch.tensor([[IGNORE_INDEX] * (front + len(source)) + target])
        return self.model(**self.inputs(source + target), labels=labels).loss.double() * len(target), len(target)

    def score(self, source: list[int], target: list[int]) -> float:
        """The log-probability of a target; a Llama has its norms in float32 in any case."""
        front = 0 if self.prompt is None else len(self.prompt)
        with torch.no_grad():
            logits = self.model(**self.inputs(source + target)).logits[0, front + len(source) - 1 : -1]
        return -cross_entropy(logits, torch.tensor(target), reduction="sum").item()

    def generate(self, source: list[int], **options: Any) -> list[int]:
        """From ids: from embeddings of a single token the library's `generate` gives something else."""
        ids = torch.tensor([source])
        end = self.model.config.eos_token_id
        found = self.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=end, **options
        )
        return found[0, len(source) :].tolist()


def encoded(model: TextModel) -> list[tuple[list[int], list[int]]]:
    tokenizer = tokenizer_of(model)
    return list(zip(tokenizer.inputs([a for a, _ in PAIRS]), tokenizer.targets([b for _, b in PAIRS]), strict=True))


def mean_loss(reference: Reference, pairs: list[tuple[list[int], list[int]]]) -> Tensor:
    parts = [reference.loss(*pair) for pair in pairs]
    return torch.stack([total for total, _ in parts]).sum() / sum(number for _, number in parts)


@each_family
def test_inputs_go_on_into_outputs(folders: Folders, family: str) -> None:
    model = model_of(folders[family])
    end, pairs = model.end_id, encoded(model)
    assert all(end not in source and target[-1] == end and end not in target[:-1] for source, target in pairs)
    assert model.tokenizer.decode(pairs[1][0] + pairs[1][1][:-1]).strip() == "a blue cat and a tree bad dog"


@each_family
def test_losses_are_the_librarys(folders: Folders, family: str) -> None:
    """A padded batch in two runs, against examples alone."""
    model, reference = model_of(folders[family]), Reference(folders[family])
    pairs = encoded(model)
    batch = collate([pairs, pairs[::-1]], model.pad_id)
    parameters = StackedParameters.repeated(model.owned_by(("plm",)), 2, model.owner)
    losses = run_losses(model, parameters.views, batch)
    expected = mean_loss(reference, pairs)
    torch.testing.assert_close(
        losses, expected.detach().expand(2), rtol=1e-6, atol=1e-6
    )  # the library has its loss in float32


@each_family
def test_answers_are_those_of_generate(folders: Folders, family: str) -> None:
    model, reference = model_of(folders[family]), Reference(folders[family])
    tokenizer = tokenizer_of(model)
    rows = tokenizer.inputs([*(a for a, _ in PAIRS), *WORDS[:6]])
    stacked = {n: p[None] for n, p in model.owned_by(("plm",))}
    [found] = Predictor(model, tokenizer).predict(stacked, [rows], [LABELS], ["ranking", "greedy", "beam"])
    longest = max(map(len, tokenizer.targets(LABELS)))
    texts = model.tokenizer
    for row, ranked, greedy, beam in zip(rows, *(found[way] for way in ("ranking", "greedy", "beam")), strict=True):
        scores = [-reference.loss(row, label)[0].item() for label in tokenizer.targets(LABELS)]
        assert ranked == LABELS[scores.index(max(scores))]
        for ours, options in (
            (greedy, {"num_beams": 1, "max_new_tokens": longest}),
            (beam, {"num_beams": 4, "max_new_tokens": 8}),
        ):
            theirs = texts.decode(reference.generate(row, early_stopping=False, **options), skip_special_tokens=True)
            assert ours == theirs.strip()
    assert len(set(found["greedy"])) > 1


CONFIGS = {
    "adapter": DoubleSeqBnConfig(reduction_factor=4, non_linearity="relu"),
    "lora": LoRAConfig(),
    "ia3": IA3Config(),
}


@each_family
@pytest.mark.parametrize("element", ["adapter", "lora", "ia3", "bitfit", "prompt"])
def test_elements_are_those_of_the_libraries(folders: Folders, family: str, element: str) -> None:
    """Losses and gradients with values off those at which elements begin."""
    if family == "llama" and element == "bitfit":
        with pytest.raises(StudyError, match="'bitfit' tunes the PLM's biases, and a llama has none"):
            model_of(folders[family], element)
        return
    model, reference = model_of(folders[family], element), Reference(folders[family])
    torch.manual_seed(1)
    own = {n: p + 0.2 * torch.randn_like(p) for n, p in model.owned_by((element,))}
    tuned = _tuned(reference, element, own)
    assert len(tuned) == len(own) > 0
    pairs = encoded(model)
    batch = collate([pairs], model.pad_id)
    parameters = StackedParameters({n: v[None] for n, v in own.items()}, model.owner)
    loss = run_losses(model, parameters.views, batch)
    ours = dict(zip(parameters.views, torch.autograd.grad(loss.sum(), list(parameters.views.values())), strict=True))
    expected = mean_loss(reference, pairs)
    torch.testing.assert_close(loss[0], expected, rtol=1e-6, atol=1e-6)  # the library has its loss in float32
    for name, gradient in zip(tuned, torch.autograd.grad(expected, list(tuned.values())), strict=True):
        torch.testing.assert_close(ours[name][0], gradient, rtol=1e-5, atol=1e-6, msg=name)


def _tuned(reference: Reference, element: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The library's parameters by the project's names, with these values."""
    if element == "prompt":
        reference.prompt = values["prompt"].clone().requires_grad_()
        return {"prompt": reference.prompt}
    model = reference.model.requires_grad_(False)
    if element in CONFIGS:
        adapters.init(model)
        model.add_adapter(element, CONFIGS[element])
        model.set_active_adapters(element)
        model.double()
    named = {f"plm.{n}": p for n, p in model.named_parameters() if f"plm.{n}" in values}
    for name, parameter in named.items():
        parameter.data.copy_(values[name])
    return {name: parameter.requires_grad_() for name, parameter in named.items()}


@each_family
@pytest.mark.parametrize("element", ["plm", "adapter", "lora", "ia3", "bitfit", "prompt"])
def test_scores_of_labels_are_the_librarys(folders: Folders, family: str, element: str) -> None:
    """An input and a label at a time; two runs with labels of their own, of which some begin as others do."""
    if family == "llama" and element == "bitfit":
        return
    labels = ((*LABELS, "bad cat", "bad", "bad dog red"), ("cat", "tree", "red cat", "cat red", "cat red dog", "good"))
    _assert_scores(folders[family], element, labels)


@each_family
def test_scores_of_more_labels_than_a_tree_has_room_for(folders: Folders, family: str) -> None:
    """GPT-2 has 64 positions here; the others have one tree."""
    many = tuple(f"{a} {b}" for a in WORDS[:7] for b in WORDS[7:])
    _assert_scores(folders[family], "prompt", (many, many[::-1]))
    model = model_of(folders[family], "prompt")
    targets = tokenizer_of(model).targets(many)
    nodes = {tuple(ids[:end]) for ids in targets for end in range(len(ids))}
    assert (len(nodes) > model.backbone.tree_size(model.plm.config, 12)) == (family == "gpt2")


def _assert_scores(folder: Path, element: str, labels: tuple[tuple[str, ...], ...]) -> None:
    model, reference = model_of(folder, element), Reference(folder)
    tokenizer = tokenizer_of(model)
    torch.manual_seed(1)
    stacked = {
        n: torch.stack([p + 0.1 * torch.randn_like(p) for _ in range(RUNS)]) for n, p in model.owned_by((element,))
    }
    rows = tokenizer.inputs([a for a, _ in PAIRS[:2]])
    answers = Predictor(model, tokenizer).answer(stacked, [rows, rows[:1]], labels, ["ranking"])
    for run, answered in enumerate(answers):
        own = {n: v[run] for n, v in stacked.items()}
        _tuned(reference, element, own) if run == 0 else _set(reference, element, own)
        for row, scores in zip(rows, answered.scores, strict=False):
            theirs = [reference.score(row, label) for label in tokenizer.targets(labels[run])]
            torch.testing.assert_close(torch.tensor(scores), torch.tensor(theirs), rtol=1e-5, atol=1e-5)


def _set(reference: Reference, element: str, values: Mapping[str, Tensor]) -> None:
    """Other values of the parameters of `_tuned`."""
    if element == "prompt":
        reference.prompt = values["prompt"]
        return
    for name, parameter in reference.model.named_parameters():
        if f"plm.{name}" in values:
            parameter.data.copy_(values[f"plm.{name}"])


@each_family
@pytest.mark.parametrize("elements", [("adapter",), ("lora",), ("ia3",), ("prompt",), ("plm", "adapter")], ids="+".join)
def test_a_run_in_a_bank_gives_what_it_gives_alone(folders: Folders, family: str, elements: tuple[str, ...]) -> None:
    """With dropout, whose masks are the run's own."""
    model = model_of(folders[family], *elements, dropout=0.3).train()
    pairs = encoded(model)
    batch, keys = collate([pairs, pairs[::-1]], model.pad_id), torch.tensor([3, 4], dtype=torch.int32)
    named = model.owned_by(elements)
    together = StackedParameters.repeated(named, RUNS, model.owner)
    losses = run_losses(model, together.views, batch, keys=keys, masking=CoordinateDropout)
    gradients = together.gradients(losses)
    for run in range(RUNS):
        alone = StackedParameters.repeated(named, 1, model.owner)
        own = collate([[pairs, pairs[::-1]][run]], model.pad_id)
        loss = run_losses(model, alone.views, own, keys=keys[run : run + 1], masking=CoordinateDropout)
        torch.testing.assert_close(loss[0], losses[run], rtol=1e-9, atol=1e-9)
        for element, gradient in alone.gradients(loss).items():
            torch.testing.assert_close(gradient[0], gradients[element][run], rtol=1e-7, atol=1e-9)


@each_family
def test_pretraining_is_that_of_the_library(folders: Folders, family: str) -> None:
    loaded = load_plm(folders[family], dropout=0.0)
    backbone = BACKBONES[family]
    texts = ["red dog tree", "cat", "a blue cat and a tree"]
    batch = backbone.pretraining_batch(loaded, texts, Pretraining(), 24, None)  # type: ignore[arg-type]
    ids = [
        [*loaded.tokenizer(f" {text}", add_special_tokens=False)["input_ids"], loaded.tokenizer.eos_token_id]
        for text in texts
    ]
    total, tokens = torch.tensor(0.0), 0
    for row in ids:
        logits = loaded.model(input_ids=torch.tensor([row])).logits[0, :-1]
        total = total + cross_entropy(logits, torch.tensor(row[1:]), reduction="sum")
        tokens += len(row) - 1
    torch.testing.assert_close(backbone.pretraining_loss(loaded.model, batch), total / tokens, rtol=1e-5, atol=1e-5)


@each_family
def test_sizes_are_counted(folders: Folders, family: str) -> None:
    """Without biases and norms."""
    model: nn.Module = AutoModelForCausalLM.from_pretrained(folders[family])
    shape = Architecture(
        family=family, d_model=16, layers=2, ffn=32, heads=2, positions=64, vocabulary=model.config.vocab_size
    )
    matrices = sum(p.numel() for n, p in model.named_parameters() if p.dim() > 1)
    assert BACKBONES[family].parameters(shape) == matrices


@each_family
def test_a_prefix_is_refused(folders: Folders, family: str) -> None:
    with pytest.raises(StudyError, match=f"element 'prefix' has no place in a {family}"):
        model_of(folders[family], "prefix")
