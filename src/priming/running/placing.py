"""Putting a finished result in place of an older one."""

import errno
import os
import re
import secrets
import shutil
from pathlib import Path


def put_in_place(made: Path, place: Path) -> None:
    """Move a folder to `place`, whole or not at all; an older one there is removed.

    Existing files are never written into, since hard links may share them. A folder on another file system is copied
    beside its place first.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = made.with_name(f"{made.name}.old")
    try:
        if place.exists():
            place.rename(aside)
        made.rename(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _from_elsewhere(made, place)
    shutil.rmtree(aside, ignore_errors=True)


def put_file_in_place(made: Path, place: Path) -> None:
    """Move a file to `place`, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        try:
            shutil.copy(made, part)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)


def _from_elsewhere(made: Path, place: Path) -> None:
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        _copy(made, part, place)
        if place.exists():
            shutil.rmtree(place)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy(made: Path, part: Path, place: Path) -> None:
    """Copy a folder; where the system refuses, the OSError says for which place, and how much room is needed."""
    try:
        shutil.copytree(made, part, symlinks=True)
    except OSError as error:
        # copytree goes on after a refusal, and then has a list of them instead of one error.
        number = int(found[1]) if (found := re.search(r"\[Errno (\d+)\]", str(error))) else errno.EIO
        needed = sum(file.lstat().st_size for file in made.rglob("*"))
        room = f"{needed:,} bytes are needed, {shutil.disk_usage(place.parent).free:,} are free"
        raise OSError(number, f"{os.strerror(number)} ({room})", str(place)) from error
