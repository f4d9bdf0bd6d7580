"""The exit statuses of docs/reliability.md are those of the command line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from priming import errors
from priming.running.whole_study import FAILED_CELLS

TABLE = (Path(__file__).parents[2] / "docs/reliability.md").read_text().partition("## Exit statuses")[2]


def test_the_table_has_every_status() -> None:
    listed = {int(status) for status in re.findall(r"^\| (\d+) \|", TABLE, re.MULTILINE)}
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.UserError)]
    assert len(classes) >= 6
    assert listed == {0, FAILED_CELLS, *(kind.exit_code for kind in classes)}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["check", "good.yaml"], 0),
        (["check", "bad.yaml"], 2),
        (["check", "good.yaml", "--unknown"], 2),
        (["verify", "nothing"], 4),
        (["convert", "nothing", "--to", "out"], 4),
        (["prime", "--study", "good.yaml", "--out", "results/tiny/primed/mini/mtl-plm+adapter/seed-1"], 4),
        (["prime", "--study", "good.yaml", "--out", "results/tiny/none"], 2),
    ],
)
def test_statuses_of_commands(tmp_path: Path, arguments: list[str], status: int) -> None:
    text = (Path(__file__).parents[1] / "tiny_study.yaml").read_text()
    (tmp_path / "good.yaml").write_text(text)
    (tmp_path / "bad.yaml").write_text(text.replace("seeds:", "sedes:"))
    done = subprocess.run(
        [sys.executable, "-m", "priming", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
