"""PLMs that are fetched: from a user's folder, and from the hub, of which a cache stands in that has been filled before."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from safetensors.torch import load_file

from priming.study.compute import Compute
from priming.study.plm import Plm
from priming.training.pretrain import make_plm
from tests.tiny_plms import CLASSES

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FETCH = """
from pathlib import Path
import sys
from priming.study.compute import Compute
from priming.study.plm import Plm
from priming.training.pretrain import make_plm
make_plm("small", Plm(hub="somebody/small", revision=sys.argv[1]), [], Path(), Path("out"), Compute())
"""


@pytest.mark.parametrize("name", CLASSES)
def test_a_folder_is_taken_over_whole(plm_folders: Mapping[str, Path], name: str, tmp_path: Path) -> None:
    make_plm("mine", Plm(path=plm_folders[name].name), [], plm_folders[name].parent, tmp_path / "out", Compute())
    given, made = (load_file(folder / "model.safetensors") for folder in (plm_folders[name], tmp_path / "out"))
    assert given.keys() == made.keys()
    assert all(given[key].equal(made[key]) for key in given)
    assert json.loads((tmp_path / "out/result.json").read_text())["commit"] is None


@pytest.mark.parametrize("revision", [COMMIT, "stable"])
def test_the_commit_that_the_hub_gave_is_recorded(plm_folders: Mapping[str, Path], revision: str, tmp_path: Path) -> None:
    """Also where the revision is a branch."""
    cached = tmp_path / "home/hub/models--somebody--small"
    shutil.copytree(plm_folders["t5-gated"], cached / "snapshots" / COMMIT)
    (cached / "refs").mkdir()
    (cached / "refs/stable").write_text(COMMIT)
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", FETCH, revision], cwd=tmp_path, env=environment, check=True)
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert (result["commit"], result["settings"]["revision"]) == (COMMIT, revision)
