"""Models of every supported class, read from folders, answer and learn as Hugging Face's own classes do."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM, PreTrainedModel

from priming.backbones.attachment import attach
from priming.backbones.encoding import Batch, TextTokenizer, collate
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.adapter import Adapter
from priming.elements.prompt import Prompt, ordinary_entries
from priming.elements.sections import Elements
from priming.errors import DataError, StudyError
from priming.forms.loss import run_losses
from priming.runs.dropout import CoordinateDropout
from priming.runs.parameters import StackedParameters
from priming.training.record import load_into, save_tensors
from tests.tiny_bart import SIZES
from tests.tiny_plms import CLASSES, FILLING, SENTINELS, random_texts

Folders = Mapping[str, Path]
PAIRS = [
    ("red cat runs", "good"),
    ("one two three bird sings", "bad dog"),
    ("blue", "green cat sleeps"),
    ("dog dog dog", "good"),
]
RUNS = 2
each_class = pytest.mark.parametrize("name", CLASSES)


def model_of(folder: Path, elements: tuple[str, ...], dropout: float = 0.0) -> TextModel:
    return attach(load_plm(folder, dropout=dropout), elements, SIZES, 0).requires_grad_(False).eval()


def batch_of(folder: Path, runs: int = RUNS) -> Batch:
    """The pairs as `runs` batches, with padding in inputs and labels."""
    loaded = load_plm(folder)
    encoder = TextTokenizer(loaded.tokenizer, 20, 10)
    data = encoder.examples((text, [target]) for text, target in PAIRS)
    picks = [(ids, references[0]) for ids, references in zip(data.inputs, data.targets, strict=True)]
    size = len(picks) // runs
    return collate([picks[r * size : (r + 1) * size] for r in range(runs)], int(loaded.model.config.pad_token_id))


def reference(folder: Path, factor: float = 1.0) -> PreTrainedModel:
    """Hugging Face's own model, its parameters times `factor`."""
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(factor)
    return model


def own(batch: Batch, run: int) -> Batch:
    return Batch(batch.input_ids[run : run + 1], batch.mask[run : run + 1], batch.labels[run : run + 1])


@each_class
def test_losses_and_gradients_are_those_of_hugging_face(plm_folders: Folders, name: str) -> None:
    """Each run has its own copy of the PLM; the reference shifts the labels itself."""
    folder, factors = plm_folders[name], (1.0, 0.9)
    model, batch = model_of(folder, ("plm",)), batch_of(folder)
    parameters = StackedParameters(
        {n: torch.stack([p * factor for factor in factors]) for n, p in model.named_parameters()}, model.owner
    )
    run_losses(
        model, {n: torch.zeros(1, *p.shape) for n, p in model.named_parameters()}, own(batch, 0)
    )  # leaves nothing behind
    losses = run_losses(model, parameters.views, batch)
    gradients = torch.autograd.grad(losses.sum(), list(parameters.views.values()))
    for run, factor in enumerate(factors):
        plain = reference(folder, factor)
        loss = plain(
            input_ids=batch.input_ids[run], attention_mask=batch.mask[run], labels=batch.labels[run].contiguous()
        ).loss
        loss.backward()
        torch.testing.assert_close(losses[run], loss, rtol=1e-5, atol=1e-5)
        expected = {f"plm.{n}": p.grad for n, p in plain.named_parameters()}
        for parameter, ours in zip(parameters.views, gradients, strict=True):
            torch.testing.assert_close(ours[run], expected.pop(parameter), rtol=2e-4, atol=2e-4)
        assert not expected


