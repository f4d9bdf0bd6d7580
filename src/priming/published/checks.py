"""What is printed beside what follows from the printed numbers, with a verdict."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from priming.reporting.block import Block

WIDTH = 110


@dataclass(frozen=True)
class Check:
    """A printed statement and the same recomputed."""

    statement: str
    printed: str
    recomputed: str
    verdict: str


def number_check(statement: str, printed: float, recomputed: float, within: float, decimals: int = 1) -> Check:
    """Two numbers that agree when rounding and reading, `within`, explain what lies between them."""
    verdict = "agrees" if agree(printed, recomputed, within) else "differs"
    return Check(statement, f"{printed:.{decimals}f}", f"{recomputed:.{decimals}f}", verdict)


def count_check(statement: str, printed: str, held: Sequence[bool]) -> Check:
    """A statement about several cells, and in how many of them it holds."""
    return Check(statement, printed, f"{sum(held)} of {len(held)}", "agrees" if all(held) else "differs")


def agree(printed: float, recomputed: float, within: float) -> bool:
    """Whether two numbers are no farther apart than `within`, but for the last bit."""
    return abs(printed - recomputed) <= within + 1e-9


def check_block(label: str, caption: str, checks: Sequence[Check], *note: str) -> Block:
    """A row a check."""
    rows = [[check.statement, check.printed, check.recomputed, check.verdict] for check in checks]
    return Block(label, caption, ["", "printed", "recomputed", "verdict"], rows, noted(*note))


def noted(*sentences: str) -> str:
    """Sentences as lines that a terminal holds."""
    return textwrap.fill(" ".join(sentences), WIDTH, break_long_words=False, break_on_hyphens=False)


def signed(value: float, decimals: int = 1) -> str:
    """`+0.7`, `-3.6`, and `+0.0` for what rounds to nothing."""
    return f"{round(value, decimals) + 0.0:+.{decimals}f}"
