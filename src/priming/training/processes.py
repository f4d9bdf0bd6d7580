"""One priming in several processes, one per GPU."""

import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import set_forkserver_preload
from pathlib import Path

import torch
from torch.multiprocessing.spawn import ProcessExitedException, start_processes

from priming.backbones.compute import Compute
from priming.entries import load, own_files
from priming.errors import UserError
from priming.runs.shards import Shard
from priming.training.priming_run import PrimingJob
from priming.training.upstream import prime_all

IMPORTED = ["torch", "transformers", "adapters"]
"""What takes long to import, and is imported once: processes are forked from one that has imported nothing else."""
GRACE = 30.0
"""Seconds that the remaining processes have to end after one has failed."""


def processes(compute: Compute) -> int:
    """Processes of a priming: one per GPU, up to `compute.gpus` and as many as there are; one without a GPU."""
    here = torch.cuda.device_count() if compute.device == "auto" else 0
    if 0 < here < compute.gpus:
        print(
            f"warning: compute.gpus is {compute.gpus}, but torch sees only {here}; using {here}",
            file=sys.stderr,
            flush=True,
        )
    if here == 0 and compute.gpus > 1:
        print(
            f"warning: compute.gpus is {compute.gpus}, but torch sees no GPU; using one process on the CPU",
            file=sys.stderr,
            flush=True,
        )
    return max(1, min(here, compute.gpus))


def prime_in(number: int, jobs: Sequence[PrimingJob], outs: Sequence[Path]) -> None:
    """Prime several seeds in `number` processes; only the first writes results.

    Raises SystemExit with the exit status of the process that failed first, which has printed the reason.
    """
    if number == 1:
        prime_all(jobs, outs)
        return
    set_forkserver_preload(IMPORTED)
    context = start_processes(
        _prime, (number, _free_port(), own_files(), jobs, outs), nprocs=number, join=False, start_method="forkserver"
    )
    assert context is not None
    try:
        with _forwarding(context.pids()):
            while not context.join(grace_period=GRACE):
                pass
    except ProcessExitedException as error:
        raise SystemExit(error.exit_code) from None


@contextmanager
def _forwarding(pids: Sequence[int]) -> Iterator[None]:
    """In its body, a signal that stops this process is forwarded to the others."""

    def tell(number: int, frame: object) -> None:
        """Forward the signal."""
        for pid in pids:
            os.kill(pid, signal.SIGTERM)

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _prime(
    rank: int, world: int, port: int, own: Sequence[Path], jobs: Sequence[PrimingJob], outs: Sequence[Path]
) -> None:
    from accelerate import PartialState

    for file in own:
        load(file)
    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in names.items()})
    cpu = jobs[0].compute.device == "cpu" or not torch.cuda.is_available()
    state = PartialState(cpu=cpu)
    try:
        prime_all(jobs, outs, Shard(rank, world))
    except UserError as error:
        if rank == 0:
            print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
    finally:
        state.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
