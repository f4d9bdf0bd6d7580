"""Which Snakemakes are at work on a study in this folder, and whether one of them has died and left its lock.

Snakemake's own lock, files in .snakemake/locks/ that list inputs and outputs, does not say whose it is. So the
Snakefile describes its process in .snakemake/runners/ from the time it is read, and marks it once jobs start: by then
it has the lock, which a dry run never does. Files of dead processes stay as long as their lock does.
"""

import atexit
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from priming.errors import BusyError
from priming.programs import typed
from priming.running.owners import Owner, alive, heartbeat, read_owner, this_process
from priming.study import Study
from priming.study.paths import root

LOCKS = Path(".snakemake", "locks")
RUNNERS = Path(".snakemake", "runners")
MARK = "~runs"


def register(study: Study) -> Callable[[], None]:
    """Describe this process as one that may run the study, until it ends; returns what marks it as one that does."""
    RUNNERS.mkdir(parents=True, exist_ok=True)
    if not snakemake_locks(study):
        _remove(_dead(study))
    file = RUNNERS / f"{study.name}~{secrets.token_hex(4)}"
    marked = file.with_name(f"{file.name}{MARK}")
    file.write_text(this_process().written(), encoding="utf-8")
    held = ExitStack()
    held.callback(_remove, [file, marked])
    held.enter_context(heartbeat(lambda: [file, marked]))
    atexit.register(held.close)

    def mark() -> None:
        """It has the lock."""
        file.rename(marked)

    return mark


def snakemake_locks(study: Study) -> list[Path]:
    """The files of Snakemake's lock that name results of a study."""
    inside = f"{root(study)}/"
    return [file for file in LOCKS.glob("*.lock") if inside in file.read_text(encoding="utf-8")]


def clear_dead(study: Study) -> bool:
    """Remove Snakemake's lock on a study if its owner is dead; whether there was one.

    Raises:
        BusyError: its owner is alive, or unknown.
    """
    if not (locks := snakemake_locks(study)):
        return False
    refuse_living(study)
    if not (dead := _dead(study)):
        raise BusyError(
            f"study {study.name}: Snakemake's lock is on it, and nothing says whose; if no Snakemake is at work here, "
            f"type: {typed('snakemake --unlock')}"
        )
    _remove(locks)
    _remove(dead)
    return True


def refuse_living(study: Study) -> None:
    """Raise BusyError if another process has Snakemake's lock on a study."""
    if snakemake_locks(study) and (living := _living(study)):
        raise BusyError(f"study {study.name}: {living[0]} runs it in this folder; wait for it, or stop it first")


def said_of_lock(study: Study, file: Path) -> str | None:
    """What a Snakemake that will find the study locked can say of it."""
    if not snakemake_locks(study):
        return None
    if living := _living(study):
        return f"study {study.name}: {living[0]} runs it in this folder"
    if dead := [owner for file in _dead(study) if (owner := read_owner(file))]:
        return (
            f"study {study.name}: locked by {dead[0]}, which is dead; to clear its lock and go on: "
            f"{typed(f'priming run {file}')}"
        )
    return None


def _runners(study: Study) -> list[Path]:
    """The files of those that have the lock; where none is marked, of those that may have it."""
    found = [file for file in RUNNERS.glob("*") if file.name.partition("~")[0] == study.name]
    return [file for file in found if file.name.endswith(MARK)] or found


def _living(study: Study) -> list[Owner]:
    return [owner for file in _runners(study) if alive(file) and (owner := read_owner(file))]


def _dead(study: Study) -> list[Path]:
    return [file for file in _runners(study) if not alive(file)]


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
