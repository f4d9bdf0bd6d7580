"""The benchmark of GPUs runs on a CPU; what it measures there is of no use."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests import forked

pytestmark = pytest.mark.slow


def gpu(project: Path, *options: str) -> CompletedProcess[str]:
    return forked.script(project / "benchmarks/gpu.py", *options)


def test_sections_run(project: Path) -> None:
    ran = gpu(project, "--quick", "gradients", "largest", "priming", "scoring", "otherwise")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "adapter float32: loss differs by " in ran.stdout
    assert "maml plm 2 x 12/4 bfloat16" in ran.stdout
    assert "beam 2 x 12/4 bfloat16, 2 runs: " in ran.stdout
    assert "NOT FINITE" not in ran.stdout


def test_what_takes_too_long_is_left_and_said(project: Path) -> None:
    ran = gpu(project, "--quick", "--limit", "0.001", "speed", "scoring")
    assert ran.returncode == 1
    assert "FAILED: TimeoutError: it took longer than --limit" in ran.stdout
    assert "== scoring" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_unknown_sections_are_named(project: Path) -> None:
    ran = gpu(project, "memory")
    assert ran.returncode == 2
    assert "there is no section 'memory'; allowed: agree, gradients, speed, " in ran.stderr
