"""Locking GPUs on a machine without a scheduler, so that its jobs never share one.

A job locks one file per GPU that it uses, and sees no other GPU. The operating system releases the lock when the
process ends, for whatever reason, so nothing has to be cleaned up. The lock covers all jobs of a user, from any
Snakemake.
"""

import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from priming.errors import DiskError
from priming.running.machine import ALLOCATED, own_folder

VISIBLE = "CUDA_VISIBLE_DEVICES"
PAUSE = 1.0  # seconds between attempts


def visible() -> list[str]:
    """The GPUs that this process may use, as named in CUDA_VISIBLE_DEVICES, otherwise by UUID."""
    given = os.environ.get(VISIBLE)
    if given is not None:
        return [] if given.strip() in ("", "-1", "NoDevFiles") else [name.strip() for name in given.split(",")]
    return _installed()


def _installed() -> list[str]:
    """The GPUs of the machine, as listed by nvidia-smi."""
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return re.findall(r"^GPU \d+: .*\(UUID: ([^)]+)\)", listed.stdout, flags=re.MULTILINE)


@contextmanager
def claimed(number: int) -> Iterator[list[str]]:
    """Lock `number` GPUs, or all if there are fewer; wait while other jobs hold them.

    Yields the GPUs. In the body, CUDA_VISIBLE_DEVICES names only these, so torch must not be imported before. Does
    nothing, and yields none, in a scheduler's allocation or without a GPU.
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
    """Lock that many devices, or none until all are available."""
    said = False
    while len(held := _lock(devices, number, locks)) < number:
        locks.close()
        if not said:
            print(
                f"waiting for {number} of the GPUs {', '.join(devices)}, which other jobs hold",
                file=sys.stderr,
                flush=True,
            )
        said = True
        time.sleep(PAUSE)
    return held


def _lock(devices: Sequence[str], number: int, locks: ExitStack) -> list[str]:
    """Lock up to `number` free devices."""
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
    """The folder of the user's locks on this machine; raises DiskError if it belongs to another user."""
    try:
        return own_folder("gpus")
    except (PermissionError, FileExistsError) as error:
        raise DiskError(
            f"{error.filename or error} belongs to another user, or others can enter it; remove it, or set TMPDIR to a "
            "folder of your own for all jobs on this machine"
        ) from None
