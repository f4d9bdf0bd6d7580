"""States of a PLM that stays as it is, computed once a row: losses, answers and tuned weights as in the loop."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from priming.backbones.attachment import attach
from priming.backbones.encoding import TextTokenizer, TokenizedDataset, collate
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.adapter import Adapter
from priming.elements.table import ELEMENTS
from priming.forms.loss import run_losses
from priming.forms.rows import Example
from priming.forms.table import FORMS
from priming.forms.tags import sentence
from priming.forms.training import FormTraining, training_of
from priming.runs.parameters import StackedParameters
from priming.strategies import Strategy
from priming.study.plm import Plm
from priming.study.tuning import Grid, Scoring, Tuning
from priming.tasks.prepared import SPLITS, read_task, sample_file, write_prepared
from priming.training import known
from priming.training.known import Known
from priming.training.tuner import Tuner
from tests.tiny_bart import SIZES, WORDS
from tests.tiny_plms import save_generated_plm

TAGS = ("O", "B-PER", "I-PER")
AFTER = SIZES.model_copy(update={"adapter": Adapter(place="after_last", bottleneck=6, nonlinearity="gelu")})
LONGEST = 12


def rows(number: int, seed: int) -> list[Example]:
    """Sentences of two to nine words, some of which are cut; a word's tag depends on the word."""
    random, found = torch.Generator().manual_seed(seed), []
    for _ in range(number):
        size = int(torch.randint(2, 10, (1,), generator=random))
        drawn = [WORDS[int(i)] for i in torch.randint(len(WORDS), (size,), generator=random)]
        found.append(sentence(drawn, [TAGS[WORDS.index(word) % 2] for word in drawn]))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_generated_plm("bert", tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def model(folder: Path) -> TextModel:
    found = attach(load_plm(folder, dropout=0.0), ("adapter", "head"), AFTER, 0).requires_grad_(False).eval()
    ELEMENTS["head"].fit(found, [len(TAGS)], 3)
    return found


def encoded(model: TextModel, name: str) -> tuple[FormTraining, TokenizedDataset]:
    """Examples of tags, or of a label for each sentence."""
    form, texts = training_of(FORMS[name]), rows(20, 1)
    if name == "label":
        texts = [Example(row.input, (TAGS[len(row.input) % 3],)) for row in texts]
    return form, form.encoded(TextTokenizer(model.tokenizer, LONGEST, 4), texts, TAGS, 0)


@pytest.mark.parametrize("name", ["tags", "label"])
def test_losses_and_answers_are_those_of_the_loop(model: TextModel, name: str) -> None:
    form, data = encoded(model, name)
    stacked = StackedParameters.repeated(model.owned_by(("adapter", "head")), 2, model.owner).views
    runs, loss = form.runs(model, TextTokenizer(model.tokenizer, LONGEST, 4), Scoring()), form.loss(0.1, "mean")

    def found(given: TokenizedDataset) -> tuple[Tensor, list[list[str]]]:
        pairs = [(row, target[0]) for row, target in zip(given.inputs, given.targets, strict=True)]
        batch = collate([pairs[:10], pairs[10:]], model.pad_id)
        answers = runs.answer(stacked, [given.inputs] * 2, [TAGS] * 2, ["ranking"])
        return run_losses(model, stacked, batch, form=loss), [own.texts["ranking"] for own in answers]

    losses, answers = found(data)
    states = Known(model, form, data.inputs, None)
    with model.knowing(states.states):
        torch.testing.assert_close(found(states.data(data))[0], losses, rtol=1e-5, atol=1e-6)
        assert found(states.data(data))[1] == answers
    assert states.states.shape == (sum(len(form.states(row) or ()) for row in dict.fromkeys(data.inputs)), model.width)


def test_the_plm_runs_once_and_its_states_stay(
    model: TextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, data = encoded(model, "tags")
    first = Known(model, form, data.inputs, tmp_path)
    (file,) = tmp_path.iterdir()
    assert (first.found, file.stat().st_size) == (False, first.size)
    with monkeypatch.context() as patched:
        patched.delattr(TextModel, "below")
        again = Known(model, form, data.inputs, tmp_path)
    assert again.found
    assert torch.equal(first.states, again.states)
    with torch.no_grad():
        next(iter(dict(model.owned_by(("plm",))).values())).add_(1)
    assert not Known(model, form, data.inputs, tmp_path).found
    assert len(list(tmp_path.iterdir())) == 2


def test_the_files_used_longest_ago_make_room(
    model: TextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, data = encoded(model, "tags")
    for age, name in ((3, "old"), (1, "new")):
        (tmp_path / f"{name}.f32").write_bytes(b"x" * 100)
        os.utime(tmp_path / f"{name}.f32", (10_000 - age, 10_000 - age))
    size = Known(model, form, data.inputs, None).size
    monkeypatch.setattr(known, "LARGEST", size + 150)
    Known(model, form, data.inputs, tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert len(names) == 2
    assert "new.f32" in names


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A task of tags with its splits."""
    about = {"name": "t", "kind": "tagging", "labels": list(TAGS), "part": "target", "origin": "files"}
    files = {sample_file(1, split): rows(12, seed) for seed, split in enumerate(SPLITS)}
    write_prepared(tmp_path / "t", {**about, "metric": "entity_f1", "fidelity": None, "counts": {}}, files)
    return tmp_path / "t"


@pytest.mark.parametrize("text", ["none -> head", "none -> adapter+head"])
def test_a_sweep_is_that_of_the_loop(folder: Path, prepared: Path, text: str, tmp_path: Path) -> None:
    rates = Grid(adapter=[1e-2, 3e-3], head=[1e-2])
    tuning = Tuning(steps=12, evaluate_every=4, batch_sizes=[4], learning_rates=rates)
    scoring = Scoring(metric="entity_f1", metrics=["entity_f1"], decoders=["ranking"])
    plm = Plm(path=str(folder), max_input=LONGEST)
    once = Tuner(plm, folder, AFTER, Strategy.parse(text), tuning, scoring, 1, states=tmp_path / "states")
    task = read_task(prepared)
    (ours,), (theirs,) = (tuner.sweeps([task], [1]) for tuner in (once, replace(once, remembers=False, _held=[])))
    assert len(ours) == len(rates.of("adapter")) ** ("adapter" in text)
    for one, other in zip(ours, theirs, strict=True):
        assert [point["step"] for point in one.curve] == [0, 4, 8, 12]
        assert [point["dev"] for point in one.curve] == pytest.approx([point["dev"] for point in other.curve])
        losses = [[point["loss"] for point in run.curve[1:]] for run in (one, other)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
        for name, value in one.best.items():
            torch.testing.assert_close(value, other.best[name], rtol=1e-3, atol=1e-5)
    assert [file.suffix for file in (tmp_path / "states").iterdir()] == [".f32"]


def test_what_is_below_keeps_the_plm_in_the_loop(folder: Path, prepared: Path, tmp_path: Path) -> None:
    tuning = Tuning(steps=2, evaluate_every=2, batch_sizes=[4], learning_rates=Grid(plm=[1e-3], head=[1e-2]))
    scoring = Scoring(metric="entity_f1", metrics=["entity_f1"], decoders=["ranking"])
    plm = Plm(path=str(folder), max_input=LONGEST)
    tuner = Tuner(
        plm, folder, AFTER, Strategy.parse("none -> plm+head"), tuning, scoring, 1, states=tmp_path / "states"
    )
    tuner.sweeps([read_task(prepared)], [1])
    assert tuner.known is None
    assert not (tmp_path / "states").exists()
