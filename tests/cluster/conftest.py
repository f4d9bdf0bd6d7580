"""A SLURM for the whole session, and checkouts that submit to it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.tiny_study import Checkout

from .node import Node, ask, lacking, wait


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory, missing: Callable[[str, str], NoReturn]) -> Iterator[Node]:
    if reason := lacking():
        missing("slurm", reason)
    node = Node(tmp_path_factory.mktemp("slurm"))
    try:
        node.start()
        yield node
    finally:
        node.stop()


class Submitter(Checkout):
    """A checkout whose Snakemake runs with the cluster profile, and looks at its jobs sooner."""

    def __init__(self, folder: Path, project: Path) -> None:
        super().__init__(folder, project)
        self.settings = {
            "PRIMING_SLURM_CPU_PARTITION": "cpu",
            "PRIMING_SLURM_GPU_PARTITION": "gpu",
            "PRIMING_SLURM_GPU_MODEL": "h200",
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake as a user does in a terminal; what it prints goes to the file `printed`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PRIMING_")}
        soon = ["--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "20"]
        command = [sys.executable, "-m", "snakemake", "--profile", "slurm", *soon, *arguments]
        with (self.folder / "printed").open("wb") as printed:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**kept, **self.settings, "PRIMING_RUNLOG": str(self.runlog), "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, process: subprocess.Popen[bytes], status: int = 0, seconds: float = 900) -> str:
        """Wait for Snakemake; what it printed."""
        try:
            found = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            found = process.wait()
        assert found == status, self.printed()
        return self.printed()

    def printed(self) -> str:
        """What the Snakemake that was started last has printed."""
        return (self.folder / "printed").read_text()

    def jobs(self) -> list[dict[str, str]]:
        """SLURM's records of this checkout's jobs, in order of submission; `Comment` names rule and wildcards."""
        shown = [
            dict(re.findall(r"(\S+?)=(\S*)", line))
            for line in ask("scontrol", "--oneliner", "show", "jobs").splitlines()
        ]
        return sorted(
            (job for job in shown if job.get("WorkDir") == str(self.folder)), key=lambda job: int(job["JobId"])
        )

    def of(self, comment: str) -> list[dict[str, str]]:
        """Its jobs whose comment begins so: one each attempt."""
        return [job for job in self.jobs() if job["Comment"].startswith(comment)]

    def running(self, comment: str, attempt: int = 1) -> str:
        """Wait until that attempt of a job has started its command; its id."""
        wait(
            lambda: len(self.of(comment)) >= attempt and self.of(comment)[attempt - 1]["JobState"] == "RUNNING",
            600,
            f"{comment} {attempt}",
        )
        return self.of(comment)[attempt - 1]["JobId"]


def submitter(folder: Path, project: Path, **edits: str) -> Submitter:
    """A checkout of the tiny study with one seed and one sample, with some lines of its file replaced."""
    checkout = Submitter(folder, project)
    for before, after in {"seeds: [1, 2]": "seeds: [1]", "samples: [13, 21]": "samples: [13]"}.items():
        checkout.edit("config.yaml", before, after)
    for key, value in edits.items():
        text = (folder / "config.yaml").read_text()
        section = re.compile(rf"^{key}:.*\n(?:[ -].*\n)*", flags=re.MULTILINE)
        assert len(section.findall(text)) == 1, key
        changed = section.sub(lambda _: f"{key}: {value}\n", text)  # noqa: B023 - called at once
        (folder / "config.yaml").write_text(changed)
    return checkout
