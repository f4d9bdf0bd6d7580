"""Every flipped bit is noticed by the step that reads the file, before it uses it."""

import json
import os
import shutil
from pathlib import Path

from tests import forked
from tests.tiny_study import TINY

from .counting import Inject
from .kinds import FILES

NUMBER = int(os.environ.get("FAULTS") or 6)


def test_flipped_bits_are_noticed(tmp_path: Path, injected: Inject) -> None:
    shutil.copy(TINY, tmp_path / "config.yaml")
    done = forked.script(Path(__file__).with_name("flips.py"), str(NUMBER), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.keys() == set(FILES)
    assert {len(noticed) for noticed in found.values()} == {NUMBER}
    injected({f"bit flip, {name}": noticed for name, noticed in found.items()})
