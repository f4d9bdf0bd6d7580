"""Writing tensors to files: whole or not at all, and a full disk is an OSError that says how much room is needed."""

import re
import shutil
from collections.abc import Mapping
from os import strerror
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from priming.atomic import atomic_file


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors, and flush them to disk; after an exception an older file is as it was.

    Raises:
        OSError: the system refused, with the number of bytes that are needed and the path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    try:
        with atomic_file(path) as part:
            save_file(whole, part)
    except (SafetensorError, OSError) as error:
        if (number := refusal(error)) is None:
            raise
        needed = sum(tensor.numel() * tensor.element_size() for tensor in whole.values())
        room = f"{needed:,} bytes are needed, {shutil.disk_usage(path.parent).free:,} are free"
        raise OSError(number, f"{strerror(number)} ({room})", str(path)) from error


def refusal(error: BaseException) -> int | None:
    """The number of the system's error behind an exception; safetensors has one of its own for all of them."""
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"\(os error (\d+)\)", str(error)) if type(error).__name__ == "SafetensorError" else None
    return int(found[1]) if found else None


def all_finite(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite; a sum that is finite has none, and is quicker to look at."""
    return not tensor.is_floating_point() or bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())
