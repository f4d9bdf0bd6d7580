"""Random numbers as functions of what they are for: no state, so that a run draws the same alone, in a bank, and after a stop."""

import hashlib
from typing import Any

import numpy as np


def key(*parts: Any) -> int:
    """A 31-bit integer made from the names and numbers in `parts`."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


def generator(*parts: Any) -> np.random.Generator:
    """A generator of its own for `parts`."""
    return np.random.Generator(np.random.PCG64(key(*parts)))
