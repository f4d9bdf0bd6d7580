"""Stateless random numbers, keyed by their purpose: a run draws the same alone, in a bank, and resumed."""

import hashlib
from typing import Any

import numpy as np


def key(*parts: Any) -> int:
    """A 31-bit integer made from the names and numbers in `parts`."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


def nested_seed(seed: int, plm_seed: int | None) -> int:
    """The seed of a priming's random numbers on one of several pretrained PLMs; on a single PLM, `seed` itself.

    Primings are nested in PLMs: priming seed 1 draws different batches and initial elements on each.
    """
    return seed if plm_seed is None else key("plm seed", plm_seed, seed)


def generator(*parts: Any) -> np.random.Generator:
    """A generator seeded by `parts`."""
    return np.random.Generator(np.random.PCG64(key(*parts)))
