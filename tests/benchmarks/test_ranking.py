"""The benchmark of ranking runs, and its three ways give the same scores and answers; times are not tested."""

import re
from pathlib import Path

import pytest

from tests import forked

pytestmark = pytest.mark.slow

AGAINST = re.compile(
    r"^(.*) against on a tree: scores differ by (\S+) at the most, (\d+) of (\d+) answers are the same$", re.MULTILINE
)


def test_the_three_ways_give_the_same(project: Path) -> None:
    ran = forked.script(project / "benchmarks/ranking.py", "--quick")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = {way: (float(worst), int(same), int(rows)) for way, worst, same, rows in AGAINST.findall(ran.stdout)}
    assert found.keys() == {"repeated states", "a pair at a time"}
    assert all(0 <= worst < 1e-4 and same == rows > 2 for worst, same, rows in found.values())
    assert "the results agree" in ran.stdout
