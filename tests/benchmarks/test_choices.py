"""The benchmark of choices runs: scores agree, and the encoder reads each row once; times are not tested."""

import re
from pathlib import Path

import pytest

from tests import forked

pytestmark = pytest.mark.slow


def test_each_row_is_read_once(project: Path) -> None:
    ran = forked.script(project / "benchmarks/choices.py", "--quick")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the results agree" in ran.stdout
    (rows,) = re.findall(r"^40 rows, (\S+) choices each", ran.stdout, re.MULTILINE)
    (less,) = re.findall(r"^times less +(\S+)", ran.stdout, re.MULTILINE)
    assert float(less) == pytest.approx(float(rows), rel=0.15)
    assert float(less) > 2.5
