"""`result.json`, which each training writes beside its weights."""

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
from safetensors.torch import load_file
from torch import Tensor

from priming.backbones.text_model import TextModel
from priming.checked import checked, redo
from priming.elements.table import ELEMENTS
from priming.errors import DataError
from priming.result_files import read_result
from priming.runs.checkpoints import State
from priming.tensor_files import all_finite, write_tensors

_PACKAGES = ("torch", "transformers", "adapters", "safetensors", "numpy")


class Stopwatch:
    """Wall time in seconds since it was created, plus that of the processes from which it resumes."""

    def __init__(self) -> None:
        self.began = self.start = time.perf_counter()
        self.resumed: list[float] = []

    def state(self) -> State:
        """The seconds so far, and those at each earlier resumption."""
        return State({}, [*self.resumed, self.seconds])

    def load_state(self, state: State) -> None:
        """Continue from the seconds of an earlier process."""
        self.resumed = state.rest
        self.start = self.began - state.rest[-1]

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return round(time.perf_counter() - self.start, 3)


@cache
def _versions() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}


def environment(device: torch.device, precision: str, processes: int = 1) -> dict[str, Any]:
    """The hardware and software of a training."""
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
        "versions": dict(_versions()),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def plm_failure(folder: Path) -> str | None:
    """Why the pretraining of the PLM in this folder failed; None if it did not, or if the folder has no result."""
    if not (folder / "result.json").is_file():
        return None
    result = read_result(folder)
    return None if result["status"] == "done" else f"pretraining of {result['plm']} failed: {result['reason']}"


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors."""
    write_tensors(path, tensors)


def load_into(model: TextModel, path: Path, element: str) -> None:
    """Load one element of `model` with the values saved at `path`.

    Raises:
        DataError: the file is broken, or its tensors are not exactly those of the element, by name and shape.
    """
    try:
        saved = load_file(checked(path))
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path} cannot be read ({error}); remove its folder and run snakemake again") from None
    wanted = dict(model.saved_with(element)) or {
        n: p for n, p in model.owned_by((ELEMENTS[element].part_of or "",)) if n in saved
    }
    if wrong := sorted(set(saved) ^ set(wanted)) or [n for n in wanted if saved[n].shape != wanted[n].shape]:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise DataError(
            f"{path} does not fit the {element} of this model: {wrong[0]}{more} missing, unexpected or of another shape"
        )
    if broken := [name for name in wanted if not all_finite(saved[name])]:
        raise DataError(f"{path} has weights that are not finite, in {broken[0]}; {redo(path.parent)}")
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(saved[name])


def primed_places(checkpoint: Path) -> dict[tuple[str, ...], int]:
    """The index of each primed head, by its labels; a head shared by tasks with different labels is left out."""
    folder = checkpoint if (checkpoint / "result.json").is_file() else checkpoint.parent
    heads = read_result(folder).get("heads") or []
    return {tuple(labels): place for place, labels in reversed(list(enumerate(heads))) if labels}


def count(model: TextModel, tuned: tuple[str, ...]) -> dict[str, int]:
    """The numbers of all and of tuned parameters, tied ones counted once."""
    sizes = [(model.owner(name), parameter.numel()) for name, parameter in model.named_parameters()]
    return {"total": sum(size for _, size in sizes), "tuned": sum(size for element, size in sizes if element in tuned)}
