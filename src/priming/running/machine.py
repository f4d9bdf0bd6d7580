"""What jobs of a user on one machine share, and how to know that a scheduler has given them theirs."""

import os
import stat
import tempfile
from pathlib import Path

ALLOCATED = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")
"""Set by schedulers, which limit processes and assign GPUs themselves."""


def own_folder(purpose: str) -> Path:
    """The folder `priming-PURPOSE-UID` in the system's folder of temporary files, which nobody else can enter.

    Raises:
        PermissionError: somebody else owns it or can enter it.
    """
    place = Path(tempfile.gettempdir()) / f"priming-{purpose}-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    seen = place.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or seen.st_mode & 0o077:
        raise PermissionError(str(place))
    return place


def process_status(pid: int) -> list[str]:
    """What /proc says of a process, from its state on (the parent is next); nothing without /proc or the process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []
