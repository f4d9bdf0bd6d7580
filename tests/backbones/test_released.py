"""A PLM that comes with a prompt, from the checkpoint to logits and gradients; what does not fit is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import T5Config, T5ForConditionalGeneration

from priming.backbones.attachment import attach
from priming.backbones.brought import Brought, take_over
from priming.backbones.conversion import Source, convert
from priming.backbones.encoding import Batch
from priming.backbones.loading import load_plm
from priming.backbones.t5_released import taken_apart
from priming.backbones.text_model import TextModel
from priming.cli import app
from priming.elements.prefix import Prefix
from priming.elements.prompt import Prompt
from priming.elements.sections import Elements
from priming.errors import DataError
from priming.forms.loss import run_losses
from tests.backbones.released_t5 import LENGTH, TABLES, WRAPPED, Released, checkpoint, copied, inputs, released
from tests.tiny_plms import FILLING

SIZES = Elements(prompt=Prompt(length=LENGTH), prefix=Prefix(length=LENGTH))
META = f"model.{WRAPPED}"
"""What names begin with after meta-learning."""
each_shape = pytest.mark.parametrize("deep", [False, True], ids=["shallow", "deep"])


def element_of(deep: bool) -> str:
    return "prefix" if deep else "prompt"


def converted(given: Released, folder: Path, state: dict[str, Any] | None = None) -> Path:
    """The folder that its checkpoint is converted to; both are below `folder`."""
    convert(Source(str(given.like), None), folder / "made", checkpoint(state or given.state, folder / "a.ckpt"))
    return folder / "made"


def loaded(folder: Path, deep: bool, sizes: Elements = SIZES, seed: int = 0) -> TextModel:
    """The PLM of a folder with the element that it brings, in float64."""
    element = element_of(deep)
    return attach(load_plm(folder, dropout=0.0, brings=element), (element,), sizes, seed).double().eval()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, tuple[Released, Path]]:
    """A checkpoint of each shape, deep or not, and the folder that it was converted to."""
    found = {}
    for deep in (False, True):
        folder = tmp_path_factory.mktemp(element_of(deep))
        given = released(folder / "like", deep)
        found[deep] = given, converted(given, folder)
    return found


Both = Mapping[bool, tuple[Released, Path]]


@pytest.mark.usefixtures("float64_throughout")
def test_the_plain_reference_is_t5(tmp_path: Path) -> None:
    """Without a prompt, against transformers' model."""
    given = released(tmp_path / "like", deep=False)
    ids, mask, outputs = inputs(given.entries)
    theirs = T5ForConditionalGeneration(T5Config.from_pretrained(given.like)).double().eval()
    theirs.load_state_dict(given.plain)
    found = theirs(input_ids=ids, attention_mask=mask, decoder_input_ids=outputs).logits
    torch.testing.assert_close(given.logits(ids, mask, outputs, prompt=[]), found, rtol=1e-9, atol=1e-9)


@each_shape
@pytest.mark.usefixtures("float64_throughout")
def test_logits_are_those_of_the_plain_reference(both: Both, deep: bool) -> None:
    given, folder = both[deep]
    ids, mask, outputs = inputs(given.entries)
    with torch.no_grad():
        ours = loaded(folder, deep)(ids, mask, outputs)
    expected = given.logits(ids, mask, outputs)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)
    without = given.logits(ids, mask, outputs, prompt=[])
    assert (expected - without).abs().max() > 1e-2 * without.abs().max(), "the prompt makes no difference"


@each_shape
@pytest.mark.parametrize("wrapped", [META, ""], ids=["meta", "plain"])
def test_names_may_begin_with_those_of_other_wrappers(both: Both, tmp_path: Path, deep: bool, wrapped: str) -> None:
    given = released(tmp_path / "like", deep, wrapped)
    found = taken_apart(given.state, T5Config.from_pretrained(given.like), given.entries, "a file")
    assert found is not None
    folder = both[deep][1]
    for ours, file in ((found.plain, "model"), (found.values, element_of(deep))):
        saved = load_file(folder / f"{file}.safetensors")
        assert ours.keys() == saved.keys()
        assert all(torch.equal(value, saved[name]) for name, value in ours.items())


