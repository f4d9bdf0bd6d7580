"""Power loss in the middle of either tool: the same command again finishes, and then nothing is left to do."""

import os
import shutil
import signal
import time

import pytest

from priming.running import forks

from .conftest import Repository

pytestmark = pytest.mark.slow


def kill_at(repository: Repository, step: str, *command: str) -> None:
    """Start a program and kill it and all that it started once a job of `step` has begun."""
    process = repository.start(*command)
    deadline = time.monotonic() + 120
    while not (repository.runlog.exists() and f"{step} " in repository.runlog.read_text()):
        assert process.poll() is None, f"{command} ended before any {step}"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    repository.runlog.unlink()


def test_killed_and_typed_again(fresh: Repository) -> None:
    del fresh.environment[forks.OWNER]  # each program's own, as for a user
    fresh.edit("config.yaml", "prompt: 1.0e-2}", "prompt: 2.0e-2}")
    kill_at(fresh, "prime", "dvc", "repro")
    assert "LockException" in fresh.snakemake(status=1)
    fresh.snakemake("--unlock")
    kill_at(fresh, "tune", "snakemake", "--cores", "2")
    shutil.rmtree(fresh.folder / ".snakemake")  # its lock and its records
    fresh.dvc("repro")
    cells = [f"tuned/mini/mtl-prompt--prompt/seed-1/{task}" for task in ("dinner_review", "mine")]
    scores = [cell.replace("tuned", "scores") for cell in cells]
    assert fresh.made() == ["figures/strategy_matrix", *scores, "tables", *cells]
    fresh.is_settled()
    recipes = fresh.recipes()
    assert all(recipes.current(path) for path in recipes.graph.results)
