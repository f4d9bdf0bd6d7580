"""A job keeps memory that it frees."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource
import torch
from priming.running.allocator import keep_freed_memory

keeps = {keeps} and keep_freed_memory()
numbers = torch.ones(2**24)
for _ in range(20):
    del numbers
    numbers = torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    del numbers
    numbers = torch.ones(2**24)
print(int(keeps), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keeps: bool) -> tuple[bool, int]:
    """Whether memory is kept, and the pages that the system gives for 64 MB that are freed and allocated ten times."""
    ran = subprocess.run([sys.executable, "-c", SCRIPT.format(keeps=keeps)], capture_output=True, text=True, check=True)
    done, pages = ran.stdout.split()
    return done == "1", int(pages)


def test_freed_memory_is_used_again() -> None:
    done, pages = faults(keeps=True)
    if not done:
        pytest.skip("the C library here has no mallopt")
    assert pages < faults(keeps=False)[1] / 10
