"""The clock of all benchmarks, ways that take turns, and the memory that one takes."""

import ctypes
import gc
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch

from priming.backbones.compute import Compute
from priming.backbones.device import device_of

T = TypeVar("T")
MEGA = 1e6
PEAK, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def on_gpu() -> bool:
    """Whether benchmarks run on a GPU: where there is one."""
    return device_of(Compute()).type == "cuda"


def clock() -> float:
    """CPU seconds of the only thread; on a GPU, wall time in seconds once it has finished its work."""
    if not on_gpu():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def freeze_heap() -> None:
    """Exclude the objects so far from Python's garbage collection."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds by the clock, and what work returns."""
    freeze_heap()
    start = clock()
    found = work()
    return clock() - start, found


def in_turn(ways: Mapping[str, Callable[[], T]], repeats: int) -> tuple[dict[str, list[float]], dict[str, T]]:
    """Seconds of each way, which take turns; and what each returned last."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    found: dict[str, T] = {}
    for way, work in [*ways.items()] * repeats:
        took, found[way] = timed(work)
        seconds[way].append(took)
    return seconds, found


def peak_of(work: Callable[[], object]) -> float | None:
    """MB by which work raises memory above what was held before: tensors on a GPU, else the process's, on Linux alone.

    It has been done before, so that what libraries keep for good does not count.
    """
    work()
    gc.collect()
    if on_gpu():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return (torch.cuda.max_memory_allocated() - before) / MEGA
    try:
        ctypes.CDLL(None).malloc_trim(0)
        PEAK.write_text("5", encoding="ascii")  # the peak so far is forgotten
    except (AttributeError, OSError):
        return None
    before = _resident("VmRSS")
    work()
    return (_resident("VmHWM") - before) / MEGA


def _resident(what: str) -> int:
    """Bytes that this process has in memory (VmRSS), or had at most (VmHWM)."""
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))
