"""T5's prefix: seen by all, without bias, and moving no token; values and gradients as in test_library_models.py."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from transformers import AutoModelForSeq2SeqLM
from transformers.optimization import Adafactor

from priming.backbones.attachment import attach
from priming.backbones.encoding import shift_right
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.prefix import Prefix
from priming.elements.sections import Elements
from priming.forms.loss import run_losses
from priming.runs.parameters import StackedParameters
from priming.runs.update_rules.table import update_rule
from tests.backbones.library_models import library_model
from tests.backbones.test_plm import batch_of
from tests.tiny_bart import SIZES

Folders = Mapping[str, Path]
LENGTH = 12
"""More than the nearest distances, which have a bucket each: a shift by as many would show in every bias."""
each_t5 = pytest.mark.parametrize("name", ["t5-tied", "t5-gated", "mt5"])


def with_prefix(folder: Path, length: int = LENGTH) -> TextModel:
    return (
        attach(load_plm(folder, dropout=0.0), ("prefix",), Elements(prefix=Prefix(length=length)), 0)
        .requires_grad_(False)
        .eval()
    )


def values_of(model: TextModel, scale: float = 1.0) -> dict[str, Tensor]:
    torch.manual_seed(2)
    return {n: scale * torch.randn_like(p) for n, p in model.owned_by(("prefix",))}


@each_t5
@pytest.mark.filterwarnings("ignore:`past_key_value` is deprecated:FutureWarning")
def test_tokens_attend_to_tokens_as_they_do_without_a_prefix(plm_folders: Folders, name: str) -> None:
    """First layers have the same inputs: attention among tokens, against transformers' model without a prefix."""
    model, batch = with_prefix(plm_folders[name]), batch_of(plm_folders[name], 1)
    plain = AutoModelForSeq2SeqLM.from_pretrained(plm_folders[name], attn_implementation="eager").eval()
    ids, mask = batch.input_ids[0], batch.mask[0]
    decoder_ids = shift_right(batch.labels, model.start_id, model.pad_id)[0]
    for parameter, value in values_of(model, 0.1).items():
        model.get_parameter(parameter).copy_(value)
    inputs: dict[str, Any] = {
        "input_ids": ids,
        "attention_mask": mask,
        "decoder_input_ids": decoder_ids,
        "output_attentions": True,
    }
    ours = model.plm(**inputs, use_cache=False)
    theirs = plain(**inputs, use_cache=False)
    for kind in ("encoder_attentions", "decoder_attentions"):
        shares = getattr(ours, kind)[0]
        assert shares[..., :LENGTH].min() > 0, "some query does not see the prefix"
        of_tokens = shares[..., LENGTH:]
        torch.testing.assert_close(
            of_tokens / of_tokens.sum(-1, keepdim=True), getattr(theirs, kind)[0], rtol=1e-4, atol=1e-6
        )
    assert (ours.cross_attentions[0][..., :LENGTH] > 0).all()
    hidden = mask[:, None, None].expand_as(ours.cross_attentions[0][..., LENGTH:]) == 0
    assert hidden.any()
    assert (ours.cross_attentions[0][..., LENGTH:][hidden] == 0).all()


@each_t5
def test_padding_is_seen_by_none(plm_folders: Folders, name: str) -> None:
    model, batch = with_prefix(plm_folders[name]), batch_of(plm_folders[name], 1)
    changed = batch.input_ids[0].masked_fill(batch.mask[0] == 0, 3)
    assert not torch.equal(changed, batch.input_ids[0])
    decoder_ids = shift_right(batch.labels, model.start_id, model.pad_id)[0]
    values = values_of(model)
    one, other = (
        functional_call(model, values, (ids, batch.mask[0], decoder_ids)) for ids in (batch.input_ids[0], changed)
    )
    assert torch.equal(one, other)


@each_t5
@pytest.mark.usefixtures("float64_throughout")
def test_second_derivatives(plm_folders: Folders, name: str) -> None:
    """The gradient of the squared norm of a gradient, in a bank of two runs, and of the plain prefix run by run."""
    model, batch = with_prefix(plm_folders[name], SIZES.prefix.length).double(), batch_of(plm_folders[name])
    stacked = {n: torch.stack([v, v / 2]).requires_grad_() for n, v in values_of(model, 0.3).items()}
    first = torch.autograd.grad(run_losses(model, stacked, batch).sum(), list(stacked.values()), create_graph=True)
    second = torch.autograd.grad(sum(g.pow(2).sum() for g in first), list(stacked.values()))
    library = library_model(plm_folders[name], "prefix", SIZES)
    for run in range(2):
        own = {n: v[run].detach() for n, v in stacked.items()}
        library.load(own)
        loss = library(batch.input_ids[run], batch.mask[run], batch.labels[run].contiguous()).loss
        norm = sum(g.pow(2).sum() for g in torch.autograd.grad(loss, library.tuned, create_graph=True))
        for parameter, value in zip(library.tuned, torch.autograd.grad(norm, library.tuned), strict=True):
            parameter.grad = value
        expected = library.found(own, lambda parameter: parameter.grad)
        for parameter, value in zip(stacked, second, strict=True):
            assert float((value[run] - expected[parameter]).norm()) < 1e-9 * float(expected[parameter].norm())


def test_its_values_begin_as_widely_as_the_options_say(plm_folders: dict[str, Path]) -> None:
    drawn = {}
    for deviation in (0.02, 1.0):
        loaded = load_plm(plm_folders["t5-gated"])
        model = attach(loaded, ("prefix",), Elements(prefix=Prefix(length=20, deviation=deviation)), 0)
        drawn[deviation] = torch.cat([p.detach().flatten() for _, p in model.owned_by(("prefix",))])
        assert drawn[deviation].std().item() == pytest.approx(deviation, rel=0.05)
    assert torch.allclose(drawn[1.0] * 0.02, drawn[0.02])


@pytest.mark.usefixtures("float64_throughout")
def test_adafactor_sees_a_row_for_each_vector(plm_folders: dict[str, Path]) -> None:
    """Steps of transformers' Adafactor on tables [P x L·2·H], as Wu et al. (2022) have them, on the plain gradient."""
    model = with_prefix(plm_folders["t5-gated"]).double()
    batch = batch_of(plm_folders["t5-gated"], 1)
    tables = {n: torch.nn.Parameter(p.detach().clone().view(LENGTH, -1)) for n, p in model.owned_by(("prefix",))}
    theirs = Adafactor(tables.values(), lr=0.03, scale_parameter=False, relative_step=False, warmup_init=False)
    parameters = StackedParameters.repeated(model.owned_by(("prefix",)), 1, model.owner)
    ours, alive = update_rule("adafactor")({"prefix": torch.tensor([0.03])}), torch.ones(1, dtype=torch.bool)
    decoder = shift_right(batch.labels[0], model.start_id, model.pad_id)
    for _ in range(3):
        shaped = {n: table.view(parameters.views[n].shape[1:]) for n, table in tables.items()}
        logits = functional_call(model, shaped, (batch.input_ids[0], batch.mask[0], decoder))
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels[0].flatten()).backward()
        theirs.step()
        ours.step(parameters, parameters.gradients(run_losses(model, parameters.views, batch)), 1.0, alive)
    for name, table in tables.items():
        assert torch.allclose(parameters.views[name][0].detach().view(LENGTH, -1), table.detach(), atol=2e-5), name