@each_class
def test_a_forward_pass_leaves_the_model_as_it_was(plm_folders: Folders, name: str) -> None:
    """Tied tensors are still the same objects, under the same names; each module with parameters is registered once."""
    model, batch = model_of(plm_folders[name], ("plm", "adapter", "prompt", "prefix")), batch_of(plm_folders[name])
    before = {n: id(p) for n, p in model.named_parameters(remove_duplicate=False)}
    for runs in (1, RUNS):
        some = own(batch, 0) if runs == 1 else batch
        run_losses(model, {n: 2 * p.expand(runs, *p.shape) for n, p in model.named_parameters()}, some)
        assert {n: id(p) for n, p in model.named_parameters(remove_duplicate=False)} == before
    modules = [
        id(module)
        for _, module in model.named_modules(remove_duplicate=False)
        if any(True for _ in module.parameters())
    ]
    assert len(modules) == len(set(modules))


@each_class
def test_targets_end_and_outputs_start_as_the_class_has_it(plm_folders: Folders, name: str) -> None:
    loaded = load_plm(plm_folders[name])
    model = TextModel(loaded)
    ids = TextTokenizer(loaded.tokenizer, 20, 10).targets(["good cat"])[0]
    end, start = (
        loaded.tokenizer.convert_tokens_to_ids("</s>"),
        loaded.tokenizer.convert_tokens_to_ids("</s>" if name == "bart" else "<pad>"),
    )
    assert (ids[-1], model.end_id, model.start_id) == (end, end, start)
    assert ids.count(end) == 1
    assert model.pad_id == loaded.tokenizer.pad_token_id


def test_t5_without_a_start_token_starts_from_its_pad_token(plm_folders: Folders, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plm_folders["t5-gated"], tmp_path / "plm"))
    config = json.loads((folder / "config.json").read_text())
    del config["decoder_start_token_id"]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").unlink()
    assert TextModel(load_plm(folder)).start_id == 0


@each_class
@pytest.mark.parametrize(
    "elements", [("adapter",), ("prompt",), ("prefix",), ("plm", "adapter", "prompt", "prefix")], ids="+".join
)
def test_a_run_in_a_bank_gives_what_it_gives_alone(plm_folders: Folders, name: str, elements: tuple[str, ...]) -> None:
    """With dropout, whose masks are the run's own."""
    folder = plm_folders[name]
    model, batch = model_of(folder, elements, dropout=0.3).train(), batch_of(folder)
    named = model.owned_by(elements)
    together, keys = StackedParameters.repeated(named, RUNS, model.owner), torch.tensor([3, 4], dtype=torch.int32)
    losses = run_losses(model, together.views, batch, keys=keys, masking=CoordinateDropout)
    gradients = together.gradients(losses)
    for run in range(RUNS):
        alone = StackedParameters.repeated(named, 1, model.owner)
        loss = run_losses(model, alone.views, own(batch, run), keys=keys[run : run + 1], masking=CoordinateDropout)
        torch.testing.assert_close(loss[0], losses[run], rtol=1e-5, atol=1e-5)
        for element, gradient in alone.gradients(loss).items():
            torch.testing.assert_close(gradient[0], gradients[element][run], rtol=1e-3, atol=1e-4)
            assert gradient.abs().max() > 0
    off = run_losses(model.eval(), together.views, batch)
    assert not torch.allclose(losses, off)


@each_class
def test_passes_in_bfloat16_stay_near(plm_folders: Folders, name: str) -> None:
    model, batch = model_of(plm_folders[name], ("adapter", "prompt", "prefix")), batch_of(plm_folders[name])
    values = {n: p.expand(RUNS, *p.shape) for n, p in model.named_parameters() if model.owner(n) != "plm"}
    exact = run_losses(model, values, batch)
    model.precision = "bfloat16"
    near = run_losses(model, values, batch)
    assert near.dtype == torch.float32
    assert not torch.equal(near, exact)
    torch.testing.assert_close(near, exact, rtol=0.2, atol=0.1)


@each_class
def test_dropout_0_is_none_at_all(plm_folders: Folders, name: str) -> None:
    model, batch = model_of(plm_folders[name], ("plm",)), batch_of(plm_folders[name])
    values = {n: p.expand(RUNS, *p.shape) for n, p in model.named_parameters()}
    keys = torch.zeros(RUNS, dtype=torch.int32)
    trained = run_losses(model.train(), values, batch, keys=keys, masking=CoordinateDropout)
    assert torch.equal(trained, run_losses(model.eval(), values, batch))


