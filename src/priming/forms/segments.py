"""Groups of runs with rows of about the same length, each of which is padded by itself."""

from collections.abc import Sequence

import torch

OVERHEAD = {"cpu": 1000}
"""Padded tokens that take as long as one more pass, by device; measured with models of a few layers."""
_OVERHEAD = 8192
"""The same of other devices, on which a pass takes long to launch."""


def segments(lengths: Sequence[int], rows: int, device: torch.device) -> list[int]:
    """Sizes of consecutive groups of runs, whose padding and passes together take the least time.

    Args:
        lengths: tokens of the longest row of each run; there are no better groups where they are sorted.
        rows: rows of each run.
        device: where the passes are.
    """
    overhead = OVERHEAD.get(device.type, _OVERHEAD)
    least, starts = [0.0], [0]
    for end in range(1, len(lengths) + 1):
        longest, best, start = 0, float("inf"), end - 1
        for first in range(end - 1, -1, -1):
            longest = max(longest, lengths[first])
            cost = least[first] + overhead + longest * rows * (end - first)
            if cost < best:
                best, start = cost, first
        least.append(best)
        starts.append(start)
    sizes, end = [], len(lengths)
    while end:
        sizes.append(end - starts[end])
        end = starts[end]
    return sizes[::-1]
