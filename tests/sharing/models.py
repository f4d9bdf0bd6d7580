"""Tiny models of every family with elements of random values, written as folders that others open."""

from pathlib import Path
from typing import Any

import torch

from priming.backbones.attachment import attach
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.sections import Elements
from priming.sharing.fresh import FreshProcess
from priming.sharing.trying import Chosen, attached, write_elements, write_plm

SIZES: dict[str, Any] = {
    "adapter": {"bottleneck": 4},
    "prefix": {"length": 3},
    "prompt": {"length": 3},
    "lora": {"rank": 2, "feed_forward": True},
}
LABELS = ("red", "blue", "green")


def with_elements(folder: Path, *names: str, **sizes: Any) -> tuple[TextModel, Elements]:
    """The PLM in a folder with elements whose values do something."""
    options = Elements.model_validate(SIZES | sizes)
    model = attach(load_plm(folder), names, options, 0).requires_grad_(False)
    if model.head:
        model.head.fit([len(LABELS)], 1)
        model.requires_grad_(False)
    random = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if model.owner(name) != "plm":
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=random))
    return model.eval(), options


def exported(
    plm: Path,
    to: Path,
    fresh: FreshProcess,
    *names: str,
    by_word: bool = False,
    libraries: tuple[str, ...] = (),
    **sizes: Any,
) -> Chosen:
    """Write the PLM with elements to a new folder."""
    model, options = with_elements(plm, *names, **sizes)
    to.mkdir()
    write_plm(model, plm, to)
    elements = attached(model, {name: options.of(name) for name in names}, LABELS, by_word)
    return write_elements(elements, model, to, fresh, libraries)
