"""What each training writes beside its weights: `result.json`."""

import hashlib
import json
import math
import os
import resource
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from priming.errors import DataError
from priming.models.elements import element_of
from priming.models.text_model import TextModel
from priming.training.state import State

FORMAT = 1
_PACKAGES = ("torch", "transformers", "adapters", "safetensors", "numpy")
_BLOCK = 1 << 20


class Stopwatch:
    """Wall time since it was made, in seconds, with that of the processes that it goes on from."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.resumed: list[float] = []

    def state(self) -> State:
        """The seconds so far, and those at which other processes took over."""
        return State({}, [*self.resumed, self.seconds])

    def go_on_from(self, state: State) -> None:
        """Count on from the seconds of another process."""
        self.resumed = state.rest
        self.start -= state.rest[-1]

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return round(time.perf_counter() - self.start, 3)


def environment(device: torch.device, precision: str, processes: int = 1) -> dict[str, Any]:
    """What a training ran on."""
    gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if gpu else device.type,
        "precision": precision,
        "ran_on": {
            "processes": processes,
            "visible_gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "partition": os.environ.get("SLURM_JOB_PARTITION"),
        },
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_gpu_memory_mb": torch.cuda.max_memory_allocated(device) >> 20 if gpu else None,
        "versions": {package: version(package) for package in _PACKAGES},
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Write `result.json`; numbers that are not finite become null, since JSON has none."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(
        json.dumps({"format": FORMAT, **_finite(dict(result))}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def read_result(folder: Path) -> dict[str, Any]:
    """Read `result.json`; raises DataError where it is missing or broken."""
    path = folder / "result.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); remove {folder} and run snakemake again") from None


def plm_failure(folder: Path) -> str | None:
    """Why the pretraining of the PLM in this folder failed, None if it did not; a folder without a result is a PLM's own."""
    if not (folder / "result.json").is_file():
        return None
    result = read_result(folder)
    return None if result["status"] == "done" else f"pretraining of {result['plm']} failed: {result['reason']}"


def digest(path: Path) -> str:
    """SHA-256 of a file; a file of the same size and time is read once."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@cache
def _digest(path: Path, _size: int, _time: int) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, path)


def load_into(model: TextModel, path: Path, element: str) -> None:
    """Give one element of `model` the values saved at `path`.

    Raises:
        DataError: the file is broken, or its tensors are not exactly those of the element, by name and shape.
    """
    try:
        saved = load_file(path)
    except Exception as error:
        raise DataError(f"{path} cannot be read ({error}); remove its folder and run snakemake again") from None
    wanted = {name: parameter for name, parameter in model.named_parameters() if element_of(name) == element}
    if wrong := sorted(set(saved) ^ set(wanted)) or [n for n in wanted if saved[n].shape != wanted[n].shape]:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise DataError(f"{path} does not fit the {element} of this model: {wrong[0]}{more} missing, superfluous or of another shape")
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(saved[name])


def count(model: TextModel, tuned: tuple[str, ...]) -> dict[str, int]:
    """Parameters in all and tuned, tied ones once."""
    sizes = [(element_of(name), parameter.numel()) for name, parameter in model.named_parameters()]
    return {"total": sum(size for _, size in sizes), "tuned": sum(size for element, size in sizes if element in tuned)}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
