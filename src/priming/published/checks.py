"""Printed values beside recomputed ones, with a verdict."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from priming.blocks import Block

WIDTH = 110


@dataclass(frozen=True)
class Check:
    """A printed statement and its recomputed value."""

    statement: str
    printed: str
    recomputed: str
    verdict: str


def number_check(statement: str, printed: float, recomputed: float, within: float, decimals: int = 1) -> Check:
    """Two numbers that agree if rounding and reading, `within`, explain their difference."""
    verdict = "agrees" if agree(printed, recomputed, within) else "differs"
    return Check(statement, f"{printed:.{decimals}f}", f"{recomputed:.{decimals}f}", verdict)


def count_check(statement: str, printed: str, held: Sequence[bool]) -> Check:
    """A statement about several cells, and the number of cells in which it holds."""
    return Check(statement, printed, f"{sum(held)} of {len(held)}", "agrees" if all(held) else "differs")


def agree(printed: float, recomputed: float, within: float) -> bool:
    """Whether two numbers differ by at most `within`, up to rounding in the last bit."""
    return abs(printed - recomputed) <= within + 1e-9


def check_block(label: str, caption: str, checks: Sequence[Check], *note: str) -> Block:
    """One row per check."""
    rows = [[check.statement, check.printed, check.recomputed, check.verdict] for check in checks]
    return Block(label, caption, ["", "printed", "recomputed", "verdict"], rows, noted(*note))


def noted(*sentences: str) -> str:
    """Sentences wrapped to the width of a terminal."""
    return textwrap.fill(" ".join(sentences), WIDTH, break_long_words=False, break_on_hyphens=False)


def signed(value: float, decimals: int = 1) -> str:
    """`+0.7`, `-3.6`, and `+0.0` for values that round to 0."""
    return f"{round(value, decimals) + 0.0:+.{decimals}f}"
