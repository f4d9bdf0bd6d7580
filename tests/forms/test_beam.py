"""Beam search side by side against Hugging Face's generate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from priming.backbones.attachment import attach
from priming.backbones.encoding import TextTokenizer, pad
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.forms.beam import beam_search
from priming.forms.decoding import encode, greedy
from priming.forms.prediction import Predictor
from tests.backbones.test_plm import model_of, reference
from tests.tiny_bart import SIZES
from tests.tiny_plms import CLASSES

Folders = Mapping[str, Path]
ROWS = [[5, 9, 13], [7, 8], [10, 11, 12, 13, 14], [20], [6, 6, 6, 21]]
FACTORS = (1.0, 0.9, 0.7)
LONGEST = 7


def inputs_of(model: TextModel) -> tuple[torch.Tensor, torch.Tensor]:
    ids = pad([[*row, model.end_id] for row in ROWS], model.pad_id)
    return ids, (ids != model.pad_id).long()


def outputs_of(ids: torch.Tensor, model: TextModel) -> list[list[int]]:
    """Each output up to its end token; generate fills up with end tokens where the pad token is 0."""
    rows = [[token for token in row if token != model.pad_id] for row in ids.tolist()]
    return [row[: row.index(model.end_id) + 1] if model.end_id in row else row for row in rows]


def frequent(plm_folder: Path, ids: torch.Tensor, mask: torch.Tensor) -> int:
    """A token that this random model generates often, but not first: as the end token it makes lengths differ."""
    generated = reference(plm_folder).generate(
        ids, attention_mask=mask, num_beams=2, max_length=LONGEST + 1, use_cache=False
    )[:, 1:]
    later = generated[:, 2:]
    return int(later[later != generated[:, :1]].mode().values)


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("penalty", [1.0, 0.0, 2.0])
@pytest.mark.parametrize("name", CLASSES)
def test_beam_search_equals_generate(plm_folders: Folders, name: str, width: int, penalty: float) -> None:
    model = model_of(plm_folders[name], ("plm",))
    ids, mask = inputs_of(model)
    model.plm.config.eos_token_id = end = frequent(plm_folders[name], ids, mask)
    stacked = {n: torch.stack([p * factor for factor in FACTORS]) for n, p in model.named_parameters()}
    runs = len(FACTORS)
    states, masks = encode(model, stacked, ids.expand(runs, -1, -1), mask.expand(runs, -1, -1))
    ours = beam_search(model, stacked, states, masks, LONGEST, width, penalty)
    options = {
        "num_beams": width,
        "early_stopping": False,
        "length_penalty": penalty,
        "max_length": LONGEST + 1,
        "eos_token_id": end,
    }
    lengths = set()
    for run, factor in enumerate(FACTORS):
        generated = reference(plm_folders[name], factor).generate(
            ids, attention_mask=mask, do_sample=False, use_cache=False, **options
        )[:, 1:]
        assert outputs_of(ours[run], model) == outputs_of(generated, model)
        lengths |= set(map(len, outputs_of(generated, model)))
    assert len(lengths) > 1 or penalty > 1, "the outputs are all of one length, which tests nothing of how beams end"


@pytest.mark.parametrize("name", CLASSES)
def test_greedy_equals_generate(plm_folders: Folders, name: str) -> None:
    model = model_of(plm_folders[name], ("plm",))
    ids, mask = inputs_of(model)
    stacked = {n: p[None] for n, p in model.named_parameters()}
    states, masks = encode(model, stacked, ids[None], mask[None])
    generated = reference(plm_folders[name]).generate(
        ids, attention_mask=mask, num_beams=1, do_sample=False, max_length=LONGEST + 1, use_cache=False
    )[:, 1:]
    for ours in (
        greedy(model, stacked, states, masks, LONGEST),
        beam_search(model, stacked, states, masks, LONGEST, 1),
    ):
        assert outputs_of(ours[0], model) == outputs_of(generated, model)


@pytest.mark.parametrize("element", ["adapter", "prompt", "prefix"])
def test_a_beam_finds_what_is_at_least_as_likely(plm_folders: Folders, element: str) -> None:
    """With elements, which generate knows nothing of: more beams find outputs of no lower score than fewer."""
    model = attach(load_plm(plm_folders["bart"]), (element,), SIZES, 0).requires_grad_(False).eval()
    ids, mask = inputs_of(model)
    stacked = {n: torch.stack([p, p + 0.2]) for n, p in model.owned_by((element,))}
    states, masks = encode(model, stacked, ids.expand(2, -1, -1), mask.expand(2, -1, -1))
    few, many = (
        scores(model, stacked, beam_search(model, stacked, states, masks, 3, width, 0.0), ids, mask)
        for width in (1, 64)
    )
    assert (many >= few - 1e-5).all()
    assert (many > few + 1e-3).any()


def scores(
    model: TextModel, stacked: dict[str, torch.Tensor], outputs: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """The summed log-probability of each output, an example at a time."""
    found = []
    for run in range(2):
        own = {n: v[run] for n, v in stacked.items()}
        for row, output in enumerate(outputs_of(outputs[run], model)):
            assert output
            decoder_ids = torch.tensor([[model.start_id, *output[:-1]]])
            logits = torch.func.functional_call(model, own, (ids[row : row + 1], mask[row : row + 1], decoder_ids))[0]
            found.append(logits.log_softmax(-1)[torch.arange(len(output)), torch.tensor(output)].sum())
    return torch.stack(found)


@pytest.mark.parametrize("name", ["bart", "mt5"])
@pytest.mark.parametrize("decoder", ["ranking", "greedy", "beam"])
def test_no_more_scores_at_once_than_allowed(
    plm_folders: Folders, name: str, decoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the outputs of the output layer and of the projection of nodes; fewer rows at once change no prediction."""
    model = model_of(plm_folders[name], ("adapter",))
    encoder = TextTokenizer(load_plm(plm_folders[name]).tokenizer, 20, LONGEST)
    stacked = {n: torch.stack([p, p + 0.2]) for n, p in model.owned_by(("adapter",))}
    rows, labels = [encoder.inputs(["red cat", "blue dog sings", "one", "good bird"])] * 2, ("good", "bad dog", "red")
    sizes: list[int] = []
    hook = model.plm.lm_head.register_forward_hook(
        lambda module, inputs, output: sizes.append(len(rows) * output.numel())
    )
    project = model.backbone.project

    def projected(plm: Any, states: Tensor) -> Tensor:
        logits = project(plm, states)
        sizes.append(len(rows) * logits.numel())
        return logits

    monkeypatch.setattr(model.backbone, "project", projected)
    vocabulary = model.plm.config.vocab_size
    ranked = len(labels) * max(map(len, encoder.targets(labels)))
    limit = 2 * len(rows) * vocabulary * {"ranking": ranked, "greedy": 1, "beam": 4}[decoder]
    found = [
        Predictor(model, encoder, logits=numbers).predict(stacked, rows, [labels] * 2, [decoder])
        for numbers in (1 << 28, limit)
    ]
    hook.remove()
    assert found[0] == found[1]
    assert max(sizes[-len(sizes) // 2 :]) <= limit < max(sizes)


def test_the_predictor_gives_the_beams_texts_whatever_the_chunks(plm_folders: Folders) -> None:
    model = model_of(plm_folders["mt5"], ("adapter",))
    tokenizer = load_plm(plm_folders["mt5"]).tokenizer
    encoder = TextTokenizer(tokenizer, 20, LONGEST)
    stacked = {n: torch.stack([p, p + 0.2]) for n, p in model.owned_by(("adapter",))}
    rows = [encoder.inputs(["red cat", "blue dog sings", "one"]), encoder.inputs(["two birds sing"])]
    whole = Predictor(model, encoder, beam=3).predict(stacked, rows, [None, ("good", "bad")], ["beam", "ranking"])
    small = Predictor(model, encoder, beam=3, at_once=6).predict(
        stacked, rows, [None, ("good", "bad")], ["beam", "ranking"]
    )
    assert whole == small
    assert [set(found) for found in whole] == [{"beam"}, {"beam", "ranking"}]
    ids, mask = pad(rows[1], model.pad_id), torch.ones(1, len(rows[1][0]), dtype=torch.long)
    own = {n: v[1:] for n, v in stacked.items()}
    output = beam_search(model, own, *encode(model, own, ids[None], mask[None]), LONGEST, 3)
    assert whole[1]["beam"] == [tokenizer.decode(output[0, 0], skip_special_tokens=True).strip()]
