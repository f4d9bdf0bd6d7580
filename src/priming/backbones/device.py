"""What a model runs on."""

import torch

from priming.backbones.compute import Compute


def device_of(compute: Compute) -> torch.device:
    """The GPU of this process where the study wants one and there is one, else the CPU."""
    if compute.device == "auto" and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def fuses(compute: Compute) -> bool:
    """Whether attention is to be fused."""
    return compute.attention == "fused" or (compute.attention == "auto" and device_of(compute).type != "cpu")
