"""Turning pickled weights into safetensors: the one place in this package where a pickle is opened.

`python -m priming.backbones.unpickle OUT FILE...` runs it in a process of its own, with torch's loader that builds
tensors and plain containers and calls nothing else. What a file holds beside tensors by name is refused.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from priming.errors import DataError


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickled state dict, by name; of a checkpoint of Lightning, those under `state_dict`.

    Raises:
        DataError: it is broken, or holds anything but tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise DataError(f"{path} was not converted: it is broken, or holds more than tensors ({_why(error)}") from None
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not state:
        raise DataError(f"{path} was not converted: it holds a {type(state).__name__}, not tensors by name")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise DataError(f"{path} was not converted: {name!r} is a {type(value).__name__}, not a tensor")
    return {name: value.detach().clone().contiguous() for name, value in state.items()}


def _why(error: Exception) -> str:
    """What is wrong with a pickle, without torch's advice to open it by other means, and what to do."""
    if type(error).__name__ != "UnpicklingError":  # its module is not imported anywhere in the package
        first = str(error).strip().split("\n", maxsplit=1)[0]
        return f"{type(error).__name__}: {first}); copy or download it again"
    named = re.search(r"GLOBAL (\S+)", str(error))
    what = f"it asks to run {named[1]}" if named else "it is no state dict"
    return f"{what}, and nothing of it is run); save its tensors alone where you trust it: torch.save(state_dict, FILE)"


def main(out: str, *files: str) -> None:
    """Write the tensors of all `files` to one safetensors file."""
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= tensors_of(Path(file))
    save_file(tensors, out, {"format": "pt"})


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except DataError as refused:
        sys.exit(f"error: {refused}")