@each_class
def test_every_parameter_belongs_to_its_element(plm_folders: Folders, name: str) -> None:
    """What elements add is theirs; what was there is the PLM's."""
    before = {f"plm.{n}" for n, _ in load_plm(plm_folders[name]).model.named_parameters()}
    model = model_of(plm_folders[name], ("adapter", "prompt", "prefix"))
    found: dict[str, set[str]] = {}
    for parameter, _ in model.named_parameters():
        found.setdefault(model.owner(parameter), set()).add(parameter)
    assert found.keys() == {"plm", "adapter", "prompt", "prefix"}
    assert found["plm"] == before
    bottlenecks = [p for n, p in model.named_parameters() if n.endswith("adapter_up.weight")]
    assert {tuple(p.shape) for p in bottlenecks} == {(16, SIZES.adapter.bottleneck)}
    assert len(bottlenecks) == 2 * (2 + 3)


@each_class
@pytest.mark.parametrize("element", ["adapter", "prompt", "prefix"])
def test_elements_are_saved_and_read(plm_folders: Folders, name: str, element: str, tmp_path: Path) -> None:
    folder, batch = plm_folders[name], batch_of(plm_folders[name], 1)
    saved, other = model_of(folder, (element,)), model_of(folder, (element,))
    values = {n: p + 0.3 * torch.randn(p.shape) for n, p in saved.owned_by((element,))}
    save_tensors(tmp_path / "element.safetensors", values)
    before = loss_of(other, element, batch)
    load_into(other, tmp_path / "element.safetensors", element)
    after = run_losses(saved, {n: v[None] for n, v in values.items()}, batch)
    assert torch.equal(loss_of(other, element, batch), after)
    assert not torch.allclose(before, after)


def loss_of(model: TextModel, element: str, batch: Batch) -> Tensor:
    return run_losses(model, {n: p[None] for n, p in model.owned_by((element,))}, batch)


def test_an_element_of_another_model_is_refused(plm_folders: Folders, tmp_path: Path) -> None:
    bart, t5 = (model_of(plm_folders[name], ("adapter",)) for name in ("bart", "t5-gated"))
    save_tensors(tmp_path / "adapter.safetensors", dict(bart.owned_by(("adapter",))))
    with pytest.raises(
        DataError,
        match="does not fit the adapter of this model: .* and [0-9]+ more missing, unexpected or of another shape",
    ):
        load_into(t5, tmp_path / "adapter.safetensors", "adapter")


def test_prompts_begin_as_ordinary_entries(plm_folders: Folders) -> None:
    """No special token, no sentinel, no row that fills up the embedding."""
    for name in CLASSES:
        loaded = load_plm(plm_folders[name])
        entries, rows = ordinary_entries(loaded.tokenizer).tolist(), loaded.model.get_input_embeddings().weight.shape[0]
        left_out = [loaded.tokenizer.convert_ids_to_tokens(i) for i in range(len(loaded.tokenizer)) if i not in entries]
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if name == "bart" else ["<pad>", "</s>", "<unk>"]
        assert left_out[: len(special)] == special
        assert len(left_out) == len(special) + (0 if name == "bart" else SENTINELS)
        assert all("extra_id" in token for token in left_out[len(special) :])
        assert rows - 1 - max(entries) == (0 if name == "bart" else SENTINELS + (FILLING if name == "mt5" else 0))


