"""The server that jobs are forked from (see forks.py).

It imports what a step needs when it is first asked for it, and computes nothing. Once the package's files are no longer
those that it imported it ends, and the next job starts another. It refuses jobs if what it imported has started
threads, which a fork would lack. A job that is refused runs in a process of its own.
"""

import gc
import hashlib
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from priming.running.forks import IMPORTS, REFUSED, STARTED, STATUS, watched

_PATIENCE = 10.0  # seconds for a request to arrive
_IDLE = 120.0  # seconds without a fork


def source_digest() -> str:
    """The contents of the package's files, and when a package was last installed or removed."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(f"{file}\0".encode() + file.read_bytes())
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        digest.update(str(Path(place).stat().st_mtime_ns).encode())
    return digest.hexdigest()


class ForkServer:
    """Forks for each request until its owner has ended, and no fork is left."""

    def __init__(self, listener: socket.socket, owner: int) -> None:
        self.listener, self.owner = listener, owner
        self.digest = source_digest()
        self.children: dict[int, tuple[int, socket.socket]] = {}
        """By the descriptor that tells of its end: a fork's process, and who waits for it."""
        self.events = selectors.DefaultSelector()
        self.events.register(listener, selectors.EVENT_READ)
        self.events.register(owner, selectors.EVENT_READ)

    def serve(self) -> list[str] | None:
        """In each fork, the arguments that it runs with; in the server None, at its end."""
        while self.children or self.listener.fileno() >= 0:
            events = self.events.select(None if self.children else _IDLE)
            if not events:
                self._close()
            for key, _ in events:
                if key.fd == self.owner:
                    self._close()
                elif key.fd in self.children:
                    self._end(key.fd)
                elif key.fileobj is self.listener:
                    arguments = self._answer()
                    if arguments is not None:
                        return arguments
        return None

    def _answer(self) -> list[str] | None:
        """In the fork, its arguments; in the server None."""
        connection, _ = self.listener.accept()
        connection.settimeout(_PATIENCE)
        try:
            request, streams = _received(connection)
        except (OSError, ValueError):
            connection.close()
            return None
        connection.settimeout(None)
        child = self._fork() if self._ready(request["arguments"][0]) else None
        if child == 0:
            self._leave()
            return _become(request, streams, connection)
        for stream in streams:
            os.close(stream)
        with suppress(OSError):  # nobody waits any more
            connection.sendall(STARTED if child else REFUSED)
        if child:
            ended = os.pidfd_open(child)
            self.children[ended] = child, connection
            self.events.register(ended, selectors.EVENT_READ)
        else:
            connection.close()
        return None

    def _ready(self, step: str) -> bool:
        """Whether what the step needs is imported from the files that there are now, and there is one thread."""
        if self._threads() > 1:
            return False
        if self._imported(step) and source_digest() == self.digest:
            return self._threads() == 1
        self._close()
        return False

    @staticmethod
    def _threads() -> int:
        return len([*Path("/proc/self/task").iterdir()])

    @staticmethod
    def _imported(step: str) -> bool:
        try:
            with _without_scikit_learn():
                for name in ("priming.cli.app", "priming.running.steps", *IMPORTS[step]):
                    importlib.import_module(name)
            _remember_digests()
        except Exception:  # the job's own process says what is wrong
            return False
        return True

    @staticmethod
    def _fork() -> int | None:
        """As os.fork; None where that fails, as without memory."""
        gc.freeze()  # pages of what is imported stay shared
        with suppress(OSError):
            return os.fork()
        return None

    def _leave(self) -> None:
        """Close, in a fork, what is the server's."""
        self.events.close()
        self.listener.close()
        os.close(self.owner)
        for ended, (_, waiting) in self.children.items():
            os.close(ended)
            waiting.close()

    def _end(self, ended: int) -> None:
        """Tell who waits for a fork how it ended."""
        child, waiting = self.children.pop(ended)
        self.events.unregister(ended)
        os.close(ended)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with suppress(OSError):
            waiting.sendall(status.to_bytes(STATUS, "big", signed=True))
        waiting.close()

    def _close(self) -> None:
        """Take no more requests."""
        if self.listener.fileno() >= 0:
            path = Path(self.listener.getsockname())
            path.unlink(missing_ok=True)
            Path(f"{path}.lock").unlink(missing_ok=True)
            self.events.unregister(self.listener)
            self.events.unregister(self.owner)
            self.listener.close()


@contextmanager
def _without_scikit_learn() -> Iterator[None]:
    """Hide scikit-learn, if nothing has imported it: no step uses it, and transformers imports it if it is there.

    That is a quarter of the time of all imports. A job may still import it, as for a user's own metric.
    """
    hidden = "sklearn" not in sys.modules
    if hidden:
        sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["sklearn"]


@cache
def _remember_digests() -> None:
    """Those of the package's modules and of what they import, which recipes ask for, and which hold while files do."""
    from priming.jobs import code

    for file in code.ROOT.rglob("*.py"):
        name = ".".join([code.PACKAGE, *file.relative_to(code.ROOT).with_suffix("").parts]).removesuffix(".__init__")
        code.closure(name)
        code.digest(name)


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    header, streams, _, _ = socket.recv_fds(connection, STATUS, 3)
    size, parts = int.from_bytes(header, "big"), list[bytes]()
    while size:
        parts.append(connection.recv(min(size, 1 << 16)))
        if not parts[-1]:
            raise OSError
        size -= len(parts[-1])
    return json.loads(b"".join(parts).decode("utf-8", "surrogateescape")), streams


def _become(request: dict[str, Any], streams: list[int], connection: socket.socket) -> list[str]:
    """Take over the streams, folder and environment of the process that asked, and its signals."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    threading.Thread(target=_obey, args=[connection], daemon=True).start()
    arguments: list[str] = request["arguments"]
    return arguments


def _obey(connection: socket.socket) -> None:
    """Pass on the signals of the process that waits; end at once if it has ended without one."""
    for number in _signals(connection):
        os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGKILL)


def _signals(connection: socket.socket) -> Iterator[int]:
    with suppress(OSError):
        while told := connection.recv(1):
            yield told[0]


def main() -> None:
    """Serve; in a fork, run its command as `python -m priming` would."""
    owner = watched(sys.argv[2])
    if owner is None:
        return
    arguments = ForkServer(socket.socket(fileno=int(sys.argv[1])), owner).serve()
    if arguments is not None:
        from priming.cli import main as run

        sys.argv = ["priming", *arguments]
        run()


if __name__ == "__main__":
    main()