@each_shape
@pytest.mark.usefixtures("float64_throughout")
def test_it_is_tuned_from_there_by_the_gradients_of_the_plain_reference(both: Both, deep: bool) -> None:
    """Two runs side by side, one from the prompt and one from half of it; by autograd of what is written out."""
    given, folder = both[deep]
    model = loaded(folder, deep).requires_grad_(False)
    ids, mask, outputs = inputs(given.entries)
    labels = torch.cat([outputs[:, 1:], torch.ones_like(outputs[:, :1])], dim=1)
    batch = Batch(*(tensor.expand(2, *tensor.shape) for tensor in (ids, mask, labels)))
    own = model.owned_by((element_of(deep),))
    stacked = {name: torch.stack([value, value / 2]).requires_grad_() for name, value in own}
    losses = run_losses(model, stacked, batch)
    gradients = torch.autograd.grad(losses.sum(), list(stacked.values()))
    for run, factor in enumerate((1.0, 0.5)):
        prompt = [(factor * table.double()).requires_grad_() for table in given.prompt]
        loss = cross_entropy(given.logits(ids, mask, outputs, prompt).flatten(0, 1), labels.flatten())
        assert losses[run].item() == pytest.approx(loss.item(), rel=1e-10)
        for ours, theirs in zip(gradients, torch.autograd.grad(loss, prompt), strict=True):
            assert float((ours[run].reshape(theirs.shape) - theirs).norm()) < 1e-9 * float(theirs.norm())


@each_shape
def test_the_folder_is_a_plain_t5_and_a_file_of_the_prompt(both: Both, deep: bool) -> None:
    given, folder = both[deep]
    weights = load_file(folder / "model.safetensors")
    assert weights.keys() == given.plain.keys() - {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}
    assert all(torch.equal(value, given.plain[name]) for name, value in weights.items())
    theirs = T5ForConditionalGeneration.from_pretrained(folder)
    assert theirs.config.vocab_size == given.entries + FILLING
    values = load_file(folder / f"{element_of(deep)}.safetensors")
    names = [f"plm.prefix_tunings.{kind}_prefix" for kind in ("encoder", "self", "cross")] if deep else ["prompt"]
    assert values.keys() == set(names)
    assert all(torch.equal(values[name], table) for name, table in zip(names, given.prompt, strict=True))
    note = json.loads((folder / "conversion.json").read_text())
    assert note["brings"] == {"element": element_of(deep), "length": LENGTH}
    assert (note["source"], note["checkpoint"]) == (str(given.like), str(folder.parent / "a.ckpt"))
    assert note["converted"].keys() == {"model.safetensors", f"{element_of(deep)}.safetensors"}


Change = Callable[[dict[str, Tensor], int], None]


def cut_embedding(state: dict[str, Tensor], entries: int) -> None:
    for name in [name for name in state if name.endswith(".embed.weight")]:
        state[name] = state[name][:entries]


def cut_head(state: dict[str, Tensor], entries: int) -> None:
    state[f"{WRAPPED}lm_head.weight"] = state[f"{WRAPPED}lm_head.weight"][:entries]


def one_table(state: dict[str, Tensor], entries: int) -> None:
    for name in [name for name in state if name.endswith(".embed.weight")]:
        prompt = state.pop(name.replace(".embed.", ".new_embed."))
        state[name.replace(".embed.weight", ".weight")] = torch.cat([state.pop(name)[:entries], prompt])


def one_table_and_cut_head(state: dict[str, Tensor], entries: int) -> None:
    one_table(state, entries)
    cut_head(state, entries)


