"""One priming in several processes, a GPU each."""

import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.multiprocessing.spawn import ProcessExitedException, start_processes

from priming.errors import UserError
from priming.study.compute import Compute
from priming.training.share import Share
from priming.training.upstream import PrimingJob, prime

GRACE = 30.0
"""Seconds that processes get to end when one of them has failed."""


def processes(compute: Compute) -> int:
    """How many processes a priming gets: one a GPU, as many as the study says and are there; one without a GPU."""
    here = torch.cuda.device_count() if compute.device == "auto" else 0
    if 0 < here < compute.gpus:
        print(f"warning: compute.gpus is {compute.gpus}, and {here} are here; going on with {here}", file=sys.stderr, flush=True)
    if here == 0 and compute.gpus > 1:
        print(f"warning: compute.gpus is {compute.gpus}, and torch sees no GPU; going on with one process on the CPU", file=sys.stderr, flush=True)
    return max(1, min(here, compute.gpus))


def prime_in(number: int, job: PrimingJob, out: Path) -> None:
    """Prime in `number` processes; the first writes.

    Raises SystemExit with the status of the process that failed first, which has said why.
    """
    if number == 1:
        prime(job, out)
        return
    context = start_processes(_prime, (number, _free_port(), job, out), nprocs=number, join=False, start_method="spawn")
    assert context is not None
    try:
        with _forwarding(context.pids()):
            while not context.join(grace_period=GRACE):
                pass
    except ProcessExitedException as error:
        raise SystemExit(error.exit_code) from None


@contextmanager
def _forwarding(pids: Sequence[int]) -> Iterator[None]:
    """Within it, a signal that tells this process to stop tells the others."""

    def tell(number: int, frame: object) -> None:
        """Pass the signal on."""
        for pid in pids:
            os.kill(pid, signal.SIGTERM)

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _prime(rank: int, world: int, port: int, job: PrimingJob, out: Path) -> None:
    from accelerate import PartialState

    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in names.items()})
    cpu = job.compute.device == "cpu" or not torch.cuda.is_available()
    state = PartialState(cpu=cpu)
    try:
        prime(job, out, Share(rank, world))
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
