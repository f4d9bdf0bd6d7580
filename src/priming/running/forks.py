"""Asking for a job's process to be forked from one that has already imported what the job needs.

Importing torch, transformers and adapters takes seconds of CPU time, more than many a job does. Under Snakemake on this
machine, the first job starts a server (`priming.cli.fork_server`), which imports what each step needs when it is first
asked for it; jobs are then forked from it, and the command that Snakemake started waits for its fork, hands on signals
and ends as the fork does. The server ends with the Snakemake (or `dvc repro`) whose jobs it serves, or when it is idle.

Nothing but the standard library is imported here, through any module. Where anything is missing or unusual, a job runs
in its own process.
"""

import fcntl
import hashlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from priming.running.machine import ALLOCATED, own_folder, process_status

OWNER = "PRIMING_FORKS_OF"
"""Names the Snakemake whose jobs share a server, as `PID:START`; any other value, such as `none`, turns servers off."""

_TRAINING = ("priming.backbones.loading", "priming.training.processes", "priming.training.tuner")
IMPORTS = {
    "prepare": ("priming.tasks.prepare",),
    "pretrain": (*_TRAINING, "priming.training.pretrain"),
    "prime": (*_TRAINING, "priming.training.upstream", "priming.training.validation"),
    "tune": (*_TRAINING, "priming.training.downstream"),
    "score": ("priming.evaluation.scoring",),
    "tables": ("priming.reporting.tables",),
    "figure": ("priming.reporting.figures",),
}
"""What the function of each step in steps.py imports, beside what it imports for all; the server imports it."""

STARTED, REFUSED = b"s", b"r"
STATUS = 4  # bytes, a signed exit status as subprocess.Popen has it
_CHANGING = {"_", "SHLVL", "OLDPWD", "DVC_STAGE"}
_STAGE = b"DVC_STAGE="
_LONGEST = 100  # bytes of a socket's path; systems allow 107


def owner() -> str:
    """The value of OWNER that names this process, or the `dvc repro` that it is a stage of.

    It is `none` where a process cannot be watched or must not be forked.
    """
    unfit = sys.platform != "linux" or not hasattr(os, "pidfd_open") or Path("/dev/nvidiactl").exists()
    return "none" if unfit else name_of(_above(os.getpid()))


def _above(pid: int) -> int:
    """The nearest process from here upwards that DVC did not start; DVC names the stage to those that it starts."""
    with suppress(OSError, IndexError):
        while any(entry.startswith(_STAGE) for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")):
            pid = int(process_status(pid)[1])
    return pid


def name_of(pid: int) -> str:
    """The value of OWNER that names a process."""
    return f"{pid}:{_started(pid)}"


def watched(named: str) -> int | None:
    """A file descriptor that is readable once the named process has ended; None if it has."""
    pid, _, start = named.partition(":")
    try:
        found = os.pidfd_open(int(pid))
    except (AttributeError, ValueError, OSError):
        return None
    if _started(int(pid)) == start:
        return found
    os.close(found)
    return None


def _started(pid: int) -> str:
    """When a process started, in ticks since boot; the same number is not given to two processes at a time."""
    with suppress(IndexError):
        return process_status(pid)[19]
    return ""


def run(arguments: Sequence[str]) -> int | None:
    """Run `priming ARGUMENTS` in a fork: its exit status, negative for a signal; None if it must be run here."""
    named = os.environ.get(OWNER, "none")
    if named == "none" or not arguments or arguments[0] not in IMPORTS:
        return None
    if any(name in os.environ for name in ALLOCATED) or os.environ.get("OMP_NUM_THREADS") != "1":
        return None
    alive = watched(named)
    if alive is None:
        return None
    os.close(alive)
    try:
        with _connected(named) as connection:
            return _asked(connection, arguments)
    except OSError:
        return None


def _asked(connection: socket.socket, arguments: Sequence[str]) -> int | None:
    """Send what a process starts with, its three standard streams included, and wait for its end."""
    request = json.dumps({"arguments": list(arguments), "folder": str(Path.cwd()), "environment": dict(os.environ)})
    encoded = request.encode("utf-8", "surrogateescape")
    socket.send_fds(connection, [len(encoded).to_bytes(STATUS, "big")], [0, 1, 2])
    connection.sendall(encoded)
    if connection.recv(1) != STARTED:
        return None

    with _handing_on(connection):
        found = connection.recv(STATUS, socket.MSG_WAITALL)
    return int.from_bytes(found, "big", signed=True) if len(found) == STATUS else None


@contextmanager
def _handing_on(connection: socket.socket) -> Iterator[None]:
    """Send signals, other than those that are ignored, through the connection instead of obeying them."""

    def hand_on(number: int, frame: FrameType | None) -> None:
        """Its number, a byte."""
        with suppress(OSError):
            connection.send(bytes([number]))

    wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: handler for number in wanted if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, hand_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def finish(status: int) -> None:
    """End this process as its fork ended: with its exit status, or by the signal that ended it."""
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    raise SystemExit(status)


def _connected(named: str) -> socket.socket:
    """A connection to the server for this environment, which is started if there is none."""
    path = own_folder("forks") / f"{named.replace(':', '-')}-{_key(os.environ)}"
    if len(os.fsencode(path)) > _LONGEST:
        raise OSError
    with Path(f"{path}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            _start(path, named)
            connection.connect(str(path))
    return connection


def _start(path: Path, named: str) -> None:
    """Start a server in a session of its own, so that a terminal's signals reach jobs alone."""
    import subprocess

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        subprocess.Popen(
            [sys.executable, "-m", "priming.cli.fork_server", str(listener.fileno()), named],
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "JE_ARROW_MALLOC_CONF": "background_thread:false"},  # pyarrow's, or it is a thread
        )


def _key(environment: Mapping[str, str]) -> str:
    """Differs where Python, the folder or the environment does, on which imports may depend."""
    kept = sorted((name, value) for name, value in environment.items() if name not in _CHANGING)
    seen = repr((sys.executable, str(Path.cwd()), kept))
    return hashlib.sha256(seen.encode("utf-8", "surrogateescape")).hexdigest()[:16]
