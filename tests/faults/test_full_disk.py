"""A full disk, a quota, a read-only folder: one message with the path and the bytes needed, status 5, nothing lost."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests import forked
from tests.tiny_study import TINY

PRIMED = "results/tiny/primed/mini/mtl-plm+adapter/seed-1"


class Folder:
    """A study, its tasks and PLM made, in a folder whose disk can be limited."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(TINY, folder / "config.yaml")

    def step(self, step: str, out: str, file_size: int | None = None) -> "subprocess.CompletedProcess[str]":
        def limit() -> None:
            if file_size:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

        return subprocess.run(
            [sys.executable, "-m", "priming", step, "--study", "config.yaml", "--out", out],
            cwd=self.folder, env=forked.environment(), capture_output=True, text=True, check=False, preexec_fn=limit,
        )  # fmt: skip

    def make(self, step: str, out: str) -> None:
        done = self.step(step, out)
        assert done.returncode == 0, done.stderr

    def refused(self, done: "subprocess.CompletedProcess[str]", expected: str) -> None:
        assert done.returncode == 5, done.stderr
        assert re.search(expected, done.stderr), done.stderr
        assert "Traceback" not in done.stderr
        assert list((self.folder / "work/tiny/running").iterdir()) == []
        assert list((self.folder / "work/tiny/locks").iterdir()) == []


@pytest.fixture
def study(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.make("prepare", "results/tiny/tasks/chunks/00")
    folder.make("pretrain", "results/tiny/plm/mini")
    return folder


@pytest.mark.fault("quota (RLIMIT_FSIZE)")
def test_weights_over_a_quota(study: Folder) -> None:
    """Files of at most 20 kB: the weights of the PLM have more."""
    done = study.step("prime", PRIMED, file_size=20_000)
    expected = (
        rf"^error: work/tiny/running/[\w-]+/{PRIMED.removeprefix('results/tiny/').replace('/', '~')}/plm\.safetensors: "
        r"File too large \([\d,]+ bytes are needed, [\d,]+ are free\) \(for results/tiny/primed/mini/mtl-plm\+adapter/"
        r"seed-1\); a limit on the size of files is in the way"
    )
    study.refused(done, expected.replace("+adapter/plm", "\\+adapter/plm").replace("mtl-plm+", "mtl-plm\\+"))
    assert not (study.folder / PRIMED).exists()
    study.make("prime", PRIMED)


@pytest.mark.fault("quota (RLIMIT_FSIZE)")
def test_a_plm_over_a_quota(study: Folder) -> None:
    before = (study.folder / "results/tiny/plm/mini/model.safetensors").read_bytes()
    (study.folder / "results/tiny/plm/mini/recipe.json").unlink()
    study.refused(
        study.step("pretrain", "results/tiny/plm/mini", file_size=20_000),
        r"plm~mini/model\.safetensors: File too large \([\d,]+ bytes are needed",
    )
    assert (study.folder / "results/tiny/plm/mini/model.safetensors").read_bytes() == before
    study.make("pretrain", "results/tiny/plm/mini")


@pytest.fixture
def small_disk(tmp_path: Path, missing: Callable[[str, str], NoReturn]) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        missing("mount", "no file system can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.fault("full disk, before a job")
def test_room_is_looked_at_before_a_job_starts(small_disk: Path) -> None:
    folder = Folder(small_disk)
    folder.make("prepare", "results/tiny/tasks/chunks/00")
    folder.make("pretrain", "results/tiny/plm/mini")
    free = shutil.disk_usage(small_disk).free
    (small_disk / "filler").write_bytes(bytes(free - 100_000))
    done = folder.step("prime", PRIMED)
    folder.refused(
        done,
        rf"^error: work/tiny: about [\d,]+ bytes are needed for {re.escape(PRIMED)}, and [\d,]+ are free; make room",
    )
    assert "step 1" not in done.stdout
    (small_disk / "filler").unlink()
    folder.make("prime", PRIMED)


@pytest.mark.fault("full disk, during a job")
def test_a_disk_that_fills_up_during_a_job(small_disk: Path) -> None:
    """Room was there when it started; the message says what is needed, and the same command goes on after all."""
    folder = Folder(small_disk)
    folder.make("prepare", "results/tiny/tasks/chunks/00")
    folder.make("pretrain", "results/tiny/plm/mini")
    fills = small_disk / "fills.py"
    fills.write_text(
        "import shutil, sys\n"
        "from pathlib import Path\n"
        "from priming.cli import main\n"
        "from priming.runs.loss_curve import LossCurve\n"
        "noted = LossCurve.after_step\n"
        "def after_step(self, step, losses):\n"
        "    noted(self, step, losses)\n"
        "    with Path('filler').open('ab') as filler:\n"
        "        filler.write(bytes(max(0, shutil.disk_usage('.').free - 16384)))\n"
        "LossCurve.after_step = after_step\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "fills.py", "prime", "--study", "config.yaml", "--out", PRIMED], cwd=small_disk,
        env=forked.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    folder.refused(done, r"plm\.safetensors: No space left on device \([\d,]+ bytes are needed, [\d,]+ are free\)")
    (small_disk / "filler").unlink()
    folder.make("prime", PRIMED)
    assert json.loads((small_disk / PRIMED / "result.json").read_text())["status"] == "done"


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write everywhere")
def test_a_folder_that_is_read_only(study: Folder) -> None:
    place = study.folder / "results/tiny"
    place.chmod(0o555)
    dropped = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
    done = subprocess.run(
        [*(dropped if os.geteuid() == 0 else []), sys.executable, "-m", "priming", "prime", "--study", "config.yaml",
         "--out", PRIMED], cwd=study.folder, env=forked.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    place.chmod(0o755)
    study.refused(done, r"results/tiny: Permission denied; give yourself the right to write there, and type the same")
    study.make("prime", PRIMED)
