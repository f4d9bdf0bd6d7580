"""What a model runs on, and how its passes are computed there."""

import os
import shutil
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import torch

from priming.backbones.compute import Compute
from priming.errors import StudyError

_COMPILERS = {"cpu": ("C++", "CXX", ("g++", "clang++", "c++")), "cuda": ("C", "CC", ("gcc", "clang", "cc"))}
"""By device: what torch's compiler calls, the variable that may name it, and what it is usually called."""


def device_of(compute: Compute) -> torch.device:
    """The GPU of this process where the study wants one and there is one, else the CPU."""
    if compute.device == "auto" and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def fuses(compute: Compute) -> bool:
    """Whether attention is to be fused."""
    return compute.attention == "fused" or (compute.attention == "auto" and device_of(compute).type != "cpu")


def compiles(compute: Compute) -> bool:
    """Whether layers are to be compiled; raises StudyError where they must be and this machine cannot."""
    device = device_of(compute).type
    if compute.compile == "off" or (compute.compile == "auto" and (device == "cpu" or compute.checkpointing)):
        return False
    lacking = lacking_to_compile(device)
    if lacking and compute.compile == "on":
        raise StudyError(f"compute.compile is 'on', and this machine has no {lacking}; install it, or set off or auto")
    return not lacking


def lacking_to_compile(device: str) -> str | None:
    """What torch's compiler lacks here to compile for a device of this type; None if nothing."""
    language, variable, usual = _COMPILERS.get(device, _COMPILERS["cpu"])
    named = os.environ.get(variable)
    if not any(map(shutil.which, [named] if named else usual)):
        return f"{language} compiler ({', '.join(usual[:2])}, or what {variable} names)"
    if device != "cpu" and find_spec("triton") is None:
        return "package 'triton'"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        return "header of Python (Python.h, of the package python3-dev)"
    return None
