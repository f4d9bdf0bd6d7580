"""Dropout whose masks depend only on the run, the step and the module."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_MULTIPLIERS = (0x21F0AAAD, 0x735A2D97)
_GOLDEN = 0x1E3779B1


def mixed(x: Tensor) -> Tensor:
    """A bijective hash of 32-bit integers (xor-shift and multiply), wrapping around."""
    for multiplier, shift in zip(_MULTIPLIERS, (15, 13), strict=True):
        x = (x ^ ((x >> 16) & 0xFFFF)) * multiplier
        x = x ^ ((x >> shift) & ((1 << (32 - shift)) - 1))
    return x


def keep_mask(key: Tensor, shape: Sequence[int], probability: float, first_row: int = 0) -> Tensor:
    """Which elements are kept [shape]: a hash of `key` (int32, a scalar) and of the element's coordinates.

    It depends on coordinates, not on memory layout, so padding does not change the mask of real tokens. `first_row` is
    the first row's index in the whole batch, if the rows are a shard of one.
    """
    hashed = key
    for place, size in enumerate(shape):
        first = 0 if place else first_row
        hashed = mixed(
            hashed[..., None] + torch.arange(first, first + size, dtype=torch.int32, device=key.device) * _GOLDEN
        )
    return (hashed & 0x7FFFFFFF) >= int(probability * 2**31)


class CoordinateDropout(TorchFunctionMode):
    """In its body, each dropout mask depends on `key` (an int32 scalar; under vmap one per run) and the call number."""

    def __init__(self, key: Tensor, first_row: int = 0) -> None:
        super().__init__()
        self.key, self.first_row, self.calls = key, first_row, 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Replace `torch.nn.functional.dropout`; BART's draw for layer drop, which is off, becomes a constant."""
        kwargs = dict(kwargs or {})
        if func is torch.nn.functional.dropout:
            return self._dropout(*args, **kwargs)
        if func is torch.rand:
            return torch.ones(*args, **kwargs)
        return func(*args, **kwargs)

    def _dropout(self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        self.calls += 1
        if not training or p == 0:
            return input
        kept = keep_mask(mixed(self.key + self.calls * _GOLDEN), input.shape, p, self.first_row)
        return input * kept.to(input.dtype) / (1 - p)
