"""The faults that tests inject are counted, and shown as a table at the end.

In full (FAULTS is set, as in `make faults`) the session fails if a kind of fault was injected no time: its test was
skipped or deselected, or it injects nothing any more.
"""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.kinds import KINDS

FULL = bool(os.environ.get("FAULTS"))
"""Whether all faults are to be injected that there are, as `make faults` does."""
ROOT = Path(__file__).parents[2]
INJECTED: dict[str, list[bool]] = {}
NOTES: list[str] = []
"""Lines that are shown below the table."""
Inject = Callable[[Mapping[str, Sequence[bool]]], None]


@pytest.fixture(scope="session")
def shown() -> Callable[[str], None]:
    """`shown(line)` shows a line below the table."""
    return NOTES.append


def note(fault: str, survived: Sequence[bool]) -> None:
    """Count a fault of a kind that is listed."""
    assert any(fault in kinds for kinds in KINDS.values()), f"{fault!r} is not in tests/faults/kinds.py"
    INJECTED.setdefault(fault, []).extend(survived)


@pytest.fixture(scope="session")
def injected() -> Inject:
    """`injected(found)` counts faults, given for each time whether it was survived, and then refuses losses."""

    def count(found: Mapping[str, Sequence[bool]]) -> None:
        for fault, survived in found.items():
            note(fault, survived)
        assert found
        assert all(found.values()), [fault for fault, survived in found.items() if not survived]
        lost = {fault: survived.count(False) for fault, survived in found.items() if False in survived}
        assert not lost, f"lost: {lost}"

    return count


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test with the mark `fault` injects one; it is survived where the test passes."""
    report = yield
    if report.when == "call" and not report.skipped:
        for mark in item.iter_markers("fault"):
            note(mark.args[0], [report.passed])
    return report


def expected(asked: Sequence[str]) -> Iterator[str]:
    """The kinds whose tests are in the folders, or in files, that pytest was asked for."""
    places = [(Path.cwd() / one.partition("::")[0]).resolve() for one in asked]
    for folder, kinds in KINDS.items():
        whole = ROOT / folder
        if any(place.is_relative_to(whole) or whole.is_relative_to(place) for place in places):
            yield from kinds


def never(config: pytest.Config) -> list[str]:
    """The kinds that should have been injected and were not."""
    return [kind for kind in expected(config.args) if not INJECTED.get(kind)] if FULL else []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A table with a zero is no proof."""
    if never(session.config) and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table."""
    missing = never(config)
    rows = {kind: INJECTED.get(kind, []) for kind in [*INJECTED, *missing]}
    if not rows:
        return
    width = max(map(len, rows))
    terminalreporter.section("faults")
    terminalreporter.write_line(f"{'fault':{width}}  injected  survived  lost")
    for fault, survived in rows.items():
        kept = sum(survived)
        terminalreporter.write_line(f"{fault:{width}}  {len(survived):8}  {kept:8}  {len(survived) - kept:4}")
    for note in NOTES:
        terminalreporter.write_line(note)
    for kind in missing:
        terminalreporter.write_line(f"FAILED {kind}: injected no time")