@pytest.mark.parametrize("change", [cut_embedding, cut_head, one_table, one_table_and_cut_head])
@pytest.mark.usefixtures("float64_throughout")
def test_logits_are_over_the_rows_of_the_output_layer(both: Both, tmp_path: Path, change: Change) -> None:
    """However long the embedding is; ids that the tokenizer has not are no inputs."""
    given, folder = both[False]
    state = dict(given.state)
    change(state, given.entries)
    found = taken_apart(state, T5Config.from_pretrained(given.like), given.entries, "a file")
    assert found is not None
    head = state[f"{WRAPPED}lm_head.weight"]
    assert (found.element, found.vocabulary) == ("prompt", len(head))
    changed = copied(folder, tmp_path / "changed")
    save_file(found.plain, changed / "model.safetensors", {"format": "pt"})
    Brought("prompt", found.values, "a file").save(changed)
    config = json.loads((changed / "config.json").read_text())
    (changed / "config.json").write_text(json.dumps(config | {"vocab_size": found.vocabulary}))
    ids, mask, outputs = inputs(given.entries)
    with torch.no_grad():
        ours = loaded(changed, deep=False)(ids, mask, outputs)
    torch.testing.assert_close(ours, given.logits(ids, mask, outputs)[..., : len(head)], rtol=1e-9, atol=1e-9)


def test_the_configuration_says_how_many_rows_there_are(tmp_path: Path) -> None:
    given = released(tmp_path / "like", deep=False)
    state = dict(given.state)
    one_table_and_cut_head(state, given.entries)
    folder = converted(given, tmp_path, state)
    assert json.loads((folder / "config.json").read_text())["vocab_size"] == given.entries
    assert torch.equal(load_file(folder / "prompt.safetensors")["prompt"], given.prompt[0])


def test_a_checkpoint_without_a_prompt_brings_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The authors' own continued pretraining without a prompt stores one of no vectors."""
    given = released(tmp_path / "like", deep=False, length=0)
    app.convert(str(checkpoint(given.state, tmp_path / "a.ckpt")), tmp_path / "made", None, str(given.like))
    assert capsys.readouterr().out == f"written: {tmp_path / 'made'}\n"
    assert load_plm(tmp_path / "made").brought is None
    fresh = [attach(load_plm(tmp_path / "made"), ("prompt",), SIZES, 5).prompt for _ in range(2)]
    embedded = {tuple(row.tolist()) for row in given.plain["shared.weight"]}
    assert fresh[0] is not None
    assert {tuple(row.tolist()) for row in fresh[0].detach()} <= embedded
    assert torch.equal(*fresh)  # type: ignore[arg-type]


def test_the_command_says_what_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = released(tmp_path / "like", deep=True)
    file = checkpoint(given.state, tmp_path / "a.ckpt")
    app.convert(str(file), tmp_path / "made", None, str(given.like))
    assert capsys.readouterr().out == (
        f"written: {tmp_path / 'made'}\n"
        f"it brings a prefix of {LENGTH} vectors: write 'brings: prefix' beside its path, and\n"
        f"elements.prefix.length: {LENGTH}\n"
    )
    with pytest.raises(DataError, match=r"a.ckpt has neither configuration nor tokenizer; add --like"):
        app.convert(str(file), tmp_path / "again", None)
    with pytest.raises(DataError, match=r"like is no file of a checkpoint, or not there; remove --like"):
        app.convert(str(given.like), tmp_path / "again", None, str(given.like))


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.canary}",)


@pytest.mark.parametrize("place", ["state_dict", "callbacks"])
def test_a_checkpoint_that_runs_something_is_refused_and_does_not(tmp_path: Path, place: str) -> None:
    given = released(tmp_path / "like", deep=False)
    bomb = Bomb(tmp_path / "canary")
    file = checkpoint({**given.state, "more": bomb} if place == "state_dict" else given.state, tmp_path / "a.ckpt")
    if place == "callbacks":
        torch.save({"state_dict": given.state, "callbacks": bomb}, file)
    with pytest.raises(DataError, match="a.ckpt was not converted: it is broken, or holds more than tensors"):
        convert(Source(str(given.like), None), tmp_path / "made", file)
    assert not (tmp_path / "canary").exists()
    assert not (tmp_path / "made").exists()
    torch.load(file, weights_only=False)
    assert (tmp_path / "canary").exists(), "this canary never sings"


