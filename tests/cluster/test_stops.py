"""Primings that a real SLURM stops: at the time limit, out of memory, cancelled; and an outage of its controller."""

import json
import os
import re
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .conftest import Submitter, submitter
from .node import Node, ask, wait

pytestmark = pytest.mark.slow

STEPS = 440
PRIMING = (
    f"\n  mtl:\n    batch: 4\n    budget: {{steps: {STEPS}}}\n    learning_rates: {{plm: 1.0e-3, adapter: 1.0e-2}}"
)
STRATEGIES = (
    '["none -> adapter", "mtl[adapter] -> adapter", "mtl[plm] -> adapter"]\nscoring: {arg_baseline: none -> adapter}\n'
    "compute: {device: cpu}"
)
STEP = "        if step <= self.budget.steps:\n"
# A priming of three minutes on any machine, and one that takes far more memory than it asked for, the first time.
SLOW = """        if "adapter" in self.job.priming.outer:
            __import__("time").sleep(0.4)
"""
LOAD = "    loaded = load_plm(job.plm_folder, dropout=job.settings.dropout, brings=job.plm.brings)\n"
GREEDY = """    from pathlib import Path as There
    if "plm" in job.priming.outer and not There("greedy").exists():
        There("greedy").touch()
        eaten = b"x" * 3_000_000_000
        __import__("time").sleep(60)
"""
SLOWLY, GREEDILY = "rule_prime_wildcards_mini_mtl-adapter_seed-1", "rule_prime_wildcards_mini_mtl-plm_seed-1"


@dataclass
class Story:
    """What happened, in order."""

    checkout: Submitter
    printed: list[str] = field(default_factory=list)
    gone_on: list[int] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)
    seconds_to_cancel: float = 0.0


@pytest.fixture(scope="module")
def story(node: Node, tmp_path_factory: pytest.TempPathFactory, project: Path) -> Story:
    """Two primings of at most two minutes a try, slurmctld away for a while, an interrupt, the plain command."""
    checkout = submitter(tmp_path_factory.mktemp("stops"), project, strategies=STRATEGIES, priming=PRIMING)
    checkout.edit("src/priming/training/priming_run.py", STEP, SLOW + STEP)
    checkout.edit("src/priming/training/upstream.py", LOAD, GREEDY + LOAD)
    story = Story(checkout)
    first = checkout.start("primed", "--set-resources", "prime:runtime=2")
    wait(lambda: any(job["JobState"] == "FAILED" for job in checkout.of(GREEDILY)), 600, "the greedy priming killed")
    node.stop_controller()
    time.sleep(30)
    node.start_controller()
    wait(lambda: checkout.of(GREEDILY)[-1]["JobState"] == "COMPLETED", 600, "the greedy priming made")
    wait(lambda: gone_on(checkout), 600, "the slow priming going on")
    story.gone_on.append(gone_on(checkout))
    start = time.monotonic()
    os.killpg(first.pid, signal.SIGINT)
    wait(lambda: not ask("squeue", "--noheader"), 60, "cancelled jobs gone")
    story.seconds_to_cancel = time.monotonic() - start
    story.printed.append(checkout.finish(first, status=1))
    story.left = checkout.jobs()
    story.printed.append(checkout.finish(checkout.start("primed")))
    story.gone_on.append(gone_on(checkout))
    return story


def gone_on(checkout: Submitter) -> int:
    """After which step the slow priming's last attempt has gone on; 0 where it has begun."""
    log = checkout.folder / "logs/tiny/primed/mini/mtl-adapter/seed-1.log"
    found = re.search(r"resuming after step (\d+)", log.read_text() if log.exists() else "")
    return int(found[1]) if found else 0


def test_a_priming_over_its_time_limit_goes_on_from_its_state(story: Story) -> None:
    first, *others = story.checkout.of(SLOWLY)
    assert first["JobState"] == "TIMEOUT"
    assert 0 < story.gone_on[0] < STEPS
    assert first["TimeLimit"] == others[0]["TimeLimit"] == "00:02:00"
    assert others[-1]["JobState"] == "COMPLETED"


def test_an_interrupt_cancels_and_the_plain_command_goes_on(story: Story) -> None:
    assert story.seconds_to_cancel < 30
    assert {job["JobState"] for job in story.left} <= {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED"}
    assert story.checkout.of(SLOWLY)[-2]["JobState"] == "CANCELLED"
    assert "Traceback" not in story.printed[0]
    assert story.gone_on[0] < story.gone_on[1] < STEPS


def test_what_was_killed_for_its_memory_gets_twice_as_much(story: Story) -> None:
    first, second, *_ = attempts = story.checkout.of(GREEDILY)
    assert (first["JobState"], attempts[-1]["JobState"]) == ("FAILED", "COMPLETED")
    assert int(second["MinMemoryNode"][:-1]) == 2 * int(first["MinMemoryNode"][:-1])
    assert {job["MinMemoryNode"] for job in story.checkout.of(SLOWLY)} == {first["MinMemoryNode"]}


def test_both_primings_are_whole(story: Story) -> None:
    for slug in ("mtl-adapter", "mtl-plm"):
        result = json.loads((story.checkout.folder / f"results/tiny/primed/mini/{slug}/seed-1/result.json").read_text())
        assert (result["status"], result["steps"]) == ("done", STEPS)
    assert list((story.checkout.folder / "work").rglob("*.started")) == []
    assert not list((story.checkout.folder / "work/tiny/state").glob("*"))


@pytest.mark.fault("SLURM: slurmctld away")
def test_the_outage_was_survived(story: Story) -> None:
    """No job was lost, and none that was done was submitted again."""
    jobs = story.checkout.jobs()
    comments = {"rule_prepare_wildcards_00", "rule_pretrain_wildcards_mini", SLOWLY, GREEDILY}
    assert {job["Comment"] for job in jobs} == comments
    assert sorted(job["Comment"] for job in jobs if job["JobState"] == "COMPLETED") == sorted(comments)
