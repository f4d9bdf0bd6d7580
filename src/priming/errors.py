"""Errors that a user can cause, each printed as one message without a traceback."""

import difflib
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


class StoppedError(UserError):
    """Training was stopped by a signal; its state is saved, and the same command resumes it."""

    exit_code = 75


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Say which allowed words look like `word`: `; did you mean 'adapter'?`, or nothing."""
    close = difflib.get_close_matches(word, list(allowed), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
