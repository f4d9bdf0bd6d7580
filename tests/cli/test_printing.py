"""Pages as text, on a terminal and as JSON."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from priming.cli.printing import aligned, plain
from priming.durations import duration
from priming.inspection.page import Facts, Note, Page, Table

PAGE = Page(
    [Facts("Who", [("name", "a"), ("nothing", "")]), Table("", ["what", "n"], [["x", "1"], ["y", "20"]]), Note("end")]
)


def test_columns_of_numbers_are_aligned_to_the_right() -> None:
    assert plain(PAGE) == "Who\nname  a\n\nwhat   n\nx      1\ny     20\n\nend"
    assert aligned([["a", "b"], ["ccc", "1 s"]]) == ["a      b", "ccc  1 s"]
    assert aligned([["a", "bbbb"], ["ccc", "d"]]) == ["a    bbbb", "ccc  d"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.42, "0.4 s"), (42, "42 s"), (600, "10 min"), (10_000, "2.8 h"), (1e6, "11.6 days")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_json_is_json_and_pipes_get_no_colours(project: Path) -> None:
    for arguments in (["plan", "--help"], ["doctor"], ["doctor", "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "priming", *arguments], cwd=project, capture_output=True, text=True, check=True
        )
        assert "\x1b" not in done.stdout
    assert {one["name"] for one in json.loads(done.stdout)["findings"]} >= {"torch", "GPU", "SLURM"}


def test_a_terminal_gets_colours(project: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-m", "priming", "doctor"], cwd=project, stdout=theirs, env=environment
    ) as process:
        os.close(theirs)
        said = b""
        while chunk := _read(ours):
            said += chunk
        assert process.wait() == 0
    os.close(ours)
    assert b"\x1b[1m" in said
    assert b"torch" in said


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # its other end is closed
        return b""
