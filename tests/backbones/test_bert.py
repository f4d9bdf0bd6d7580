"""Encoders against the library's losses and classification models, which use no code of this project."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import adapters
import pytest
import torch
from adapters import DoubleSeqBnConfig, IA3Config, LoRAConfig, PrefixTuningConfig
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    BertForPreTraining,
    BertForSequenceClassification,
)

from priming.backbones.attachment import attach
from priming.backbones.encoding import IGNORE_INDEX, Batch, TextTokenizer, collate
from priming.backbones.flops import Counter
from priming.backbones.loading import load_plm
from priming.backbones.masking import MASKED, REPLACED, masked_batch
from priming.backbones.pretraining import fresh_plm
from priming.backbones.sections import Architecture, Generated, Pretraining
from priming.backbones.table import BACKBONES
from priming.backbones.text_model import TextModel
from priming.elements.head import Head
from priming.elements.sections import Elements
from priming.errors import DataError
from priming.forms.loss import run_losses
from priming.forms.rows import Example
from priming.forms.table import FORMS
from priming.forms.training import training_of
from priming.runs.dropout import CoordinateDropout
from priming.runs.keys import generator
from priming.runs.parameters import StackedParameters
from priming.training.record import load_into, save_tensors
from tests.tiny_bart import SIZES, WORDS

FAMILIES = ("bert", "roberta", "xlm-roberta")
LABELS = ("good", "bad", "neither")
PAIRS = [("red dog", "good"), ("a blue cat and a tree", "bad"), ("tree", "neither"), ("cat tree red", "bad")]
FORM = training_of(FORMS["label"])
Folders = Mapping[str, Path]
each_family = pytest.mark.parametrize("family", FAMILIES)
each_head = pytest.mark.parametrize("hidden", [False, True], ids=["linear", "hidden"])


def shape(family: str) -> Architecture:
    return Architecture(
        family=family, d_model=16, layers=2, ffn=32, heads=2, positions=64, vocabulary=300, initial_deviation=0.3
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A small model of random weights of each family, as pretraining leaves it."""
    found = {}
    for family in FAMILIES:
        loaded = fresh_plm(Generated(architecture=shape(family), pretraining=Pretraining()), [" ".join(WORDS)] * 30)
        found[family] = tmp_path_factory.mktemp(family)
        loaded.model.save_pretrained(found[family])
        loaded.tokenizer.save_pretrained(found[family])
    return found


def sizes(hidden: bool) -> Elements:
    return SIZES.model_copy(update={"head": Head(hidden=hidden)})


def model_of(folder: Path, *elements: str, hidden: bool = False, dropout: float = 0.0) -> TextModel:
    """With heads for as many classes as there are labels."""
    model = attach(load_plm(folder, dropout=dropout), elements, sizes(hidden), 0).double().requires_grad_(False).eval()
    if model.head:
        model.head.fit([len(LABELS)], 1)
    return model


def batch_of(model: TextModel, runs: int = 1) -> Batch:
    """The pairs, in another order for each run."""
    examples = [Example(text, (label,)) for text, label in PAIRS]
    data = FORM.encoded(TextTokenizer(model.tokenizer, 24, 8), examples, LABELS, 0)
    rows = [(ids, targets[0]) for ids, targets in zip(data.inputs, data.targets, strict=True)]
    return collate([rows[run:] + rows[:run] for run in range(runs)], model.pad_id)


class First(nn.Module):
    """The state of the first token, in place of BERT's pooler."""

    def forward(self, states: Tensor) -> Tensor:
        return states[:, 0]


class Linear(nn.Module):
    """A linear layer on the first token's state, in place of RoBERTa's head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_proj = nn.Linear(width, len(LABELS))

    def forward(self, states: Tensor) -> Tensor:
        return self.out_proj(states[:, 0])


def library_model(folder: Path, hidden: bool) -> Any:
    """The library's model for classification, its head without a layer before the last unless `hidden`."""
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(LABELS), attn_implementation="eager"
    )
    if not hidden and isinstance(model, BertForSequenceClassification):
        model.bert.pooler = First()
    elif not hidden:
        model.classifier = Linear(16)
    return model.double().eval()


