"""Writing tensors to files: whole or not at all, and a full disk is an OSError that says how much room is needed."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from priming.atomic import atomic_file
from priming.errors import system_error


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors, and flush them to disk; after an exception an older file is as it was.

    Raises:
        OSError: the system refused, with the number of bytes that are needed and the path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    with naming_room(path, whole.values()), atomic_file(path) as part:
        save_file(whole, part)


@contextmanager
def naming_room(path: Path, tensors: Iterable[Tensor]) -> Iterator[None]:
    """In its body, where the system refuses to write, the OSError says the path and how much room is needed there."""
    try:
        yield
    except Exception as error:
        if (refused := system_error(error)) is None:
            raise
        needed = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        room = f"{needed:,} bytes are needed, {shutil.disk_usage(path.parent).free:,} are free"
        raise OSError(refused.errno, f"{refused.strerror} ({room})", str(path)) from error


def all_finite(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite; a sum that is finite has none, and is quicker to look at."""
    return not tensor.is_floating_point() or bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())
