"""Keeping the tables of a study before it is run again with other settings."""

import re
import shutil
from pathlib import Path

from priming.atomic import atomic_folder
from priming.digests import RECIPE
from priming.errors import DataError, StudyError
from priming.study.load import load_study
from priming.study.paths import kept, tables

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def keep_tables(study_file: Path, name: str) -> Path:
    """Copy the tables of a study, as they are, to a folder of this name; returns the folder.

    Raises:
        StudyError: the name is taken, or no name of a folder.
        DataError: there are no finished tables.
    """
    study = load_study(study_file)
    source, out = Path(tables(study)), Path(kept(study, name))
    if not NAME.fullmatch(name):
        raise StudyError(f"--keep-as {name!r}: allowed: letters, digits, '.', '_' and '-'")
    if out.exists():
        raise StudyError(f"--keep-as {name}: {out} is there already; give another name, or remove it")
    if not (source / RECIPE).is_file():
        raise DataError(f"study {study.name} has no finished tables to keep ({source}); leave out --keep-as {name}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(out) as unfinished:
        shutil.copytree(source, unfinished, dirs_exist_ok=True)
    return out