@each_class
def test_a_fresh_prompt_is_drawn_from_them_alone(plm_folders: Folders, name: str) -> None:
    loaded = load_plm(plm_folders[name])
    entries = ordinary_entries(loaded.tokenizer)
    embedding = loaded.model.get_encoder().get_input_embeddings()
    allowed = embedding(entries).detach()
    prompt = attach(loaded, ("prompt",), Elements(prompt=Prompt(length=len(entries))), 0).prompt
    assert prompt is not None
    same = (prompt.detach()[:, None] == allowed[None]).all(dim=-1)
    assert (same.sum(dim=0) == 1).all()
    assert (same.sum(dim=1) == 1).all()


@each_class
def test_a_prompt_of_the_first_entries_begins_as_nothing_else(plm_folders: Folders, name: str) -> None:
    loaded = load_plm(plm_folders[name])
    entries = ordinary_entries(loaded.tokenizer)
    first = entries[entries < 12]
    allowed = loaded.model.get_encoder().get_input_embeddings()(first).detach()
    prompt = attach(loaded, ("prompt",), Elements(prompt=Prompt(length=len(first), entries=12)), 0).prompt
    assert prompt is not None
    same = (prompt.detach()[:, None] == allowed[None]).all(dim=-1)
    assert (same.sum(dim=0) == 1).all()
    loaded = load_plm(plm_folders[name])
    with pytest.raises(StudyError, match=rf"has {len(first)} ordinary entries among its first 12; allowed: no more"):
        attach(loaded, ("prompt",), Elements(prompt=Prompt(length=12, entries=12)), 0)


def test_the_draw_for_the_projects_own_bart_stays(plm_folder: Path) -> None:
    """Its special tokens are entries 0 to 4."""
    loaded = load_plm(plm_folder)
    drawn = torch.randperm(len(loaded.tokenizer) - 5, generator=torch.Generator().manual_seed(7))[:3] + 5
    expected = loaded.model.get_encoder().get_input_embeddings()(drawn)
    prompt = attach(loaded, ("prompt",), SIZES, 7).prompt
    assert prompt is not None
    assert torch.equal(prompt.detach(), expected.detach())


def test_sizes_that_do_not_fit_are_refused(plm_folders: Folders) -> None:
    loaded = load_plm(plm_folders["t5-gated"])
    with pytest.raises(
        StudyError, match=r"elements.adapter.bottleneck: 3 is no bottleneck of a PLM with width 16; allowed: 1, 2, 4, 8"
    ):
        attach(loaded, ("adapter",), Elements(adapter=Adapter(bottleneck=3)), 0)
    loaded = load_plm(plm_folders["t5-gated"])
    with pytest.raises(
        StudyError, match=r"elements.prompt.length is 900, and the PLM's vocabulary has \d+ ordinary entries"
    ):
        attach(loaded, ("prompt",), Elements(prompt=Prompt(length=900)), 0)


def changed(folder: Path, copy: Path, tensors: Mapping[str, Tensor | None]) -> Path:
    """A copy of a model with these tensors replaced, or left out where None."""
    shutil.copytree(folder, copy)
    kept = {**load_file(copy / "model.safetensors"), **tensors}
    save_file({n: t for n, t in kept.items() if t is not None}, copy / "model.safetensors", {"format": "pt"})
    return copy


@each_class
def test_a_checkpoint_without_a_tensor_is_refused(plm_folders: Folders, name: str, tmp_path: Path) -> None:
    gone = sorted(n for n in load_file(plm_folders[name] / "model.safetensors") if "layer_norm" in n)[0]
    folder = changed(plm_folders[name], tmp_path / "plm", {gone: None})
    with pytest.raises(
        DataError, match=f"the weights at .* are not those of a .*: they lack {gone}\nSave the model again, whole"
    ):
        load_plm(folder)


@each_class
def test_a_checkpoint_with_more_tensors_is_refused(plm_folders: Folders, name: str, tmp_path: Path) -> None:
    folder = changed(
        plm_folders[name], tmp_path / "plm", {"stray.weight": torch.zeros(2), "stray.bias": torch.zeros(2)}
    )
    with pytest.raises(DataError, match=r"they have, and the model has not, stray.bias and 1 more"):
        load_plm(folder)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_weights_that_are_cut_short_are_told_from_other_weights(
    plm_folders: Folders, tmp_path: Path, share: float
) -> None:
    folder = Path(shutil.copytree(plm_folders["bart"], tmp_path / "plm"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: int(share * weights.stat().st_size)])
    with pytest.raises(DataError, match=r"is broken or cut short\. Copy or download it again\.") as caught:
        load_plm(folder)
    assert "priming convert" not in str(caught.value)


