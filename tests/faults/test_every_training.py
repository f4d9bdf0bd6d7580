"""Trainings of every algorithm, form and update rule, killed at any step, end with the same bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path

from priming.algorithms.table import ALGORITHMS
from priming.backbones.table import BACKBONES
from priming.forms.table import FORMS
from priming.runs.update_rules.table import MODULES
from tests import forked

from .counting import FULL, Inject

KILLS = "3" if FULL else "1"


def test_trainings_killed_at_a_step_end_with_the_same_bytes(tmp_path: Path, project: Path, injected: Inject) -> None:
    seen = {**forked.environment(), "PYTHONPATH": os.pathsep.join([str(project / "src"), str(project)])}
    done = subprocess.run(
        [sys.executable, str(project / "tests/faults/every_training.py"), KILLS, "all" if FULL else "few"],
        cwd=tmp_path, env=seen, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    printed = json.loads(done.stdout.splitlines()[-1])
    print(done.stderr)
    injected(printed["found"])
    covered = {key: set(names) for key, names in printed["covered"].items()}
    assert covered["form"] == set(FORMS)
    assert covered["rule"] == set(MODULES)
    assert covered["algorithm"] == set(ALGORITHMS)
    assert covered["family"] == set(BACKBONES) or not FULL