def head_of(model: Any, hidden: bool) -> dict[str, nn.Parameter]:
    """The library's parameters by the project's names of those of the head."""
    bert = isinstance(model, BertForSequenceClassification)
    last = model.classifier if bert else model.classifier.out_proj
    found = {"head.weight": last.weight, "head.bias": last.bias}
    if hidden:
        dense = model.bert.pooler.dense if bert else model.classifier.dense
        found |= {"head.hidden_weight": dense.weight, "head.hidden_bias": dense.bias}
    return found


CONFIGS = {
    "adapter": DoubleSeqBnConfig(reduction_factor=4, non_linearity="relu"),
    "lora": LoRAConfig(),
    "ia3": IA3Config(),
    "prefix": PrefixTuningConfig(flat=True, prefix_length=SIZES.prefix.length),
}


def counterparts(model: Any, element: str, hidden: bool, values: Mapping[str, Tensor]) -> dict[str, nn.Parameter]:
    """The library's tuned parameters by the project's names, with the values of a run."""
    if element in CONFIGS:
        adapters.init(model)
        model.add_adapter(element, CONFIGS[element])
        model.set_active_adapters(element)
        model.double()
    base = f"{model.base_model_prefix}."
    everywhere = model.named_parameters(remove_duplicate=False)
    named = {f"plm.{name.removeprefix(base)}": p for name, p in everywhere}
    named = {name: p for name, p in named.items() if name in values} | head_of(model, hidden)
    assert named.keys() == {name for name in values if name != "prompt"}
    for name, parameter in named.items():
        parameter.data.copy_(values[name].view(parameter.shape))
    return named


