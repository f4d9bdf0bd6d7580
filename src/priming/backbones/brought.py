"""An element that comes trained with a PLM: a prompt that was trained together with the weights.

It is a file beside them, `prompt.safetensors` or `prefix.safetensors`. Its tensors have the names of the element's
parameters, and a row for each vector: `prompt` [P x D]; in a T5 `plm.prefix_tunings.encoder_prefix` [P x L·2·H], with
keys before values in each layer, and likewise `self_prefix` and `cross_prefix`.

A folder that `priming export` wrote has any element so, in a folder of its own: `adapter/elements.safetensors`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers.utils.hub import cached_file

from priming.elements.table import BROUGHT
from priming.errors import DataError

if TYPE_CHECKING:
    from priming.backbones.text_model import TextModel

EXPORTED = "elements.safetensors"
_NAMED = 3
"""How many parameters a message names."""


@dataclass(frozen=True)
class Brought:
    """An element, its values by parameter name [P x ...], and what messages call the file that they are from."""

    element: str
    values: Mapping[str, Tensor]
    source: str

    @property
    def length(self) -> int | None:
        """P, its number of vectors; None if it consists of something else."""
        return len(next(iter(self.values.values()), ())) if self.element in BROUGHT else None

    def save(self, folder: Path) -> Path:
        """Write it in float32 beside the weights in a folder."""
        file = folder / file_of(self.element)
        save_file({name: value.float().contiguous() for name, value in self.values.items()}, file, {"format": "pt"})
        return file


def file_of(element: str) -> str:
    """The name of its file."""
    return f"{element}.safetensors"


def brought_by(folder: str | Path, revision: str | None, expected: str | None) -> Brought | None:
    """What the PLM in a folder, or on the hub, brings: the element that is expected of it, or nothing.

    Raises:
        DataError: it brings another, none where one is expected, or one where none is; or the file is broken.
    """
    found = _files(folder, revision, expected)
    if list(found) != [expected] * (expected is not None):
        raise DataError(_mistaken(folder, [file_of(element) for element in found], next(iter(found), ""), expected))
    if expected is None:
        return None
    try:
        return Brought(expected, load_file(found[expected]), str(found[expected]))
    except (OSError, SafetensorError) as error:
        raise DataError(f"{found[expected]} cannot be read ({error}); copy or download it again") from None


def _files(folder: str | Path, revision: str | None, expected: str | None) -> dict[str, Path]:
    """The files that are there, by element; on the hub that which is expected alone."""
    if revision is None:
        names = dict.fromkeys((*BROUGHT, *((expected,) if expected else ())))
        here = {element: Path(folder) / file_of(element) for element in names}
        found = {element: file for element, file in here.items() if file.is_file()}
        exported = Path(folder, expected or "", EXPORTED)
        return found or ({expected: exported} if expected and exported.is_file() else {})
    if expected is None:
        return {}
    name = file_of(expected)
    try:
        file = cached_file(folder, name, revision=revision, _raise_exceptions_for_missing_entries=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise DataError(f"{folder} at {revision}: {name} cannot be had ({reason}); try again, or 'path'") from error
    return {expected: Path(file)} if file else {}


def _mistaken(folder: str | Path, files: list[str], element: str, expected: str | None) -> str:
    """What is wrong where a PLM does not bring what is expected, and what to write in the study."""
    found = f"the PLM at {folder} has {' and '.join(files) or f'no {file_of(str(expected))}'} beside its weights"
    said = f"the study says 'brings: {expected}'" if expected else "the study says nothing of it"
    if not files:
        return f"{found}, and {said}; remove that, or name the folder that 'priming convert' wrote"
    if len(files) > 1:
        return f"{found}, and {said}; leave one of them there"
    return f"{found}, and {said}; write 'brings: {element}', or leave the file out"


def take_over(model: "TextModel", brought: Brought, options: Any) -> None:
    """Let an element that is attached to a model begin as the one that its PLM brings.

    Raises:
        DataError: the tensors are not those of the element, by name and shape, or by number of vectors and width;
            nothing is changed.
    """
    own = dict(model.owned_by((brought.element,)))
    shapes = {name: tuple(parameter.shape) for name, parameter in own.items()}
    if wrong := _misfit(brought, shapes, options.length if brought.element in BROUGHT else None):
        raise DataError(f"{brought.source} {wrong}")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(brought.values[name].reshape(parameter.shape))


def _misfit(brought: Brought, shapes: Mapping[str, tuple[int, ...]], length: int | None) -> str | None:
    """What is wrong with the values for parameters of these shapes, which hold `length` vectors; None if they fit."""
    wanted = ", ".join(list(shapes)[:_NAMED]) + (", ..." if len(shapes) > _NAMED else "")
    if missing := sorted(shapes.keys() - brought.values.keys()):
        return f"lacks {missing[0]}; wanted: {wanted}. {_as_trained(brought)}"
    if extra := sorted(brought.values.keys() - shapes.keys()):
        return f"has {extra[0]}, which no {brought.element} of this PLM has; wanted: {wanted}. {_as_trained(brought)}"
    if length is None:
        return _wrong_shape(brought, shapes)
    lengths = {len(value) for value in brought.values.values()}
    if len(lengths) > 1 and all(value.dim() == 2 for value in brought.values.values()):
        return f"has tables of {' and '.join(map(str, sorted(lengths)))} vectors, and all have as many; it is broken"
    return _wrong_values(brought, {name: prod(shape) for name, shape in shapes.items()}, length)


def _as_trained(brought: Brought) -> str:
    """What to do about tensors of an element of another kind or size."""
    if brought.element in BROUGHT:
        return "Convert the checkpoint again"
    return f"Set elements.{brought.element} as it was when it was trained (README.md beside the weights)"


def _wrong_shape(brought: Brought, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """What is wrong with tensors whose names are right, of an element that does not consist of vectors."""
    for name, shape in shapes.items():
        if (own := tuple(brought.values[name].shape)) != shape:
            return f"has {name} of shape {own}, and this element has {shape}. {_as_trained(brought)}"
        if not torch.isfinite(brought.values[name]).all():
            return f"has numbers in {name} that are not finite; export it again, or train it anew"
    return None


def _wrong_values(brought: Brought, sizes: Mapping[str, int], length: int) -> str | None:
    """The same of tensors whose names are right."""
    for name, size in sizes.items():
        shape, width = tuple(brought.values[name].shape), size // length
        if len(shape) != 2 or shape[1] != width:
            return f"has {name} of shape {shape}, and this PLM takes (vectors, {width}): it is of another PLM"
        if not torch.isfinite(brought.values[name]).all():
            return f"has numbers in {name} that are not finite; convert the checkpoint again, or train it anew"
        if shape[0] != length:
            key = f"elements.{brought.element}.length"
            return f"has {shape[0]} vectors in {name}, and {key} is {length}; write {key}: {shape[0]}"
    return None
