"""Notes on the attempts of a job, which show a scheduler that one was killed.

An attempt writes a note when it starts, which says what process it is, and removes it when it ends: done, failed or
stopped by a signal. A process killed without warning, for example for using too much memory, leaves its note, so the
notes of processes that are not at work any more count such kills. They are in work/<study>/attempts/<job>/ and are
removed when the job is done; those of one that was killed just after that, by a later job.
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

from priming.running.owners import at_work, this_process

STOPPED = 128 + signal.SIGTERM


def folder(study: str, out: str) -> Path:
    """The folder of the notes on the job with output folder `out`."""
    return Path("work", study, "attempts", out.replace("/", "~"))


def killed(study: str, out: str) -> int:
    """How many attempts of a job were killed without warning since it last finished.

    One that is at work does not count: a killed Snakemake leaves its jobs behind, alive.
    """
    return sum(not at_work(note) for note in folder(study, out).glob("*.started"))


def noted(study: str) -> list[str]:
    """The output folders of the jobs of a study on which there are notes."""
    return [place.name.replace("~", "/") for place in Path("work", study, "attempts").glob("*")]


def forget(study: str, out: str) -> None:
    """Remove the notes on a job that is done, but for those of attempts that are at work."""
    _remove([note for note in folder(study, out).glob("*.started") if not at_work(note)])


def _remove(notes: list[Path]) -> None:
    for note in notes:
        note.unlink(missing_ok=True)
        with suppress(OSError):  # it holds notes of other attempts
            note.parent.rmdir()


@contextmanager
def track_attempt(study: str, out: str) -> Iterator[None]:
    """Track the attempt in the body; SIGTERM ends it with exit status 143, unless that signal already has a handler."""
    place = folder(study, out)
    note = place / f"{time.time_ns()}-{socket.gethostname()}-{os.getpid()}.started"
    _leave(note)
    try:
        with _exit_when_stopped():
            yield
        _remove([*place.glob("*")])
    finally:
        _remove([note])


def _leave(note: Path) -> None:
    """Write a note; another attempt at the same job may end, and remove the folder, in between."""
    while True:
        note.parent.mkdir(parents=True, exist_ok=True)
        try:
            note.write_text(this_process().written(), encoding="utf-8")
        except FileNotFoundError:
            continue
        return


@contextmanager
def _exit_when_stopped() -> Iterator[None]:
    """Turn SIGTERM, which ends a process at once, into an exit that runs clean-up code."""
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
