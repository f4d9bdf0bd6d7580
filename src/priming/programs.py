"""How a program of this environment is called from where the user types: `priming`, or `.venv/bin/priming`."""

import os
import shutil
import sys
from pathlib import Path

FOLDER = "PRIMING_PROGRAMS"
"""Set by a process that changes the PATH for its own jobs: the folder as the user types it, or nothing."""


def typed(command: str) -> str:
    """A command as it has to be typed here, given as `priming check my/study.yaml`."""
    folder = os.environ.get(FOLDER)
    return f"{_folder(command.partition(' ')[0]) if folder is None else folder}{command}"


def keep_typed() -> None:
    """Let processes that inherit the environment name programs as this one does, whatever happens to the PATH."""
    os.environ.setdefault(FOLDER, _folder("priming"))


def _folder(program: str) -> str:
    """What stands before the name of a program: nothing if the PATH leads to that of this environment."""
    beside = Path(sys.executable).parent / program
    found = shutil.which(program)
    if not beside.is_file() or (found and Path(found).samefile(beside)):
        return ""
    here = Path.cwd()
    return f"{beside.parent.relative_to(here) if beside.is_relative_to(here) else beside.parent}{os.sep}"