ENCODER, DECODER, CROSS = (f"{WRAPPED}{name}.weight" for name in TABLES)
NEW, LAST = f"{WRAPPED}shared.new_embed.weight", f"{WRAPPED}encoder.final_layer_norm.weight"


@pytest.mark.parametrize(
    ("deep", "gone", "more", "message"),
    [
        (True, CROSS, {}, r"has encoder.prefix_embed.weight, and lacks decoder.prefix_embed_cross.weight; wanted: "),
        (True, "", {ENCODER: (12, 70)}, r"encoder.prefix_embed.weight has shape \(12, 70\), .* takes \(12, 72\)"),
        (True, "", {DECODER: (9, 108)}, r"decoder.prefix_embed.weight has shape \(9, 108\), .* takes \(12, 108\)"),
        (True, "", {NEW: (12, 16)}, r"has both a shallow prompt and a deep one \(encoder.prefix_embed.weight\)"),
        (False, "", {"head.weight": (2, 2)}, r"has head.weight, .* own tensors begin with 'transformer.model.'"),
        (False, "", {f"{WRAPPED}decoder.embed_tokens.new_embed.weight": (12, 16)}, r"same table as shared.new_embed"),
        (False, "", {f"{WRAPPED}shared.weight": (12, 16)}, r"has two embeddings, shared.weight or shared.embed.weight"),
        (False, "", {f"{WRAPPED}lm_head.weight": (9, 16)}, r"lm_head.weight has fewer rows than the tokenizer's \d+"),
        (False, LAST, {}, r"has a prompt, and no encoder.final_layer_norm.weight; give a checkpoint that has the who"),
    ],
)  # fmt: skip
def test_a_prompt_that_is_not_whole_is_refused(
    tmp_path: Path, deep: bool, gone: str, more: dict[str, tuple[int, ...]], message: str
) -> None:
    given = released(tmp_path / "like", deep)
    state = {name: value for name, value in given.state.items() if name != gone}
    state |= {name: torch.randn(shape) for name, shape in more.items()}
    with pytest.raises(DataError, match=f"^a file.*{message}"):
        taken_apart(state, T5Config.from_pretrained(given.like), given.entries, "a file")


