"""Stopping on request: while a training listens, SIGTERM and SIGINT make it save its state and end.

A scheduler sends SIGTERM some time before it kills a job, at the time limit or when the job is cancelled.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from priming.errors import StoppedError

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_requested = False


def _ask(number: int, frame: object) -> None:
    global _requested  # noqa: PLW0603 - a signal reaches the process, not an object
    _requested = True


@contextmanager
def listening() -> Iterator[None]:
    """In its body, a signal is recorded instead of ending the process; previous handlers are restored afterwards."""
    global _requested  # noqa: PLW0603
    _requested = False
    before = {number: signal.signal(number, _ask) for number in _SIGNALS}
    try:
        yield
    finally:
        _requested = False
        for number, handler in before.items():
            signal.signal(number, handler)


def requested() -> bool:
    """Whether a signal has arrived while listening."""
    return _requested


def check() -> None:
    """Raise StoppedError if a signal has arrived."""
    if _requested:
        stop()


def stop() -> NoReturn:
    """Raise StoppedError."""
    raise StoppedError("stopped by a signal")