@each_family
@each_head
@pytest.mark.parametrize("element", ["plm", "adapter", "lora", "ia3", "bitfit", "prompt", "prefix"])
def test_logits_losses_and_gradients_are_the_librarys(
    folders: Folders, family: str, hidden: bool, element: str
) -> None:
    model, library = model_of(folders[family], element, "head", hidden=hidden), library_model(folders[family], hidden)
    batch = batch_of(model)
    torch.manual_seed(1)
    start = {n: (p + 0.1 * torch.randn_like(p))[None] for n, p in model.owned_by((element, "head"))}
    parameters = StackedParameters(start, model.owner)
    values = parameters.row(0)
    named = counterparts(library, element, hidden, values)
    ids, mask, classes = batch.input_ids[0], batch.mask[0], batch.labels[0][:, 1]
    given: dict[str, Tensor] = {"input_ids": ids}
    if element == "prompt":
        # The library reads the state of the first position, so the class token is there, and the prompt behind all
        # else, with the positions that it has in front.
        prompt = values["prompt"].clone().requires_grad_()
        given, mask = behind(library, prompt, ids, mask)
    output = library(**given, attention_mask=mask, labels=classes)
    output.loss.backward()
    form = FORM.loss(0.0, "mean")
    losses = run_losses(model, parameters.views, batch, form=form)
    logits = form.logits(model, values, *(value[0] for value in form.inputs(model, batch)))
    torch.testing.assert_close(logits, output.logits, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(losses[0], output.loss, rtol=1e-9, atol=1e-9)
    gradients = torch.autograd.grad(losses.sum(), list(parameters.views.values()))
    found = {name: parameter.grad for name, parameter in named.items()} | (
        {"prompt": prompt.grad} if element == "prompt" else {}
    )
    assert found.keys() == parameters.views.keys()
    for name, ours in zip(parameters.views, gradients, strict=True):
        theirs = found[name]
        assert theirs is not None, name
        torch.testing.assert_close(ours[0].flatten(), theirs.flatten(), rtol=1e-7, atol=1e-9, msg=name)


def behind(library: Any, prompt: Tensor, ids: Tensor, mask: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Inputs with a prompt as the last tokens, and all tokens at the positions that they have behind one."""
    length, first = len(prompt), 0 if library.config.model_type == "bert" else 2
    embedded = library.get_input_embeddings()(ids)
    positions = torch.arange(length + ids.shape[1]) + first
    return {
        "inputs_embeds": torch.cat([embedded, prompt.expand(len(ids), -1, -1)], dim=1),
        "position_ids": torch.cat([positions[length:], positions[:length]]).expand(len(ids), -1),
    }, torch.cat([mask, torch.ones(len(ids), length, dtype=mask.dtype)], dim=1)


@each_family
@pytest.mark.parametrize("elements", [("adapter", "head"), ("prompt", "head"), ("plm", "head")], ids="+".join)
def test_a_run_in_a_bank_gives_what_it_gives_alone(folders: Folders, family: str, elements: tuple[str, ...]) -> None:
    """With dropout, whose masks are the run's own."""
    model = model_of(folders[family], *elements, hidden=True, dropout=0.3).train()
    keys, form = torch.tensor([3, 4], dtype=torch.int32), FORM.loss(0.1, "mean")
    named, batch = model.owned_by(elements), batch_of(model, 2)
    together = StackedParameters.repeated(named, 2, model.owner)
    losses = run_losses(model, together.views, batch, keys=keys, masking=CoordinateDropout, form=form)
    gradients = together.gradients(losses)
    for run in range(2):
        alone = StackedParameters.repeated(named, 1, model.owner)
        own = Batch(*(t[run : run + 1] for t in (batch.input_ids, batch.mask, batch.labels)))
        loss = run_losses(model, alone.views, own, keys=keys[run : run + 1], masking=CoordinateDropout, form=form)
        torch.testing.assert_close(loss[0], losses[run], rtol=1e-9, atol=1e-9)
        for element, gradient in alone.gradients(loss).items():
            torch.testing.assert_close(gradient[0], gradients[element][run], rtol=1e-7, atol=1e-9)
    off = run_losses(model.eval(), together.views, batch, form=form)
    assert (off - losses).abs().min() > 1e-3


@each_family
def test_elements_are_saved_and_loaded(folders: Folders, family: str, tmp_path: Path) -> None:
    elements = ("plm", "adapter", "head")
    one, other = (model_of(folders[family], *elements, hidden=True) for _ in range(2))
    torch.manual_seed(2)
    for _, parameter in one.named_parameters():
        parameter.data.add_(torch.randn_like(parameter))
    for element in elements:
        save_tensors(tmp_path / f"{element}.safetensors", dict(one.owned_by((element,))))
        load_into(other, tmp_path / f"{element}.safetensors", element)
    batch, form = batch_of(one), FORM.loss(0.0, "mean")
    before, after = (
        run_losses(m, {n: p[None] for n, p in m.named_parameters()}, batch, form=form) for m in (one, other)
    )
    assert torch.equal(before, after)


@each_family
def test_pretraining_is_that_of_the_library(folders: Folders, family: str) -> None:
    loaded = fresh_plm(Generated(architecture=shape(family), pretraining=Pretraining()), [" ".join(WORDS)] * 30)
    backbone = BACKBONES[family]
    batch = backbone.pretraining_batch(
        loaded, ["red dog tree", "cat", "a blue cat and a tree"], Pretraining(), 24, generator("test")
    )
    library = AutoModelForMaskedLM.from_config(loaded.model.config)
    library.load_state_dict(loaded.model.state_dict())
    expected = library.eval()(input_ids=batch.input_ids, attention_mask=batch.mask, labels=batch.labels).loss
    torch.testing.assert_close(backbone.pretraining_loss(loaded.model.eval(), batch), expected)


def test_a_share_of_tokens_is_masked(folders: Folders) -> None:
    """15% of the tokens are to be guessed; of those 80% are masked, 10% replaced at random, and 10% left unchanged."""
    loaded = load_plm(folders["bert"])
    texts = [" ".join(WORDS[(row + place) % len(WORDS)] for place in range(40)) for row in range(300)]
    batch = masked_batch(loaded, texts, BACKBONES["bert"].mask_share, 200, generator("test"))
    whole = TextTokenizer(loaded.tokenizer, 200, 200).inputs(texts)
    special = torch.tensor(loaded.tokenizer.all_special_ids)
    seen = {"mask": 0, "other": 0, "same": 0}
    for row, ids in enumerate(map(torch.tensor, whole)):
        shown, label = batch.input_ids[row, : len(ids)], batch.labels[row, : len(ids)]
        chosen = label != IGNORE_INDEX
        assert torch.equal(shown[~chosen], ids[~chosen])
        assert torch.equal(label[chosen], ids[chosen])
        assert not torch.isin(ids[chosen], special).any()
        assert int(chosen.sum()) == round(0.15 * (len(ids) - 2))
        as_mask, same = shown[chosen] == loaded.tokenizer.mask_token_id, shown[chosen] == ids[chosen]
        assert not torch.isin(shown[chosen][~as_mask], special).any()
        seen = {
            "mask": seen["mask"] + int(as_mask.sum()),
            "same": seen["same"] + int(same.sum()),
            "other": seen["other"],
        }
        seen["other"] += int((~as_mask & ~same).sum())
    total = sum(seen.values())
    assert (batch.labels != IGNORE_INDEX).sum() == total > 2000
    assert seen["mask"] / total == pytest.approx(MASKED, abs=0.03)
    assert seen["other"] / total == pytest.approx(REPLACED, abs=0.03)


def test_a_text_of_one_token_has_one_to_guess(folders: Folders) -> None:
    batch = masked_batch(load_plm(folders["roberta"]), ["cat"], 0.15, 24, generator("test"))
    assert (batch.labels != IGNORE_INDEX).sum() == 1


def saved(model: Any, like: Path, folder: Path) -> Path:
    """A model in a folder with the tokenizer of another."""
    load_plm(like).tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def test_what_an_encoder_was_pretrained_by_may_be_left_over(folders: Folders, tmp_path: Path) -> None:
    folder = folders["bert"]
    whole = BertForPreTraining.from_pretrained(folder)
    with_pooler = AutoModel.from_pretrained(folder)
    for name, model in (("pretraining", whole), ("pooler", with_pooler)):
        found = load_plm(saved(model, folder, tmp_path / name)).model
        assert not [key for key in found.state_dict() if "pooler" in key or "cls" in key]
        expected = load_plm(folder).model.state_dict()
        assert all(torch.equal(found.state_dict()[key], value) for key, value in expected.items())


def test_another_head_is_left_over_and_named(
    folders: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folders["bert"]
    tuned = BertForSequenceClassification.from_pretrained(folder)
    found = load_plm(saved(tuned, folder, tmp_path / "tuned")).model.state_dict()
    said = "without classifier.bias, classifier.weight, pooler.dense.bias, pooler.dense.weight"
    assert said in capsys.readouterr().out
    expected = load_plm(folder).model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_a_checkpoint_without_a_layer_or_with_one_too_many_is_refused(folders: Folders, tmp_path: Path) -> None:
    folder = folders["bert"]
    long: Any = AutoModel.from_pretrained(folder, num_hidden_layers=2)
    long.config.num_hidden_layers = 1
    with pytest.raises(DataError, match="they have, and the model has not, encoder.layer.1"):
        load_plm(saved(long, folder, tmp_path / "long"))
    short: Any = AutoModel.from_pretrained(folder, num_hidden_layers=1)
    short.config.num_hidden_layers = 2
    with pytest.raises(DataError, match="not those of a bert: they lack encoder.layer.1"):
        load_plm(saved(short, folder, tmp_path / "short"))


def test_a_tokenizer_without_a_class_token_is_refused(plm_folder: Path, folders: Folders, tmp_path: Path) -> None:
    """BART's of the project's own ends texts alone."""
    model = AutoModel.from_pretrained(folders["bert"])
    load_plm(plm_folder).tokenizer.save_pretrained(tmp_path)
    model.resize_token_embeddings(300)
    model.save_pretrained(tmp_path)
    with pytest.raises(DataError, match="does not put its class token before a text"):
        load_plm(tmp_path)


@each_family
def test_sizes_are_counted(folders: Folders, family: str) -> None:
    """Without biases and norms."""
    model: nn.Module = load_plm(folders[family]).model
    own = shape(family).model_copy(update={"vocabulary": model.config.vocab_size})
    assert BACKBONES[family].parameters(own) == sum(p.numel() for p in model.parameters() if p.dim() > 1)


@each_family
@each_head
@pytest.mark.parametrize(
    "elements", [("head",), ("prompt", "head"), ("prefix", "head"), ("adapter", "head")], ids="+".join
)
def test_operations_are_those_executed(folders: Folders, family: str, hidden: bool, elements: tuple[str, ...]) -> None:
    """A forward pass of unpadded inputs, as torch counts it."""
    model = model_of(folders[family], *elements, hidden=hidden)
    ids = torch.randint(5, 200, (3, 7))
    words, classes = torch.ones_like(ids), torch.zeros(3, dtype=torch.long)
    counted: Callable[[], Any] = lambda: model.classify(ids, words, classes)  # noqa: E731
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        counted()
    assert counter.get_total_flops() == 3 * Counter(model).example(7, 3, ()).forward
