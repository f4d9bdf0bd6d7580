"""Being told to stop: while a training listens, SIGTERM and SIGINT ask it to save its state and end.

A scheduler sends SIGTERM some time before it kills, at a time limit and when a job is cancelled.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from priming.errors import StoppedError

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_asked = False


def _ask(number: int, frame: object) -> None:
    global _asked  # noqa: PLW0603 - a signal reaches the process, not an object
    _asked = True


@contextmanager
def listening() -> Iterator[None]:
    """Within it, a signal is noted instead of ending the process; what was set before is put back."""
    global _asked  # noqa: PLW0603
    _asked = False
    before = {number: signal.signal(number, _ask) for number in _SIGNALS}
    try:
        yield
    finally:
        _asked = False
        for number, handler in before.items():
            signal.signal(number, handler)


def asked() -> bool:
    """Whether a signal came since somebody listens."""
    return _asked


def check() -> None:
    """Raise StoppedError where a signal came."""
    if _asked:
        stop()


def stop() -> NoReturn:
    """End what is being done."""
    raise StoppedError("told to stop")
