"""Writing a model as a folder that others open with equal logits: formats are tried until one is found that does."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch

from priming.backbones.attachment import BASE
from priming.backbones.loading import load_plm, save_plm
from priming.backbones.plm_folder import CONFIG
from priming.backbones.text_model import TextModel
from priming.errors import DataError
from priming.sharing.code import code
from priming.sharing.elements.table import shared
from priming.sharing.fresh import FreshProcess
from priming.sharing.interface import Attached, Format
from priming.sharing.questions import TOLERANCE, Questions, ask

NOISE = 0.1
_MISSING = "No module named 'peft'"


class Chosen(NamedTuple):
    """The formats of the elements by name, the largest difference of logits, and why others were not taken."""

    formats: tuple[tuple[str, Format], ...]
    difference: float
    refused: tuple[str, ...]


def write_plm(model: TextModel, plm_folder: Path, folder: Path, brings: str | None = None) -> None:
    """Write the PLM with the values that it has in a model, those of elements that are a part of it too."""
    loaded = replace(load_plm(plm_folder, brings=brings), brought=None)
    values = {name.removeprefix("plm."): value for name, value in model.named_parameters()}
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            parameter.copy_(values[name])
    save_plm(loaded, folder)
    config = json.loads((plm_folder / CONFIG).read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    known = config | {"architectures": [type(loaded.model).__name__], "dtype": "float32"}
    (folder / CONFIG).write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def attached(
    model: TextModel, options: Mapping[str, object], labels: tuple[str, ...] | None, by_word: bool
) -> list[Attached]:
    """The elements of a model besides the PLM."""
    names = [name for name in dict.fromkeys(model.owners.values()) if name != BASE]
    return [Attached(name, model, options.get(name), labels, by_word) for name in names]


def write_elements(
    elements: Sequence[Attached], model: TextModel, folder: Path, fresh: FreshProcess, libraries: Sequence[str] = ()
) -> Chosen:
    """Write elements beside the PLM in a folder, in the first formats that load with equal logits.

    Each is tried with other values too, since one whose values do little would load with nearly equal logits anyhow.

    Args:
        elements: those of the model.
        model: it has the values.
        folder: the PLM is there already.
        fresh: what opens it.
        libraries: the only ones that are allowed; all if there are none.

    Raises:
        DataError: none loads with equal logits.
    """
    refused: list[str] = []
    by_word = any(element.by_word for element in elements)
    for formats in _combinations(elements, libraries):
        named = tuple((element.name, form) for element, form in zip(elements, formats, strict=True))
        program = code(model, repr(str(folder)), named)
        with _other_values(elements):
            found = _tried(named, folder, program, ask(model, by_word), fresh)
        if elements and not isinstance(found, str):
            found = _tried(named, folder, program, ask(model, by_word), fresh)
        if not isinstance(found, str):
            return Chosen(named, found, tuple(refused))
        refused.append(f"{_said(named)}: {found}")
    names = ", ".join(element.name for element in elements) or "the PLM"
    raise DataError(f"{names}: no format loads with equal logits, so nothing is written. {'; '.join(refused)}")


def _combinations(elements: Sequence[Attached], libraries: Sequence[str]) -> Iterator[tuple[Format, ...]]:
    """Every choice of a format for each element, the preferred ones first."""
    formats = [
        [form for form in shared(element.name).formats(element) if not libraries or form.library in libraries]
        for element in elements
    ]
    for element, own in zip(elements, formats, strict=True):
        if not own:
            raise DataError(f"{element.name}: no format for {', '.join(libraries)}; leave --format out")
    for ranks in sorted(product(*(range(len(own)) for own in formats)), key=sum):
        yield tuple(own[rank] for own, rank in zip(formats, ranks, strict=True))


def _tried(
    formats: Sequence[tuple[str, Format]], folder: Path, program: str, questions: Questions, fresh: FreshProcess
) -> float | str:
    """The difference of logits of what is written in these formats, or why they are not to be taken."""
    for name, form in formats:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
        form.write(folder / name)
    logits = fresh.logits(program, questions.inputs)
    if isinstance(logits, str):
        return "PEFT is not installed (pip install peft)" if _MISSING in logits else logits.splitlines()[0]
    difference = questions.difference(logits)
    return difference if difference <= TOLERANCE else f"its logits differ by {difference:.1e} of the largest"


@contextmanager
def _other_values(elements: Sequence[Attached]) -> Iterator[None]:
    """Within it, elements have values that do more."""
    random = torch.Generator().manual_seed(0)
    own = [value for element in elements for value in element.tensors.values()]
    before = [value.clone() for value in own]
    for value in own:
        value.add_(NOISE * torch.randn(value.shape, generator=random).to(value))
    try:
        yield
    finally:
        for value, old in zip(own, before, strict=True):
            value.copy_(old)


def _said(formats: Sequence[tuple[str, Format]]) -> str:
    return ", ".join(f"{name} by {form.library}" for name, form in formats) or "PLM"
