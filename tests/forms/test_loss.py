"""Forms of the loss against their formulas, written out token by token."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from priming.backbones.encoding import IGNORE_INDEX, Batch, shift_right
from priming.backbones.text_model import TextModel
from priming.forms.loss import LossForm, run_losses
from priming.runs.parameters import StackedParameters
from tests.backbones.test_plm import RUNS, batch_of, model_of, own

FORMS = [LossForm(smoothing, reduction) for smoothing in (0.0, 0.1) for reduction in ("mean", "sum")]
each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.reduction}-{form.smoothing}")


def by_hand(model: TextModel, values: Mapping[str, Tensor], batch: Batch, form: LossForm) -> Tensor:
    """Each token: (1 - e) (-log p of the target), and e / V times the sum over the vocabulary of -log p."""
    logits = functional_call(
        model,
        dict(values),
        (batch.input_ids[0], batch.mask[0], shift_right(batch.labels, model.start_id, model.pad_id)[0]),
    )
    losses = []
    for example, labels in zip(logits, batch.labels[0], strict=True):
        for position, label in zip(example, labels.tolist(), strict=True):
            if label != IGNORE_INDEX:
                surprise = -(position.exp() / position.exp().sum()).log()
                losses.append((1 - form.smoothing) * surprise[label] + form.smoothing / len(position) * surprise.sum())
    total = torch.stack(losses).sum()
    return total if form.reduction == "sum" else total / len(losses)


@each_form
@pytest.mark.parametrize("runs", [1, RUNS])
def test_losses_and_gradients_are_those_of_the_formula(
    plm_folders: Mapping[str, Path], form: LossForm, runs: int
) -> None:
    model, batch = model_of(plm_folders["bart"], ("plm", "adapter")).double(), batch_of(plm_folders["bart"], runs)
    assert (batch.labels == IGNORE_INDEX).any()
    factors = torch.tensor([1.0, 0.9], dtype=torch.float64)[:runs]
    parameters = StackedParameters(
        {n: torch.stack([p * factor for factor in factors]) for n, p in model.named_parameters()}, model.owner
    )
    losses = run_losses(model, parameters.views, batch, form=form)
    gradients = torch.autograd.grad(losses.sum(), list(parameters.views.values()))
    for run in range(runs):
        values = {n: view.detach()[run].clone().requires_grad_() for n, view in parameters.views.items()}
        loss = by_hand(model, values, own(batch, run), form)
        torch.testing.assert_close(losses[run], loss, rtol=1e-9, atol=1e-9)
        for ours, theirs in zip(gradients, torch.autograd.grad(loss, list(values.values())), strict=True):
            torch.testing.assert_close(ours[run], theirs, rtol=1e-7, atol=1e-9)


def test_the_sum_grows_with_the_batch_and_the_mean_does_not(plm_folders: Mapping[str, Path]) -> None:
    model, batch = model_of(plm_folders["t5-gated"], ("adapter",)).double(), batch_of(plm_folders["t5-gated"], 1)
    twice = Batch(*(torch.cat([t, t], dim=1) for t in (batch.input_ids, batch.mask, batch.labels)))
    values = {n: p[None] for n, p in model.owned_by(("adapter",))}
    for reduction, factor in (("mean", 1), ("sum", 2)):
        once, doubled = (run_losses(model, values, b, form=LossForm(0.1, reduction)) for b in (batch, twice))
        torch.testing.assert_close(doubled, factor * once)
