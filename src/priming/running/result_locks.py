"""Locks on results: one process makes a result at a time, on this machine or on another that shares the folder.

The locks of a study are files in work/<study>/locks/, `<result>.<n>`, each created by its owner alone: a hard link to
its description, which fails where there is one. The highest number holds the lock. A lock whose owner is dead is taken
over by creating the next number, which one process alone can, and not by removing it, which two could; only then is it
removed. Whoever created a number looks again, and withdraws unless it stands exactly upon what was seen before.

A process works in a folder of its own in work/<study>/running/, whose file `owner` describes it. What dead processes
have left is removed by the next.
"""

import os
import random
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from priming.errors import BusyError, UserError
from priming.running.owners import Owner, alive, heartbeat, read_owner, started, this_process

PATIENCE = "PRIMING_WAIT"
"""How many seconds a job waits for another process that makes the same result, if not as long as it may take itself."""
PAUSES = (0.1, 5.0)
"""Shortest and longest pause in seconds between two attempts."""
OWNER = "owner"
_LOCK = re.compile(r"([^.].*)\.[1-9]\d*")


def patience(expected: float) -> float:
    """Seconds to wait for another process, of a result that is expected to take so many; raises UserError."""
    given = os.environ.get(PATIENCE)
    try:
        return expected if given is None else float(given)
    except ValueError:
        raise UserError(f"{PATIENCE} is {given!r}, but must be a number of seconds, such as 600") from None


def lock_name(path: str | Path) -> str:
    """The name of the lock on a result, `results/STUDY/...`: its path among the study's, without slashes."""
    return "~".join(Path(path).parts[2:])


@contextmanager
def held_alone(folder: Path) -> Iterator[None]:
    """Hold the lock on the result in a folder; one that is not among those of this checkout's studies has none.

    Raises:
        BusyError: somebody else holds it.
    """
    inside = Path(os.path.relpath(folder))
    if len(inside.parts) < 3 or inside.parts[0] != "results":
        yield
        return
    locks = Locks(inside.parts[1])
    with locks.working(), locks.held({lock_name(inside): str(folder)}, 0.0):
        yield


def clear_dead(study: str) -> None:
    """Remove what processes that are dead have left of a study."""
    if Path("work", study).is_dir():
        locks = Locks(study)
        with locks.working():
            pass


def held(study: str) -> dict[str, Owner | None]:
    """The results of a study that living processes are making, by path, and who makes each."""
    last: dict[str, Path] = {}
    files = [(file, match) for file in Path("work", study, "locks").glob("*") if (match := _LOCK.fullmatch(file.name))]
    for file, match in sorted(files, key=lambda pair: int(pair[0].suffix[1:])):
        last[match[1]] = file
    found = {name: read_owner(file) for name, file in sorted(last.items()) if alive(file)}
    return {f"results/{study}/{name.replace('~', '/')}": owner for name, owner in found.items() if name != "snakemake"}


def _clear(running: Path) -> None:
    """Remove the folders of dead processes."""
    for other in running.glob("*"):
        if _is_dead(other):
            shutil.rmtree(other, ignore_errors=True)
            with suppress(OSError):
                other.unlink()  # a probe of the clock


def _is_dead(folder: Path) -> bool:
    """Whether the process that made a folder is dead; its name says who it was if it died before it could, whole."""
    if read_owner(folder / OWNER):
        return not alive(folder / OWNER)
    machine, _, process = this_process().key.partition("-")
    named = folder.name.rpartition("-")[0]
    if named.partition("-")[0] != machine:
        return not alive(folder)
    pid, _, start = named.partition("-")[2].partition("-")
    return named != f"{machine}-{process}" and (not pid.isdigit() or started(int(pid)) != start)


def _create(file: Path, owner: Path) -> None:
    """Create a file that describes the owner, whole at once; raises FileExistsError where there is one."""
    try:
        os.link(owner, file)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with file.open("x", encoding="utf-8") as created:
            created.write(owner.read_text(encoding="utf-8"))