def test_a_checkpoint_with_other_shapes_is_refused(plm_folders: Folders, tmp_path: Path) -> None:
    folder = changed(plm_folders["t5-gated"], tmp_path / "plm", {"lm_head.weight": torch.zeros(3, 16)})
    with pytest.raises(DataError, match="cannot be read"):
        load_plm(folder)


def test_a_tokenizer_that_is_larger_than_the_model_is_refused(plm_folders: Folders, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plm_folders["t5-gated"], tmp_path / "plm"))
    shutil.copy(plm_folders["bart"] / "tokenizer.json", folder)
    with pytest.raises(DataError, match=r"has \d+ entries, the model \d+ embeddings; give the model its own tokenizer"):
        load_plm(folder)


def test_a_tokenizer_that_ends_no_text_is_refused(plm_folders: Folders, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plm_folders["t5-gated"], tmp_path / "plm"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**tokenizer, "post_processor": None}))
    with pytest.raises(DataError, match=r"does not end a text with the model's end token \(1\)"):
        load_plm(folder)


@pytest.mark.parametrize(
    ("name", "tokenizer_class"), [("t5-gated", "T5Tokenizer"), ("mt5", "MT5Tokenizer"), ("t5-tied", "T5Tokenizer")]
)
def test_a_tokenizer_that_is_a_sentencepiece_model_alone_is_read(
    plm_folders: Folders, name: str, tokenizer_class: str, tmp_path: Path
) -> None:
    """As most of T5's and mT5's folders on the hub have it; the ids are those of the sentencepiece library."""
    folder = Path(shutil.copytree(plm_folders[name], tmp_path / "plm"))
    for file in ("tokenizer.json", "special_tokens_map.json"):
        (folder / file).unlink()
    (tmp_path / "texts").write_text("\n".join(random_texts()))
    options = {
        "pad_id": 0,
        "eos_id": 1,
        "unk_id": 2,
        "bos_id": -1,
        "vocab_size": 26,
        "minloglevel": 2,
        "hard_vocab_limit": False,
    }
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "texts"), model_prefix=str(folder / "spiece"), **options
    )
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": tokenizer_class, "extra_ids": 0 if name == "mt5" else SENTINELS})
    )
    own = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    loaded = load_plm(folder)
    texts = [*random_texts(5), "cat", "  bird   sings"]
    assert TextTokenizer(loaded.tokenizer, 60, 60).inputs(texts) == [[*own.encode(text), 1] for text in texts]
    assert max(ordinary_entries(loaded.tokenizer).tolist()) == len(own) - 1


@pytest.mark.parametrize("kind", ["electra", "umt5"])
def test_another_kind_of_model_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(DataError, match=f"model type '{kind}' is not supported; allowed: bart, t5, mt5"):
        load_plm(tmp_path)


def test_code_in_the_folder_is_not_run(plm_folders: Folders, tmp_path: Path) -> None:
    folder, canary = Path(shutil.copytree(plm_folders["t5-gated"], tmp_path / "plm")), tmp_path / "canary"
    (folder / "code.py").write_text(f"open({str(canary)!r}, 'w').close()\n")
    for file, entry in (
        ("config.json", {"AutoConfig": "code.C", "AutoModelForSeq2SeqLM": "code.M"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["code.T", "code.T"]}),
    ):
        about = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**about, "auto_map": entry}))
    loaded = load_plm(folder)
    assert type(loaded.model).__name__ == "T5ForConditionalGeneration"
    assert not canary.exists()
