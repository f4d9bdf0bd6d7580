"""A study through a real SLURM: what is asked for, what is tried again, what a change submits."""

import re
from collections import Counter
from pathlib import Path

import pytest

from priming.resources.estimates import needs

from .conftest import Submitter, submitter
from .node import Node, ask, wait

pytestmark = pytest.mark.slow

STRATEGIES = (
    '["none -> adapter", "mtl[adapter] -> adapter", "mtl[plm] -> adapter"]\nscoring: {arg_baseline: none -> adapter}'
)
RUNNER = 350  # MB of Snakemake in a job
LOADED = "    return write_task(load(task, tasks, base), tasks, part, out)\n"
FAILS_ONCE = """    if not Path("failed").exists():
        Path("failed").touch()
        raise RuntimeError("the disk was away for a moment")
"""


@pytest.fixture(scope="module")
def finished(node: Node, tmp_path_factory: pytest.TempPathFactory, project: Path) -> Submitter:
    """The study, run once: the preparation of its tasks fails the first time, and one tuning is cancelled."""
    checkout = submitter(tmp_path_factory.mktemp("study"), project, strategies=STRATEGIES, figures="{draw: [tasks]}")
    checkout.edit("src/priming/tasks/generated/prepare.py", LOADED, FAILS_ONCE + LOADED)
    running = checkout.start()
    cancelled = checkout.running("rule_tune_wildcards_mini_none--adapter")
    ask("scancel", cancelled)
    checkout.finish(running)
    return checkout


def test_everything_was_made_in_jobs_of_the_scheduler(finished: Submitter) -> None:
    assert "Nothing to be done" in finished.finish(finished.start())
    assert (finished.folder / "results/tiny/tables/scores.csv").is_file()
    submitted = Counter(job["Comment"].split("_")[1] for job in finished.jobs())
    assert submitted == Counter(prepare=2, pretrain=1, prime=2, tune=4, score=3, tabulate=1)


@pytest.mark.parametrize("rule", ["pretrain", "prime", "tune"])
def test_training_asks_for_a_gpu_of_the_model(finished: Submitter, rule: str) -> None:
    for job in finished.of(f"rule_{rule}_"):
        assert (job["Partition"], job["TresPerJob"]) == ("gpu", "gres:gpu:h200:1")


@pytest.mark.parametrize("rule", ["prepare", "score", "tabulate"])
def test_the_rest_asks_for_none(finished: Submitter, rule: str) -> None:
    for job in finished.of(f"rule_{rule}"):
        assert job["Partition"] == "cpu"
        assert "TresPerJob" not in job


def test_a_failed_job_is_tried_again_for_longer_but_with_as_much_memory(finished: Submitter) -> None:
    first, second = finished.of("rule_prepare")
    assert (first["JobState"], second["JobState"]) == ("FAILED", "COMPLETED")
    assert first["MinMemoryNode"] == second["MinMemoryNode"]
    assert (first["TimeLimit"], second["TimeLimit"]) == ("00:15:00", "00:30:00")


def test_a_job_cancelled_from_outside_is_tried_again(finished: Submitter) -> None:
    first, second = finished.of("rule_tune_wildcards_mini_none--adapter")
    assert (first["JobState"], second["JobState"]) == ("CANCELLED", "COMPLETED")
    assert first["MinMemoryNode"] == second["MinMemoryNode"]


def test_jobs_ask_for_the_memory_that_they_take(finished: Submitter) -> None:
    recipes = finished.recipes()
    for out, job in recipes.graph.jobs.items():
        if job.step == "figure":  # drawn where Snakemake runs
            continue
        log = finished.folder / "logs/tiny" / f"{out.removeprefix('results/tiny/').replace('/chunks/', '/')}.log"
        took = re.fullmatch(
            r"took .* s, .* CPU s \(.* to start\), at most (\d+) MB a process", log.read_text().splitlines()[-1]
        )
        assert took, log
        peak = int(took[1]) + RUNNER
        assert peak <= needs(recipes.graph, job, finished.folder, gpus=False).memory <= 3 * peak, out


def test_jobs_of_two_strategies_overlap(finished: Submitter) -> None:
    one, other = (finished.of(f"rule_prime_wildcards_mini_mtl-{element}_")[0] for element in ("adapter", "plm"))
    assert max(one["StartTime"], other["StartTime"]) < min(one["EndTime"], other["EndTime"])


def test_no_note_of_an_attempt_is_left(finished: Submitter) -> None:
    assert list((finished.folder / "work").rglob("*.started")) == []


def test_one_changed_rate_submits_its_jobs_alone(finished: Submitter) -> None:
    finished.executed()
    before = len(finished.jobs())
    finished.edit(
        "config.yaml",
        "learning_rates: {plm: 1.0e-3, adapter: 1.0e-2}",
        "learning_rates: {plm: 1.0e-3, adapter: 2.0e-2}",
    )
    finished.finish(finished.start())
    assert [job["Comment"] for job in finished.jobs()[before:]] == [
        "rule_prime_wildcards_mini_mtl-adapter_seed-1",
        "rule_tune_wildcards_mini_mtl-adapter--adapter_00",
        "rule_score_wildcards_mini_mtl-adapter--adapter_00",
        "rule_tabulate",
    ]
    assert finished.executed() == Counter(prime=1, tune=2, score=2, tables=1, figure=1)
    assert "Nothing to be done" in finished.finish(finished.start())
    assert finished.executed() == Counter()


@pytest.mark.fault("SLURM: rejected submission")
def test_sbatch_refuses_what_the_cluster_does_not_have(node: Node, tmp_path: Path, project: Path) -> None:
    checkout = submitter(tmp_path, project)
    checkout.settings = {**checkout.settings, "PRIMING_SLURM_GPU_MODEL": "b200"}
    printed = checkout.finish(checkout.start("--retries", "0", "plm"), status=1)
    assert "Requested node configuration is not available" in printed
    wait(lambda: not ask("squeue", "--noheader"), 30, "no job left")
