"""The faults that tests inject are counted, and shown as a table at the end."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

FULL = bool(os.environ.get("FAULTS"))
"""Whether all faults are to be injected that there are, as `make faults` does."""
INJECTED: dict[str, list[bool]] = {}
Inject = Callable[[str, Sequence[bool]], None]


@pytest.fixture
def injected() -> Inject:
    """`injected(fault, survived)` counts a fault, given for each time whether it was survived, and refuses losses."""

    def count(fault: str, survived: Sequence[bool]) -> None:
        INJECTED.setdefault(fault, []).extend(survived)
        assert survived, f"{fault}: never injected"
        assert all(survived), f"{fault}: {list(survived).count(False)} of {len(survived)} lost"

    return count


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not INJECTED:
        return
    width = max(map(len, INJECTED))
    terminalreporter.write_line(f"{'fault':{width}}  injected  survived  lost")
    for fault, survived in INJECTED.items():
        kept = sum(survived)
        terminalreporter.write_line(f"{fault:{width}}  {len(survived):8}  {kept:8}  {len(survived) - kept:4}")
