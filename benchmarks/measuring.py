"""The clock of all benchmarks, ways that take turns, and the memory that one takes."""

import gc
import resource
import time
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

import torch

from priming.backbones.compute import Compute
from priming.backbones.device import device_of

T = TypeVar("T")
MEGA = 1e6


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


def peak_of(work: Callable[[], object]) -> float:
    """MB by which work raises memory above what was held before: tensors on a GPU, else the process's, in a fork."""
    if on_gpu():
        gc.collect()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return (torch.cuda.max_memory_allocated() - before) / MEGA
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_grow, args=(work, sender))
    process.start()
    sender.close()
    try:
        found = float(receiver.recv())
    finally:
        process.join()
    return found


def _grow(work: Callable[[], object], sender: Connection) -> None:
    before = resident()
    work()
    sender.send(resident() - before)


def resident() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGA
