"""Jobs that die or fail at any moment lose nothing: run again, they end with the same bytes."""

import json
from pathlib import Path

import pytest

from tests import forked
from tests.tiny_study import TINY

from .conftest import FULL, Inject

KILLS, EVERY = (20, 1) if FULL else (1, 24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = TINY.read_text().replace("seeds: [1, 2]", "seeds: [1]").replace("samples: [13, 21]", "samples: [13]")
    (tmp_path / "config.yaml").write_text(text)
    return tmp_path


def test_jobs_that_die_or_fail_lose_nothing(folder: Path, injected: Inject) -> None:
    script = Path(__file__).with_name("injections.py")
    done = forked.script(script, str(KILLS), str(EVERY), folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 11
    for fault, survived in found.items():
        injected(fault, survived)
