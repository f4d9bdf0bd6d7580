"""Jobs that a real SLURM starts again while their first processes are alive: a requeue, and a node that goes down.

A process that has left its group stands for one that the node cannot kill, such as one that waits for a file server.
"""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Submitter, submitter
from .node import Node, ask, wait

pytestmark = pytest.mark.slow

STRATEGIES = (
    '["none -> adapter", "mtl[adapter] -> adapter", "mtl[plm] -> adapter"]\nscoring: {arg_baseline: none -> adapter}\n'
    "compute: {device: cpu}"
)
LINE = "    if failure := plm_failure(jobs[0].plm_folder):\n"
# A priming says that it has begun, leaves its process group and waits for a file.
STAYS = """    import os, time
    from pathlib import Path as There
    which = jobs[0].priming.outer[0]
    os.setsid()
    There(f"begun-{which}").write_text(str(os.getpid()))
    while not There(f"go-{which}").exists():
        time.sleep(0.1)
"""


@dataclass
class Stuck:
    """A checkout whose primings stay where they are, whatever the node does."""

    checkout: Submitter

    @property
    def folder(self) -> Path:
        return self.checkout.folder

    def job(self, which: str) -> dict[str, str]:
        """SLURM's record of the last attempt at a priming."""
        return self.checkout.of(self.comment(which))[-1]

    def comment(self, which: str) -> str:
        return f"rule_prime_wildcards_mini_mtl-{which}_seed-1"

    def first(self, which: str) -> int:
        """The process of the first attempt, once it has begun."""
        begun = self.folder / f"begun-{which}"
        wait(lambda: begun.exists() and begun.read_text(), 120, f"the priming of {which} begins")
        return int(begun.read_text())

    def waits_for(self, pid: int, which: str) -> None:
        """Wait until the next attempt says that it waits for this process."""
        log = self.folder / f"logs/tiny/primed/mini/mtl-{which}/seed-1.log"
        said = f"waiting for process {pid} on host"
        wait(lambda: log.exists() and said in log.read_text(), 180, f"the second priming of {which} waits")
        assert Path(f"/proc/{pid}").exists()

    def ends(self, which: str) -> None:
        """Let the first attempt end; the next finds its result."""
        (self.folder / f"go-{which}").touch()
        wait(lambda: self.job(which)["JobState"] == "COMPLETED", 120, f"the priming of {which} is done")


@pytest.fixture(scope="module")
def stuck(node: Node, tmp_path_factory: pytest.TempPathFactory, project: Path) -> Stuck:
    """Two primings at work, each in a job; tasks and PLM are there."""
    checkout = submitter(tmp_path_factory.mktemp("faults"), project, strategies=STRATEGIES)
    checkout.edit("src/priming/training/upstream.py", LINE, STAYS + LINE)
    checkout.snakemake("tasks", "plm")
    checkout.executed()
    return Stuck(checkout)


@pytest.mark.fault("SLURM: requeue, the old job alive")
@pytest.mark.fault("SLURM: node failure")
def test_a_requeue_and_a_node_failure_leave_one_whole_result(node: Node, stuck: Stuck) -> None:
    running = stuck.checkout.start("primed")
    requeued, failed = stuck.first("adapter"), stuck.first("plm")
    ask("scontrol", "requeue", stuck.job("adapter")["JobId"])
    stuck.waits_for(requeued, "adapter")
    assert stuck.job("adapter")["Restarts"] == "1"
    stuck.ends("adapter")

    node.fail()
    wait(lambda: stuck.job("plm")["JobState"] not in ("RUNNING", "COMPLETING"), 60, "the node failed")
    node.come_back()
    stuck.waits_for(failed, "plm")
    stuck.ends("plm")

    stuck.checkout.finish(running)
    assert stuck.checkout.executed() == Counter(prime=2)
    for which in ("adapter", "plm"):
        result = json.loads((stuck.folder / f"results/tiny/primed/mini/mtl-{which}/seed-1/result.json").read_text())
        assert result["status"] == "done"
    verified = subprocess.run(
        [sys.executable, "-m", "priming", "verify"], cwd=stuck.folder, capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stderr
    assert "Nothing to be done" in stuck.checkout.finish(stuck.checkout.start("primed"))
    left = [
        file for place in ("locks", "running", "attempts") for file in (stuck.folder / "work/tiny" / place).iterdir()
    ]
    assert left == []
