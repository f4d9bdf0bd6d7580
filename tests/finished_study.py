"""Studies of this project, run whole.

All steps of one run in one process, since a start of Python for each would take as long as the steps.
"""

import csv
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from priming.study import Study
from priming.tasks.names import open_study
from tests import forked
from tests.tiny_study import Checkout

PROGRAM = """
import sys
from pathlib import Path
from priming.jobs.graph import graph
from priming.running import steps
from priming.tasks.names import open_study
file = Path(sys.argv[1])
for job in graph(open_study(file)).jobs.values():
    steps.run(job.step, file, job.out)
"""


class FinishedStudy:
    """A study of `studies` that was run once, in a folder of its own; `cut` replaces some of its keys."""

    def __init__(
        self, folder: Path, project: Path, name: str, hub: Path | None = None, cut: Mapping[str, Any] | None = None
    ) -> None:
        self.checkout = Checkout(folder, project)
        (folder / "config.yaml").unlink()
        (folder / "studies").mkdir()
        self.file = Path("studies", f"{name}.yaml")
        shutil.copy(project / self.file, folder / self.file)
        if cut:
            whole = yaml.safe_load((folder / self.file).read_text())
            (folder / self.file).write_text(yaml.safe_dump(_replaced(whole, cut), sort_keys=False))
        self.study: Study = open_study(folder / self.file)
        self.results = folder / "results" / self.study.name
        environment = {**forked.environment(), "PRIMING_RUNLOG": str(self.checkout.runlog)}
        if hub:
            environment["PRIMING_HUB"] = str(hub)
        (folder / "whole.py").write_text(PROGRAM)
        done = forked.script(folder / "whole.py", str(self.file), folder=folder, seen=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        self.executed = self.checkout.executed()

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.results / "tables" / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))


def _replaced(whole: Mapping[str, Any], cut: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a file with others in their place, sections key by key."""
    new = {
        key: _replaced(whole[key], value)
        if isinstance(value, Mapping) and isinstance(whole.get(key), Mapping)
        else value
        for key, value in cut.items()
    }
    return {**whole, **new}
