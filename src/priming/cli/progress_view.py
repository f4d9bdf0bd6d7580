"""The progress of `priming run`: a bar and the jobs at work on a terminal, else a line for each job or minute."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from priming.durations import duration
from priming.running.progress import Finished, Run, RunningJob
from priming.study import Study

if TYPE_CHECKING:
    from rich.console import RenderableType

QUIET = 60.0
"""Seconds after which a line is due."""
SHOWN = 6
"""Jobs at work that are shown."""
REASONS = 8
FOLLOWS = ("its inputs",)
"""Reasons that follow from others."""
ENOUGH = 15
"""Lines of Snakemake's output that are shown where it ended without a job that failed."""


def open_view(study: Study) -> "LineView":
    """The view for where the output goes."""
    return TerminalView(study) if sys.stdout.isatty() else LineView(study)


class LineView:
    """Lines: what is to be done and why, each job that ended, and how far the run is if nothing has for a minute."""

    def __init__(self, study: Study) -> None:
        self.study, self.start = study, time.monotonic()
        self.last = self.start
        self.begun = False

    def update(self, run: Run, ended: list[Finished]) -> None:
        """Print what is new."""
        if run.running and not self.begun:
            self.begun = True
            for line in _why(run):
                self._say(line)
            self._say(f"{self.study.name}: {_jobs(run.total)}")
        for job in ended:
            self._say(_ended(job) + f"; {far(run)}")
        if self.begun and time.monotonic() - self.last >= QUIET:
            working = next(iter(run.running.values()), None)
            self._say(far(run) + (f"; {described(working)}" if working else ""))

    def close(self, run: Run, status: int, log: Path) -> None:
        """Print how the run ended."""
        for message in dict.fromkeys(run.messages if status else ()):
            self._say(message)
        for line in _end(run, status, log, time.monotonic() - self.start, self.study.name):
            self._say(line)

    def _say(self, line: str) -> None:
        self.last = time.monotonic()
        print(line, flush=True)


class TerminalView(LineView):
    """The same, with a bar and the jobs at work in place of a line for each job that has ended well."""

    def __init__(self, study: Study) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(study)
        self.console = Console(highlight=False)
        self.live = Live(console=self.console, refresh_per_second=4, transient=True)
        self.live.start()

    def update(self, run: Run, ended: list[Finished]) -> None:
        """Draw the bar anew."""
        if run.running and not self.begun:
            self.begun = True
            for line in _why(run):
                self._say(line)
        for job in ended:
            if job.error:
                self._say(_ended(job))
        self.live.update(self._drawn(run))

    def _drawn(self, run: Run) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if not run.total:
            return Text(f"{self.study.name}: reading the study")
        bar = Table.grid(padding=(0, 1))
        width = max(10, min(40, self.console.width - 60))
        bar.add_row(self.study.name, ProgressBar(total=run.total, completed=run.done, width=width), far(run))
        jobs = [
            Text(f"  {described(job)}", no_wrap=True, overflow="ellipsis") for job in [*run.running.values()][:SHOWN]
        ]
        more = [Text(f"  and {len(run.running) - SHOWN} more")] if len(run.running) > SHOWN else []
        return Group(bar, *jobs, *more)

    def close(self, run: Run, status: int, log: Path) -> None:
        """Remove the bar, and print how the run ended."""
        self.live.stop()
        super().close(run, status, log)

    def _say(self, line: str) -> None:
        from rich.text import Text

        self.last = time.monotonic()
        self.console.print(Text(line), soft_wrap=True)


def far(run: Run) -> str:
    """For example `12 of 61 jobs done, 2 running, about 8 min left`."""
    left = run.time_left(time.time())
    running = [f"{len(run.running)} running"] if run.running else []
    failed = [f"{len(run.failed)} failed"] if run.failed else []
    to_go = [f"about {duration(left)} left"] if left and run.done < run.total else []
    return ", ".join([f"{run.done} of {_jobs(run.total)} done", *running, *failed, *to_go])


def described(job: RunningJob) -> str:
    """What a job does, for how long, and what its log says last."""
    line = job.last_line()
    return f"{job.message} ({duration(time.time() - job.began)}){f': {line}' if line else ''}"


def _jobs(number: int) -> str:
    return f"{number} job{'' if number == 1 else 's'}"


def _ended(ended: Finished) -> str:
    job = ended.job
    if ended.error:
        return f"failed: {job.message}: {ended.error} ({job.log})"
    return f"done in {duration(ended.seconds)}: {job.message}"


def _why(run: Run) -> list[str]:
    """Why results are made again: what changed, the most frequent first, and how many jobs that concerns directly."""
    reasons = [(why, number) for why, number in run.stale.most_common() if why not in FOLLOWS]
    found = [
        f"{why}: {number} {'job is' if number == 1 else 'jobs are'} run again" for why, number in reasons[:REASONS]
    ]
    more = len(reasons) - REASONS
    return [*found, *([f"and {more} more reasons (see the log)"] if more > 0 else [])]


def _end(run: Run, status: int, log: Path, seconds: float, study: str) -> list[str]:
    """How the run ended, and where all that Snakemake said is."""
    lines = [f"not done: {job.message}: {job.error()} ({job.log})" for job in run.failed.values()]
    if status and not run.failed:
        lines += _tail(log)
    if run.nothing:
        return [*lines, f"{study}: everything is there and current"]
    word = "done" if not status else "stopped"
    return [*lines, f"{study}: {word} after {duration(seconds)}, {far(run)}; log: {log}"]


def _tail(log: Path) -> list[str]:
    """The message that Snakemake ended with: from `error:` on, or else its last lines."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    first = next((number for number, line in enumerate(lines) if line.startswith("error: ")), None)
    return lines[first:] if first is not None else lines[-ENOUGH:]
