"""Jobs that die or fail at any moment lose nothing: run again, they end with the same bytes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NoReturn

import pytest

from tests import forked
from tests.tiny_study import TINY

from .counting import FULL, Inject
from .kinds import AT_CALLS

KILLS, EVERY = (20, 1) if FULL else (1, 37)
DROPPED = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
"""Root may write everywhere, unless it gives that up."""
LARGEST_SHARE = 0.02
"""Of a tuning job's time, for hashing what it reads and writes. The job is the smallest there is."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = TINY.read_text().replace("seeds: [1, 2]", "seeds: [1]").replace("samples: [13, 21]", "samples: [13]")
    (tmp_path / "study").mkdir()
    (tmp_path / "study/config.yaml").write_text(text)
    return tmp_path


def disk(folder: Path, project: Path) -> dict[str, str]:
    """The variable that puts a disk which can fail under a program; nothing without a compiler."""
    if not (compiler := shutil.which("cc")):
        return {}
    library = folder / "disk.so"
    source = project / "tests/faults/disk.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def test_jobs_that_die_or_fail_lose_nothing(
    folder: Path,
    project: Path,
    injected: Inject,
    shown: Callable[[str], None],
    missing: Callable[[str, str], NoReturn],
) -> None:
    preloaded = disk(folder, project)
    seen = {**forked.environment(), "PYTHONPATH": os.pathsep.join([str(project / "src"), str(project)])}
    dropped = DROPPED if os.geteuid() == 0 and shutil.which("setpriv") else []
    done = subprocess.run(
        [*dropped, sys.executable, str(project / "tests/faults/injections.py"), str(KILLS), str(EVERY)],
        cwd=folder / "study", env=seen | preloaded, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    printed = json.loads(done.stdout.splitlines()[-1])
    found, share = printed["found"], median(printed["hashing"])
    shown(f"hashing takes {share:.1%} of the CPU time of a tuning job (at most {LARGEST_SHARE:.0%})")
    print(done.stderr)
    injected(found)
    assert share < LARGEST_SHARE
    if not preloaded:
        missing("compiler", "there is no cc to build a disk that fails")
    assert {fault.partition(" at ")[0] for fault in found if " at " in fault} == {*AT_CALLS}
