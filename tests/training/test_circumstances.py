"""What must not matter to results: seeds of hashes, the language, the clock's zone, paths, rights, looks at scores."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from priming.training.downstream import tune
from tests import forked
from tests.tiny_study import TINY

from .conftest import group, result, tuner

MAKES = """
import json, sys
from pathlib import Path
from priming.digests import content
from priming.jobs.graph import graph
from priming.running import steps
from priming.study.load import load_study
study = Path("config.yaml")
found = {}
for job in graph(load_study(study)).jobs.values():
    if job.step != "figure":
        steps.run(job.step, study, job.out)
        found |= {one.path: content(Path(one.path)) for one in job.results}
print(json.dumps(found))
"""
PLAIN = {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"}
OTHER = {"PYTHONHASHSEED": "4711", "LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Auckland"}


def made(folder: Path, seen: dict[str, str], umask: int) -> dict[str, str]:
    folder.mkdir()
    text = TINY.read_text().replace("seeds: [1, 2]", "seeds: [1]").replace("samples: [13, 21]", "samples: [13]")
    (folder / "config.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", MAKES], cwd=folder, env=forked.environment() | seen, capture_output=True, text=True,
        check=False, umask=umask,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_hashes_languages_zones_paths_and_rights_change_nothing(tmp_path: Path) -> None:
    plain = made(tmp_path / "plain", PLAIN, 0o022)
    assert len(plain) > 10
    other = made(tmp_path / "a folder called 'é\N{SNOWMAN}'", OTHER, 0o077)
    assert other == plain
    assert (tmp_path / "a folder called 'é\N{SNOWMAN}'" / "results").stat().st_mode & 0o077 == 0


def test_looking_at_scores_more_often_changes_no_weights(plm_folder: Path, tasks: Path, tmp_path: Path) -> None:
    found = []
    for every in (1, 3):
        one = tuner(plm_folder, "none -> adapter")
        one = replace(one, tuning=one.tuning.model_copy(update={"evaluate_every": every, "keep": "last", "steps": 6}))
        asked = group(tasks, None, tmp_path / f"every-{every}")
        tune(one, asked)
        samples = [folder / f"sample-{number}" for folder in asked.outs.values() for number in (1, 2)]
        losses = [[p["loss"] for p in run["curve"] if p["step"] == 6] for one in samples for run in result(one)["runs"]]
        files = [file for one in samples for file in sorted(one.glob("*")) if file.name != "result.json"]
        assert {file.suffix for file in files} >= {".jsonl", ".safetensors"}
        found.append((losses, [(file.name, file.read_bytes()) for file in files]))
    assert found[0] == found[1]
