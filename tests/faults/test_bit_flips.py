"""Every flipped bit is noticed by the step that reads the file, before it uses it."""

import json
import os
import shutil
from pathlib import Path

from tests import forked
from tests.tiny_study import TINY

NUMBER = int(os.environ.get("FAULTS") or 6)


def test_flipped_bits_are_noticed(tmp_path: Path) -> None:
    shutil.copy(TINY, tmp_path / "config.yaml")
    done = forked.script(Path(__file__).with_name("flips.py"), str(NUMBER), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 16
    assert {name: sum(seen) for name, seen in found.items()} == dict.fromkeys(found, NUMBER)
