"""Notes on the attempts of a job, from which a scheduler learns that one was killed.

An attempt leaves a note when it starts and takes it away however it ends: done, failed, told to stop. Nothing takes it
away from a process that is killed without warning, as for too much memory, so the notes that are left count such kills.
They lie under work/<study>/attempts/<job>/ and go when the job is done.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

STOPPED = 128 + signal.SIGTERM


def folder(study: str, out: str) -> Path:
    """Where the notes lie on the job that declares the folder `out`."""
    return Path("work", study, "attempts", out.replace("/", "~"))


def killed(study: str, out: str) -> int:
    """How many attempts of a job were killed without warning since it was done last."""
    return len([*folder(study, out).glob("*.started")])


@contextmanager
def noted(study: str, out: str) -> Iterator[None]:
    """Note the attempt that runs within; SIGTERM ends it with exit status 143, unless something handles that signal already."""
    place = folder(study, out)
    place.mkdir(parents=True, exist_ok=True)
    note = place / f"{time.time_ns()}-{socket.gethostname()}-{os.getpid()}.started"
    note.touch()
    try:
        with _exit_when_stopped():
            yield
        for earlier in place.iterdir():
            earlier.unlink(missing_ok=True)
    finally:
        note.unlink(missing_ok=True)
        with suppress(OSError):  # notes of other attempts are in it
            place.rmdir()


@contextmanager
def _exit_when_stopped() -> Iterator[None]:
    """Turn SIGTERM, which ends a process on the spot, into an exit that runs what must be run at the end."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(STOPPED)
