"""Dropout whose masks depend only on the run, the step and the module."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from priming.runs.keys import key

_MULTIPLIERS = (0x21F0AAAD, 0x735A2D97)
_GOLDEN = 0x1E3779B1


def mixed(x: Tensor) -> Tensor:
    """A bijective hash of 32-bit integers (xor-shift and multiply), wrapping around."""
    for multiplier, shift in zip(_MULTIPLIERS, (15, 13), strict=True):
        x = (x ^ ((x >> 16) & 0xFFFF)) * multiplier
        x = x ^ ((x >> shift) & ((1 << (32 - shift)) - 1))
    return x


def _times_golden(calls: int) -> int:
    """What is added to a key for so many calls, as a 32-bit integer with a sign."""
    return (calls * _GOLDEN + 2**31) % 2**32 - 2**31


def keep_mask(key: Tensor, shape: Sequence[int], probability: float, first_row: int = 0) -> Tensor:
    """Which elements are kept [... x shape]: a hash of `key` (int32 [...]) and of the element's coordinates.

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
    """In its body, each dropout mask depends on `key` (an int32 scalar; under vmap one per run) and the call number.

    `calls` counts the calls so far. A part of a pass that is computed apart has the same masks in a context of its own
    with `key_from_here`.
    """

    _entered: ClassVar[list[Self]] = []

    def __init__(self, key: Tensor, first_row: int = 0) -> None:
        super().__init__()
        self.key, self.first_row, self.calls = key, first_row, 0

    @property
    def key_from_here(self) -> Tensor:
        """The key of a context whose first call is the next one of this."""
        return self.key + _times_golden(self.calls)

    @classmethod
    def current(cls) -> Self | None:
        """The innermost one that was entered and not left."""
        return cls._entered[-1] if cls._entered else None

    def __enter__(self) -> Self:
        super().__enter__()  # type: ignore[no-untyped-call]
        self._entered.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.pop()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

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
        # A vector, since a compiler rounds integers to float32 that are added to or multiplied by scalars under `vmap`.
        key = mixed(self.key.reshape(1) + _times_golden(self.calls))
        kept = keep_mask(key, input.shape, p, self.first_row)[0]
        # `where` holds one byte a number for the backward pass; a product would hold both factors.
        return torch.where(kept, input, 0.0) / (1 - p)


def dropout_keys(run_keys: Sequence[int], step: int | str, device: torch.device) -> Tensor:
    """The dropout key of each run at a step [R], int32."""
    return torch.tensor([key(run, "dropout", step) for run in run_keys], dtype=torch.int32, device=device)
