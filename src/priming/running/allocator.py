"""How this process gets memory from the system."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of mallopt (see mallopt(3))."""


def keep_freed_memory() -> bool:
    """Let memory that is freed be used again, instead of giving it back to the system and asking for it anew.

    A step of training frees and allocates the same hundreds of megabytes; the system fills each new page with zeros,
    which was an eighth of the time where a bank tunes the whole PLM. Returns whether the C library can do it: that of
    GNU can, others are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
