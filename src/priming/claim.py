"""Claiming GPUs of a machine that has no scheduler, so that the jobs on it never share one.

A job holds a lock on a file for each GPU that it uses, and sees no other GPU. The system drops the lock with the process,
however that ends, so nothing is left to clean up. All jobs of a user count, whichever Snakemake started them.
"""

import fcntl
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from priming.errors import DiskError

VISIBLE = "CUDA_VISIBLE_DEVICES"
ALLOCATED = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")
"""Set by schedulers, which hand out GPUs themselves."""

PAUSE = 1.0  # seconds between two looks


def visible() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; by their UUIDs where it does not."""
    given = os.environ.get(VISIBLE)
    if given is not None:
        return [] if given.strip() in ("", "-1", "NoDevFiles") else [name.strip() for name in given.split(",")]
    return _installed()


def _installed() -> list[str]:
    """The GPUs of the machine, as NVIDIA's own tool lists them."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return re.findall(r"^GPU \d+: .*\(UUID: ([^)]+)\)", listed.stdout, flags=re.MULTILINE)


@contextmanager
def claimed(number: int) -> Iterator[list[str]]:
    """Hold `number` GPUs, or all there are where there are fewer; wait while others hold them.

    Yields the GPUs, which are all that CUDA_VISIBLE_DEVICES names meanwhile, so torch must not be imported before. Does nothing
    in a scheduler's allocation or without a GPU, and yields none then.
    """
    allocated = any(variable in os.environ for variable in ALLOCATED)
    devices = [] if allocated or not number else visible()
    if not devices:
        yield []
        return
    with ExitStack() as locks:
        held = _wait(devices, min(number, len(devices)), locks)
        before = os.environ.get(VISIBLE)
        os.environ[VISIBLE] = ",".join(held)
        try:
            yield held
        finally:
            os.environ.pop(VISIBLE)
            if before is not None:
                os.environ[VISIBLE] = before


def _wait(devices: Sequence[str], number: int, locks: ExitStack) -> list[str]:
    """Lock that many devices, none of them until all can be had."""
    said = False
    while len(held := _lock(devices, number, locks)) < number:
        locks.close()
        if not said:
            print(f"waiting: {number} of the GPUs {', '.join(devices)} wanted, other jobs hold them", file=sys.stderr, flush=True)
        said = True
        time.sleep(PAUSE)
    return held


def _lock(devices: Sequence[str], number: int, locks: ExitStack) -> list[str]:
    """Lock up to `number` devices that nobody holds."""
    held: list[str] = []
    for device in devices:
        if len(held) < number:
            file = locks.enter_context((folder() / f"{re.sub(r'[^A-Za-z0-9.-]', '_', device)}.lock").open("w"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held.append(device)
            except BlockingIOError:
                file.close()
    return held


def folder() -> Path:
    """The folder of the user's locks on this machine; raises DiskError where it is somebody else's."""
    place = Path(tempfile.gettempdir()) / f"priming-gpus-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    if place.is_symlink() or place.stat().st_uid != os.getuid():
        raise DiskError(f"{place} belongs to somebody else; remove it, or set TMPDIR to a folder of your own for all jobs of this machine")
    return place
