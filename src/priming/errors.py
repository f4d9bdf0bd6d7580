"""Errors that a user can cause, each printed as one message without a traceback."""

import difflib
import errno
import os
import re
from collections.abc import Iterable


class UserError(Exception):
    """A user's mistake; `str()` is the whole message."""

    exit_code = 1


class StudyError(UserError):
    """The study file is wrong."""

    exit_code = 2


class DataError(UserError):
    """A data set or one of its rows, or a model folder, is wrong or missing."""

    exit_code = 4


class DiskError(UserError):
    """Nothing could be written; earlier files are intact."""

    exit_code = 5


_DISK = {
    errno.ENOENT: "it went away while this ran; type the same command again",
    errno.EACCES: "give yourself the right to write there, and type the same command again",
    errno.EPERM: "give yourself the right to write there, and type the same command again",
    errno.EROFS: "it is on a file system that is read only; work in another folder",
    errno.ENOSPC: "the disk is full; make room, and type the same command again",
    errno.EDQUOT: "your quota is used up; make room, and type the same command again",
    errno.EFBIG: "a limit on the size of files is in the way (ulimit -f); raise it, and type the same command again",
    errno.EIO: "the disk or its server fails; look at them, then type the same command again",
    errno.ENAMETOOLONG: "shorten the names of the study, its PLMs, tasks or variants",
    errno.ENOTDIR: "a file stands where a folder should be; move it away, and type the same command again",
    errno.EEXIST: "a file stands where a folder should be; move it away, and type the same command again",
}


def disk_error(place: object, error: OSError) -> DiskError:
    """What went wrong with a file or folder while `place` was made, and what to do about it."""
    what, why = error.filename or place, error.strerror or str(error)
    about = f" (for {place})" if error.filename and str(error.filename) != str(place) else ""
    return DiskError(f"{what}: {why}{about}; {_DISK.get(error.errno or 0, 'type the same command again')}")


def system_error(error: Exception) -> OSError | None:
    """The system's error behind an exception; safetensors has one class, which is no OSError, for all of them."""
    if isinstance(error, OSError):
        return error
    found = re.search(r"\(os error (\d+)\)", str(error)) if type(error).__name__ == "SafetensorError" else None
    return OSError(int(found[1]), os.strerror(int(found[1]))) if found else None


class StoppedError(UserError):
    """Training was stopped by a signal; its state is saved, and the same command resumes it."""

    exit_code = 75


class BusyError(UserError):
    """Another process is at work on the same thing; once it has ended, the same command goes on."""

    exit_code = 75


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Say which allowed words look like `word`: `; did you mean 'adapter'?`, or nothing."""
    close = difflib.get_close_matches(word, [name for name in allowed if name.strip()], n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
