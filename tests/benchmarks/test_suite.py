"""Each benchmark of `make bench` runs, its ways give the same results, and its file holds what was measured."""

import json
import re
import subprocess
from pathlib import Path
from statistics import median

import pytest

from tests import forked

pytestmark = pytest.mark.slow

WAYS = {
    "choices": {"once a row", "once a pair"},
    "evaluation": {"this code", "CrossFit's way"},
    "generation": {"this code", "generate"},
    "growth": {"1", "2"},
    "meta": {"this code", "a clone a task"},
    "mtl": {"this code", "Trainer"},
    "primings": {"side by side", "one after the other"},
    "sweep": {"Trainer", "BatchSplit", "R = 1", "bank of 4"},
}
"""Among others; the tests of ranking.py and ner.py run these."""
KEYS = {
    "benchmark", "seconds", "commit", "modified", "machine", "versions", "sizes", "measured", "ratios", "differences",
    "agree",
}  # fmt: skip
BEFORE = "51e1bf5"


@pytest.mark.parametrize("name", WAYS)
def test_ways_agree_and_are_written(project: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "results" / f"{name}.json"
    known = subprocess.run(["git", "-C", str(project), "cat-file", "-e", BEFORE], capture_output=True, check=False)
    without = ["--against", "none"] if name == "evaluation" and known.returncode else []
    ran = forked.script(project / f"benchmarks/{name}.py", "--quick", "--json", str(file), *without)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the results agree" in ran.stdout
    found = json.loads(file.read_text())
    assert found.keys() == KEYS
    assert found["benchmark"] == name
    assert found["agree"] is True
    assert found["differences"]
    assert all(each["largest"] <= each["allowed"] for each in found["differences"])
    assert WAYS[name] <= {row["way"] for row in found["measured"]}
    assert all(row["median"] == median(row["seconds"]) for row in found["measured"])
    assert name != "evaluation" or without or BEFORE in {row["way"] for row in found["measured"]}


def test_memory_of_an_outer_step_is_measured(project: Path, tmp_path: Path) -> None:
    ran = forked.script(project / "benchmarks/meta.py", "--quick", "--json", str(tmp_path / "meta.json"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert all(row["peak_mb"] > 0 for row in json.loads((tmp_path / "meta.json").read_text())["measured"])


def test_the_workflow_is_measured(project: Path, tmp_path: Path) -> None:
    ran = forked.script(project / "benchmarks/workflow.py", "--quick", "--json", str(tmp_path / "workflow.json"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = json.loads((tmp_path / "workflow.json").read_text())["measured"]
    assert {"dry run", "plan", "in its own process"} <= {row["way"] for row in rows}
    assert all(row["median"] > 0 and row["wall_s"] > 0 for row in rows)


def test_parts_of_a_stage_are_its_time(project: Path, tmp_path: Path) -> None:
    file, figure = tmp_path / "roofline.json", tmp_path / "roofline.svg"
    ran = forked.script(project / "benchmarks/roofline.py", "--quick", "--json", str(file), "--figure", str(figure))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = json.loads(file.read_text())["measured"]
    assert len(rows) == 2
    assert "<svg" in figure.read_text()
    for row in rows:
        parts = [row[f"{part}_ms"] for part in ("products", "memory", "launching", "the rest")]
        assert all(part >= 0 for part in parts)
        assert sum(parts) >= 1000 * row["median"] * 0.999
        assert row["gflops"] > 0


def test_what_the_demo_starts_with_is_measured(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    ran = forked.script(project / "benchmarks/demo.py", "--quick", "--against", "none", "--json", str(file))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    [row] = json.loads(file.read_text())["measured"]
    assert 0 < row["starts_s"] < row["median"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluation", "--quick", "--against", "nothing"), "error: git knows no commit 'nothing' here; give one"),
        (("growth", "--factor", "depth"), "there is no factor 'depth'; allowed: runs, tasks, tokens, width"),
        (("workflow", "--step", "read"), "there is no step 'read'; allowed: prepare, prime, tune, score"),
    ],
    ids=["commit", "factor", "step"],
)
def test_mistakes_are_named(project: Path, words: tuple[str, ...], message: str) -> None:
    name, *options = words
    ran = forked.script(project / f"benchmarks/{name}.py", *options)
    assert ran.returncode in {1, 2}
    assert message in re.sub(r"\s+", " ", ran.stderr)
    assert "Traceback" not in ran.stderr
