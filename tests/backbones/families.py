"""A tiny model of every family with elements, and losses of several runs of it with dropout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priming.backbones.attachment import attach
from priming.backbones.compute import Compute
from priming.backbones.encoding import IGNORE_INDEX, Batch
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.forms.label_training import TRAINING as LABEL
from priming.forms.loss import MEAN, run_losses
from priming.forms.tags_training import TRAINING as TAGS
from priming.forms.training import Loss
from priming.runs.dropout import CoordinateDropout
from priming.runs.parameters import Gradients, StackedParameters
from tests.tiny_bart import SIZES

FAMILIES = ("bart", "t5", "mt5", "bert", "roberta", "xlm-roberta", "gpt2", "llama", "qwen2")
ENCODERS, WITHOUT_PREFIX = {"bert", "roberta", "xlm-roberta"}, {"gpt2", "llama", "qwen2"}
LAYERS, DROPOUT = 2, 0.3
TOLERANCE = 2e-5
"""In float32, of the largest number of a gradient."""
Built = Callable[..., TextModel]


def build(folder: Path, family: str, *elements: str, dropout: float = DROPOUT, **compute: Any) -> TextModel:
    """In training mode; encoders have a head besides, and decoders no prefix."""
    left_out = {"prefix"} if family in WITHOUT_PREFIX else set()
    named = [e for e in elements if e not in left_out] + (["head"] if family in ENCODERS else [])
    model = attach(load_plm(folder, dropout=dropout), named, SIZES, 0, Compute(device="cpu", **compute))
    if model.head:
        model.head.fit([2], 1)
    return model.requires_grad_(False).train()


def form_of(model: TextModel) -> Loss:
    return MEAN if "decode" in model.backbone.passes else LABEL.loss(0.0, "mean")


def batch_of(model: TextModel, runs: int, tokens: int = 7) -> Batch:
    """Random tokens, some of them padding; an encoder's labels are a place, a class, and their number."""
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 250, (runs, 3, 7), generator=random)[..., :tokens]
    mask = torch.ones_like(ids)
    mask[:, 1, 4:] = 0
    labels = torch.randint(5, 250, (runs, 3, 4), generator=random)
    if "decode" not in model.backbone.passes:
        labels = torch.tensor([[0, 0, 2], [0, 1, 2], [0, 0, 2]]).expand(runs, -1, -1)
    return Batch(ids, mask, labels)


def tagged(batch: Batch) -> Batch:
    """A tag of two for each token instead of a class for each row."""
    tags = (batch.input_ids % 2).masked_fill(batch.mask == 0, IGNORE_INDEX)
    return Batch(batch.input_ids, batch.mask, torch.cat([batch.labels[..., [0, 2]], tags], dim=-1))


def losses_of(model: TextModel, parameters: StackedParameters, tokens: int = 7, tags: bool = False) -> Tensor:
    keys = torch.arange(3, 3 + parameters.runs, dtype=torch.int32)
    batch, form = batch_of(model, parameters.runs, tokens), form_of(model)
    if tags:
        batch, form = tagged(batch), TAGS.loss(0.0, "mean")
    return run_losses(model, parameters.views, batch, keys=keys, masking=CoordinateDropout, form=form)


def parameters_of(model: TextModel, runs: int) -> StackedParameters:
    """All parameters of all elements, different in each run and from the model's own."""
    random = torch.Generator().manual_seed(2)
    drawn = {
        n: p + 0.05 * torch.randn((runs, *p.shape), generator=random).to(p.dtype) for n, p in model.named_parameters()
    }
    return StackedParameters(drawn, model.owner)


def losses_and_gradients(model: TextModel, runs: int, tokens: int = 7, tags: bool = False) -> tuple[Tensor, Gradients]:
    parameters = parameters_of(model, runs)
    losses = losses_of(model, parameters, tokens, tags)
    return losses.detach(), parameters.gradients(losses)


def assert_alike(one: tuple[Tensor, Gradients], other: tuple[Tensor, Gradients], tolerance: float = TOLERANCE) -> None:
    """Losses and gradients, which are not 0."""
    torch.testing.assert_close(other[0], one[0], rtol=tolerance, atol=tolerance)
    assert one[1].keys() == other[1].keys()
    for element, gradient in one[1].items():
        assert gradient.abs().max() > 0, element
        most = tolerance * gradient.abs().max().item()
        torch.testing.assert_close(other[1][element], gradient, rtol=tolerance, atol=most)
