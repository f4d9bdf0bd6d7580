"""The benchmark of primings runs, and seeds come to the same either way; times are not tested."""

from pathlib import Path

import pytest

from tests import forked

pytestmark = pytest.mark.slow


def test_seeds_come_to_the_same(project: Path) -> None:
    ran = forked.script(project / "benchmarks/primings.py", "--quick")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the results agree" in ran.stdout
    assert "side by side / one after the other: " in ran.stdout
