"""The benchmark of known states runs, and both ways give the same; times are not tested."""

from pathlib import Path

import pytest

from tests import forked

pytestmark = pytest.mark.slow


def test_both_ways_give_the_same(project: Path) -> None:
    ran = forked.script(project / "benchmarks/ner.py", "--quick")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the results agree" in ran.stdout
    assert "4 rates" in ran.stdout