@pytest.mark.parametrize(
    ("deep", "gone", "more", "message"),
    [
        (True, "", f"{WRAPPED}encoder.prefix_embed.0.weight", r"they have, .* encoder.prefix_embed.0.weight"),
        (True, f"{WRAPPED}encoder.block.0.layer.0.layer_norm.weight", "", r"they lack encoder.block.0.layer.0.lay"),
        (False, f"{WRAPPED}lm_head.weight", "", r"they lack lm_head.weight"),
    ],
)  # fmt: skip
def test_a_plm_that_is_not_whole_leaves_no_folder(
    tmp_path: Path, deep: bool, gone: str, more: str, message: str
) -> None:
    given = released(tmp_path / "like", deep)
    state = {name: value for name, value in given.state.items() if name != gone}
    with pytest.raises(DataError, match=f"the weights at {tmp_path}/a.ckpt are not those of a t5: {message}"):
        converted(given, tmp_path, state | ({more: torch.zeros(2, 2)} if more else {}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ckpt", "like"]


@each_shape
def test_another_element_or_none_is_refused(both: Both, tmp_path: Path, deep: bool) -> None:
    folder = both[deep][1]
    element, other = element_of(deep), element_of(not deep)
    with pytest.raises(DataError, match=rf"has {element}.safetensors .* says nothing of it; write 'brings: {element}'"):
        load_plm(folder)
    with pytest.raises(DataError, match=rf"has {element}.safetensors .* 'brings: {other}'; write 'brings: {element}'"):
        load_plm(folder, brings=other)
    two = copied(folder, tmp_path / "two")
    (two / f"{other}.safetensors").write_bytes((folder / f"{element}.safetensors").read_bytes())
    with pytest.raises(DataError, match=r"has prompt.safetensors and prefix.safetensors .*; leave one of them there"):
        load_plm(two, brings=element)
    none = copied(folder, tmp_path / "none")
    (none / f"{element}.safetensors").unlink()
    with pytest.raises(DataError, match=rf"has no {element}.safetensors beside its weights, and the study says"):
        load_plm(none, brings=element)


@each_shape
def test_what_does_not_fit_is_refused(both: Both, tmp_path: Path, deep: bool) -> None:
    folder, element = copied(both[deep][1], tmp_path / "made"), element_of(deep)
    file = folder / f"{element}.safetensors"
    shorter = Elements(prompt=Prompt(length=5), prefix=Prefix(length=5))
    key = f"elements.{element}.length"
    with pytest.raises(DataError, match=rf"{file} has 12 vectors in .*, and {key} is 5; write {key}: 12"):
        loaded(folder, deep, shorter)
    values = load_file(file)
    last = list(values)[-1]
    for changed, message in (
        ({name: value for name, value in values.items() if name != last}, f"lacks {last}; wanted: "),
        ({**values, "more": torch.zeros(2, 2)}, f"has more, which no {element} of this PLM has; wanted: "),
        ({**values, last: values[last][:, :8]}, rf"has {last} of shape \(12, 8\), and this PLM takes \(vectors, \d+\)"),
        ({**values, last: values[last].flatten()}, rf"has {last} of shape \(\d+,\), and this PLM takes"),
        (
            {**values, last: values[last] / 0},
            f"has numbers in {last} that are not finite; convert the checkpoint again",
        ),
    ):
        save_file({name: value.contiguous() for name, value in changed.items()}, file)
        with pytest.raises(DataError, match=message):
            loaded(folder, deep)
    file.write_bytes(b"no tensors")
    with pytest.raises(DataError, match=rf"{file} cannot be read \(.*\); copy or download it again"):
        loaded(folder, deep)


def test_tables_of_different_lengths_are_refused(both: Both, tmp_path: Path) -> None:
    folder = copied(both[True][1], tmp_path / "made")
    file = folder / "prefix.safetensors"
    values = load_file(file)
    last = list(values)[-1]
    save_file({**values, last: values[last][:5].contiguous()}, file)
    with pytest.raises(DataError, match="has tables of 5 and 12 vectors, and all have as many; it is broken"):
        loaded(folder, deep=True)


def test_a_prompt_on_the_hub_is_fetched_where_one_is_expected(both: Both, tmp_path: Path) -> None:
    """A cache that was filled before stands in for the hub."""
    cached, commit = tmp_path / "home/hub/models--somebody--released", "0123456789abcdef0123456789abcdef01234567"
    copied(both[False][1], cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs/stable").write_text(commit)
    script = """
from priming.backbones.loading import load_plm
from priming.errors import DataError
print(tuple(load_plm("somebody/released", "stable", brings="prompt").brought.values["prompt"].shape))
try:
    load_plm("somebody/released", "stable", brings="prefix")
except DataError as error:
    print(error)
"""
    offline = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **offline}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    shape, message = done.stdout.splitlines()
    assert shape == f"({LENGTH}, 16)"
    assert message.startswith("the PLM at somebody/released has no prefix.safetensors beside its weights, and")


def test_nothing_is_changed_where_one_tensor_is_wrong(both: Both) -> None:
    """The last of three tables is too narrow; the first two fit."""
    model = loaded(both[True][1], deep=True)
    before = {name: value.detach().clone() for name, value in model.owned_by(("prefix",))}
    shapes = {name: (LENGTH, value.numel() // LENGTH) for name, value in before.items()}
    last = list(before)[-1]
    values = {name: torch.zeros(rows, width - (name == last)) for name, (rows, width) in shapes.items()}
    with pytest.raises(DataError, match=f"a file has {last} of shape"):
        take_over(model, Brought("prefix", values, "a file"), SIZES.of("prefix"))
    assert all(torch.equal(value, before[name]) for name, value in model.owned_by(("prefix",)))
