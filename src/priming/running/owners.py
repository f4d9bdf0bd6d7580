"""Who is at work: a process, described so that others can tell whether it is alive, on this machine or another.

On the same machine, in the same namespace of processes, its number and the time at which it started say so. Elsewhere a
file that it touches every INTERVAL does: it is dead once that file has not been touched for SILENCE, and, if it is a
job of SLURM, once SLURM does not have the job at work any more.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from priming.running.machine import process_status

INTERVAL = 10.0
"""Seconds between two heartbeats."""
SILENCE = 10
"""Intervals without a heartbeat after which a process on another machine is taken to be dead."""
AT_WORK = frozenset({"RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "STAGE_OUT", "SIGNALING"})
"""States of SLURM in which a job has, or may still have, processes."""


@dataclass(frozen=True)
class Owner:
    """A process: its machine, its number there and when it started, and the SLURM job that it belongs to."""

    host: str
    boot: str
    """Which start of the machine, and which namespace of processes on it, the number belongs to."""
    pid: int
    start: str
    """In ticks since the machine started; together with the number it names one process."""
    job: str = ""
    since: str = ""

    def __str__(self) -> str:
        job = f" (SLURM job {self.job})" if self.job else ""
        return f"process {self.pid} on host {self.host}{job}, since {self.since}"

    @property
    def key(self) -> str:
        """Its machine, digested, its number and its start: a name that no other process has."""
        machine = hashlib.sha256(f"{self.host} {self.boot}".encode()).hexdigest()[:8]
        return f"{machine}-{self.pid}-{self.start}"

    def written(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))


def this_process() -> Owner:
    """The owner of what this process does."""
    pid = os.getpid()
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return Owner(socket.gethostname(), _boot(), pid, started(pid), os.environ.get("SLURM_JOB_ID", ""), since)


def read_owner(file: Path) -> Owner | None:
    """The owner described in a file; None if the file is gone, empty or broken, as one that is just being written."""
    try:
        return Owner(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def started(pid: int) -> str:
    """When a process started, in ticks since boot; empty where the system does not say, or if it has ended."""
    status = process_status(pid)
    return status[19] if len(status) > 19 and status[0] not in "ZX" else ""


def alive(file: Path) -> bool:
    """Whether the owner described in a file is alive, or may be."""
    owner, here = read_owner(file), this_process()
    if owner and (owner.host, owner.boot) == (here.host, here.boot):
        return at_work(file)
    try:
        silent = _now(file.parent) - file.stat().st_mtime
    except FileNotFoundError:
        return False
    if silent <= SILENCE * INTERVAL:
        return True
    return bool(owner and owner.job and owner.job != here.job and _at_work(owner.job))


def at_work(file: Path) -> bool:
    """Whether the owner described in a file is known to be alive: by this machine if it is here, else by SLURM."""
    owner, here = read_owner(file), this_process()
    if owner and (owner.host, owner.boot) == (here.host, here.boot):
        return _exists(owner.pid) and started(owner.pid) == owner.start
    return bool(owner and owner.job and _at_work(owner.job))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _boot() -> str:
    found = []
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        found.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(found)


def _now(folder: Path) -> float:
    """The time by the clock that stamps the files of a folder, which may be that of a file server."""
    probe = folder / f".now-{socket.gethostname()}-{os.getpid()}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        probe.unlink(missing_ok=True)


def _at_work(job: str) -> bool:
    """Whether SLURM has a job at work; True if SLURM does not answer."""
    if not shutil.which("squeue"):
        return False
    try:
        asked = subprocess.run(
            ["squeue", "--noheader", "--format=%T", "--jobs", job],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    if asked.returncode:
        return "Invalid job id" not in asked.stderr
    return bool(AT_WORK & set(asked.stdout.split()))


@contextmanager
def heartbeat(files: Callable[[], list[Path]]) -> Iterator[None]:
    """In its body, files are touched at intervals, so that other machines see that this process is alive."""
    ended = threading.Event()

    def beat() -> None:
        """Until the body ends."""
        while not ended.wait(INTERVAL):
            for file in files():
                with suppress(OSError):
                    os.utime(file)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=INTERVAL)
