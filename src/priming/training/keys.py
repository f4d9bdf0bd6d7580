"""Random numbers as functions of what they are for: no state, so that a run draws the same alone, in a bank, and after a stop."""

import hashlib
from typing import Any

import numpy as np


def key(*parts: Any) -> int:
    """A 31-bit integer made from the names and numbers in `parts`."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


def nested_seed(seed: int, plm_seed: int | None) -> int:
    """What fixes the random numbers of a priming seed on one of several PLMs; the seed itself where there is one PLM.

    Primings are nested in PLMs: seed 1 draws other batches and other fresh elements on each.
    """
    return seed if plm_seed is None else key("plm seed", plm_seed, seed)


def generator(*parts: Any) -> np.random.Generator:
    """A generator of its own for `parts`."""
    return np.random.Generator(np.random.PCG64(key(*parts)))
