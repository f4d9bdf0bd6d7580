"""Gradient norms and clipping of R runs at once."""

import torch
from torch import Tensor

from priming.runs.parameters import Gradients


def norms(gradients: Gradients) -> Tensor:
    """The gradient norm of each run, over all elements [R]."""
    return torch.linalg.vector_norm(
        torch.stack([torch.linalg.vector_norm(g, dim=1) for g in gradients.values()]), dim=0
    )


def clip(gradients: Gradients, largest: float, norm: Tensor) -> None:
    """Scale each run's gradients in place so that its `norm` [R] is at most `largest`, like torch's clip_grad_norm_."""
    scale = (largest / (norm + 1e-6)).clamp(max=1.0)[:, None]
    for gradient in gradients.values():
        gradient.mul_(scale.to(gradient.dtype))
