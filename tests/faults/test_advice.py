"""Messages that say what to do are followed: what they say helps."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from priming.running.result_locks import Locks
from tests import forked
from tests.tiny_study import Checkout

PLM = "results/tiny/plm/mini"
TASK = "results/tiny/tasks/day_mood"
PRIMED = "results/tiny/primed/mini/mtl-plm+adapter/seed-1"


@pytest.fixture
def prepared(checkout: Checkout) -> Checkout:
    checkout.snakemake("tasks", "plm")
    checkout.executed()
    return checkout


def priming(checkout: Checkout, *arguments: str) -> "subprocess.CompletedProcess[str]":
    seen = {**forked.environment(), "PYTHONPATH": str(checkout.folder / "src")}
    return subprocess.run(
        [sys.executable, "-m", "priming", *arguments], cwd=checkout.folder, env=seen, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("file", "does", "says"),
    [
        (f"{PLM}/model.safetensors", flip, "is damaged"),
        (f"{TASK}/pool.jsonl", flip, "is damaged"),
    ],
)
def test_deleting_what_is_damaged_makes_it_again(prepared: Checkout, file: str, does: object, says: str) -> None:
    assert callable(does)
    does(prepared.folder / file)
    said = prepared.snakemake(PRIMED, status=1)
    advice = re.search(rf"error: {re.escape(file)} {says}.*; delete (\S+) and run snakemake again", said)
    assert advice, said
    shutil.rmtree(prepared.folder / advice[1])
    prepared.snakemake(PRIMED)
    assert not re.search("bad", priming(prepared, "verify").stderr)


@pytest.mark.parametrize("file", [f"{PLM}/model.safetensors", f"{TASK}/pool.jsonl"])
def test_a_file_that_is_gone_is_made_again_without_advice(prepared: Checkout, file: str) -> None:
    (prepared.folder / file).unlink()
    assert f"it has lost {Path(file).name}" in prepared.snakemake(PRIMED)
    assert (prepared.folder / file).is_file()


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '{"files": 5}', "{}"])
def test_what_is_to_be_built_first_can_be(prepared: Checkout, content: str) -> None:
    """And the study file need not be the default one."""
    (prepared.folder / "config.yaml").rename(prepared.folder / "own.yaml")
    (prepared.folder / PLM / "recipe.json").write_text(content)
    arguments = ("prime", "--study", "own.yaml", "--out", PRIMED)
    said = priming(prepared, *arguments)
    advice = re.search(r"build it first: snakemake (.*)$", said.stderr.strip())
    assert advice, said.stderr
    assert said.returncode == 4
    assert priming(prepared, "verify").returncode == 4
    prepared.snakemake(*advice[1].split())
    assert priming(prepared, *arguments).returncode == 0


def test_verify_names_what_is_bad_and_repair_lets_it_be_made_again(prepared: Checkout) -> None:
    whole = priming(prepared, "verify")
    assert (whole.returncode, whole.stdout) == (0, "8 results, 0 bad\n"), whole.stderr
    flip(prepared.folder / PLM / "model.safetensors")
    (prepared.folder / TASK / "pool.jsonl").unlink()
    recipe = prepared.folder / "results/tiny/tasks/film_verdict/recipe.json"
    recipe.write_text(recipe.read_text().replace('"format": 1', '"format": 2'))
    found = priming(prepared, "verify")
    assert found.returncode == 4
    assert set(found.stderr.splitlines()) == {
        f"{PLM}/model.safetensors is damaged: its SHA-256 is not that in recipe.json",
        f"{TASK}/pool.jsonl is missing",
        "results/tiny/tasks/film_verdict/recipe.json is not a recipe as it was written",
        "error: 3 results are bad; remove them with: priming verify results --repair",
    }
    alone = priming(prepared, "verify", TASK)
    assert (alone.returncode, alone.stdout) == (4, "1 result, 1 bad\n")
    assert alone.stderr.endswith(f"error: 1 result is bad; remove it with: priming verify {TASK} --repair\n")
    assert priming(prepared, "verify", "results/tiny/tasks/age_compare/task.json").returncode == 0
    repaired = priming(prepared, *found.stderr.splitlines()[-1].partition("with: priming ")[2].split())
    assert repaired.returncode == 0
    assert repaired.stdout.splitlines()[-1] == "8 results, 3 bad; run snakemake again"
    prepared.snakemake("tasks", "plm")
    assert prepared.executed() == {"prepare": 2, "pretrain": 1}
    assert priming(prepared, "verify").returncode == 0


def test_repair_leaves_a_result_alone_that_a_job_is_at_work_on(
    prepared: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(prepared.folder / PLM / "model.safetensors")
    monkeypatch.chdir(prepared.folder)
    locks = Locks("tiny")
    with locks.working(), locks.held({"plm~mini": PLM}, 0.0):
        refused = priming(prepared, "verify", "--repair")
        assert refused.returncode == 75
        assert re.search(rf"^error: {PLM}: process {os.getpid()} on host .* is at work on it, ", refused.stderr, re.M)
        assert (prepared.folder / PLM).is_dir()
    assert priming(prepared, "verify", "--repair").stdout.splitlines()[0] == f"removed: {PLM}"


def test_verify_of_nothing_says_what_to_give(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "priming", "verify", "there"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert done.stderr == (
        "error: there is no result at there: no recipe.json in it or above it; give a folder such as results\n"
    )
