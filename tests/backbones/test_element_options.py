"""Every option of every element acts: two values of it give two results."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from priming.backbones.attachment import attach
from priming.backbones.encoding import shift_right
from priming.backbones.loading import load_plm
from priming.elements.adapter import AFTER_LAST
from priming.elements.sections import Elements
from priming.elements.table import ELEMENTS
from priming.section import Section
from tests.backbones.test_plm import batch_of
from tests.tiny_bart import SIZES
from tests.tiny_plms import CLASSES

NUMBERS = {
    "adapter.bottleneck": (2, 4, 8),
    "prompt.length": (1, 2, 5),
    "prompt.entries": (10, 12, 60),
    "prefix.length": (1, 2, 5),
    "prefix.deviation": (0.02, 1.0, 2.0),
    "lora.rank": (1, 2, 5),
    "lora.alpha": (1.0, 8.0, 16.0),
    "lora.attention": (["q"], ["v"], ["q", "k", "v"]),
    "lora.feed_forward": (False, True),
}
"""Values of the options that are numbers; those of all others are listed by their type."""
STARTS = ("prompt.init", "prompt.entries", "prefix.deviation")
"""Options of the values at which elements begin, which are the same model at other values."""


def options() -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Each option of each element, with its values."""
    for element, section in Elements.model_fields.items():
        if ELEMENTS[element].needless_with == "decode":
            continue  # it has no place in models that write; tests/forms try it on encoders
        kind = section.annotation
        assert isinstance(kind, type)
        assert issubclass(kind, Section), f"elements.{element} is an option itself: give it a case here"
        for option, field in kind.model_fields.items():
            if element == "adapter" and option in ("place", *AFTER_LAST):
                continue  # for encoders: tests/backbones/test_after_last.py
            choices = (
                get_args(field.annotation)
                if get_origin(field.annotation) is Literal
                else NUMBERS.get(f"{element}.{option}", ())
            )
            yield element, option, choices


def logits(folder: Path, element: str, option: str, value: Any) -> Tensor:
    """With parameters drawn from a seed of their names, so that those of the same names and shapes are the same; for an
    option of the start, as they begin.
    """
    settings = SIZES.model_copy(update={element: getattr(SIZES, element).model_copy(update={option: value})})
    model = attach(load_plm(folder, dropout=0.0), (element,), settings, 0).requires_grad_(False).eval()
    batch, drawn = batch_of(folder, 1), torch.Generator()
    own = () if f"{element}.{option}" in STARTS else model.owned_by((element,))
    values = {n: 0.3 * torch.randn(p.shape, generator=drawn.manual_seed(sum(map(ord, n)))) for n, p in own}
    decoder_ids = shift_right(batch.labels, model.start_id, model.pad_id)[0]
    return functional_call(model, values, (batch.input_ids[0], batch.mask[0], decoder_ids))


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize(
    ("element", "option", "choices"), list(options()), ids=lambda part: part if isinstance(part, str) else ""
)
def test_each_value_gives_other_logits(
    plm_folders: Mapping[str, Path], name: str, element: str, option: str, choices: tuple[Any, ...]
) -> None:
    assert len(choices) > 1, f"give elements.{element}.{option} two values in NUMBERS"
    found = {str(value): logits(plm_folders[name], element, option, value) for value in choices}
    for one, other in combinations(map(str, choices), 2):
        assert (found[one] - found[other]).abs().max() > 1e-2, f"{option}: {one} and {other} give the same"


def test_every_element_has_options() -> None:
    """Guards the test above: it finds what there is."""
    assert {f"{element}.{option}" for element, option, _ in options()} >= {
        "adapter.config",
        "adapter.nonlinearity",
        *NUMBERS,
    }