class Locks:
    """The locks on results of a study that this process holds, and the folder that it works in."""

    def __init__(self, study: str) -> None:
        self.study = Path("work", study)
        self.folder = self.study / "locks"
        self.owner = this_process()
        self.work = self.study / "running" / f"{self.owner.key}-{secrets.token_hex(4)}"
        self._held: dict[str, Path] = {}

    @contextmanager
    def working(self) -> Iterator[None]:
        """In its body there is the folder `work`; what is left of dead processes is removed."""
        self.work.mkdir(parents=True)
        try:
            self._introduce()
            _clear(self.work.parent)
            with heartbeat(self._files):
                yield
            self.clear()
        finally:
            shutil.rmtree(self.work, ignore_errors=True)
            _clear(self.work.parent)

    def _introduce(self) -> None:
        """Say in the folder whose it is; a system that refuses to write says a number, and not where."""
        file = self.work / OWNER
        try:
            file.write_text(self.owner.written(), encoding="utf-8")
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(file)) from error

    @contextmanager
    def held(self, results: Mapping[str, str], patience: float) -> Iterator[None]:
        """Hold the locks on results, given by the name of each lock; wait while another process holds one.

        They are taken in the order of their names, so that two processes never wait for each other.

        Raises:
            BusyError: somebody else holds one after `patience` seconds.
        """
        with ExitStack() as locks:
            for name in sorted(results):
                self._wait(name, results[name], patience)
                locks.callback(self._release, name)
            yield

    def lost(self) -> Owner | str | None:
        """Who has taken over a lock that this process held, if somebody has: it was taken to be dead."""
        for name, file in self._held.items():
            numbers = self._numbers(name)
            if not numbers or self._file(name, numbers[-1]) != file:
                return (read_owner(self._file(name, numbers[-1])) if numbers else None) or "another process"
        return None

    def clear(self) -> None:
        """Remove the locks of dead processes: each is taken over, and let go."""
        for name in {match[1] for file in self.folder.glob("*") if (match := _LOCK.fullmatch(file.name))}:
            if self._holder(name) is None:
                self._release(name)

    def _files(self) -> list[Path]:
        return [self.work / OWNER, *self._held.values()]

    def _wait(self, name: str, result: str, patience: float) -> None:
        start, pause, said = time.monotonic(), PAUSES[0], False
        while holder := self._holder(name):
            waited = time.monotonic() - start
            if waited >= patience:
                raise BusyError(
                    f"{result}: {holder} is at work on it, and has been waited for {waited:.0f} s; type the same "
                    "command again once it has ended"
                )
            if not said and waited >= 1.0:
                print(f"waiting for {holder}, which is at work on {result}", file=sys.stderr, flush=True)
                said = True
            time.sleep(min(pause, patience - waited) * random.uniform(0.5, 1.0))
            pause = min(2 * pause, PAUSES[1])

    def _holder(self, name: str) -> Owner | str | None:
        """Take the lock; who holds it if somebody else does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        numbers = self._numbers(name)
        if numbers and alive(last := self._file(name, numbers[-1])):
            return read_owner(last) or "another process"
        file = self._file(name, numbers[-1] + 1 if numbers else 1)
        try:
            _create(file, self.work / OWNER)
        except FileExistsError:
            return "another process"
        if self._numbers(name) != [*numbers, int(file.suffix[1:])]:
            file.unlink(missing_ok=True)
            return "another process"
        for number in numbers:
            self._file(name, number).unlink(missing_ok=True)
        self._held[name] = file
        return None

    def _release(self, name: str) -> None:
        self._held.pop(name).unlink(missing_ok=True)

    def _file(self, name: str, number: int) -> Path:
        return self.folder / f"{name}.{number}"

    def _numbers(self, name: str) -> list[int]:
        """The numbers of the files of a lock, in order."""
        number = re.compile(re.escape(name) + r"\.([1-9]\d*)")
        try:
            found = [number.fullmatch(file) for file in os.listdir(self.folder)]  # noqa: PTH208 - names alone
        except FileNotFoundError:
            return []
        return sorted(int(match[1]) for match in found if match)
