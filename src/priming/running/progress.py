"""The progress of a run of Snakemake: jobs done, at work, failed and left, and the time to go."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STEPS = {
    **{step: step for step in ("prepare", "pretrain", "prime", "tune", "score")},
    **{"tabulate": "tables", "draw": "figure"},
}
"""The step of each rule that makes results."""
TAIL = 4096
"""Bytes of a log that are read for its last line."""


@dataclass
class RunningJob:
    """A job at work, or one that has ended: its rule, what it does, its log, and when it began."""

    rule: str
    message: str
    log: str
    began: float = 0.0

    def last_line(self) -> str:
        """What its log says last."""
        try:
            with Path(self.log).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - TAIL))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def error(self) -> str:
        """The last line of its log that begins with `error:`, or else the last line."""
        try:
            lines = Path(self.log).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "it left no log"
        found = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return found[-1] if found else (self.last_line() or "its log is empty")


@dataclass
class Run:
    """A run as its events tell it.

    `expected` has the seconds that a job of each step is expected to take, until one has been measured.
    """

    expected: Mapping[str, float] = field(default_factory=dict)
    total: int = 0
    done: int = 0
    left: Counter[str] = field(default_factory=Counter)
    """Jobs that have not ended, by rule."""
    jobs: dict[int, RunningJob] = field(default_factory=dict)
    running: dict[int, RunningJob] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """What finished jobs took, by rule."""
    failed: dict[int, RunningJob] = field(default_factory=dict)
    stale: Counter[str] = field(default_factory=Counter)
    """Why results are made again, and how many jobs for this reason."""
    messages: list[str] = field(default_factory=list)
    nothing: bool = False
    abreast: int = 1
    """The most jobs that were at work at once."""

    def apply(self, event: Mapping[str, Any]) -> "Finished | None":
        """Take note of an event; a job that it ends."""
        name, now = event["event"], event["time"]
        if name == "run_info":
            self.left = Counter({rule: count for rule, count in event["stats"].items() if rule != "total"})
            self.total = int(event["stats"].get("total", sum(self.left.values())))
        elif name == "job_info":
            log = (event.get("log") or [""])[0]
            said = event.get("rule_msg") or event["rule_name"]
            self.jobs[event["jobid"]] = RunningJob(event["rule_name"], said, log, now)
            self.running[event["jobid"]] = self.jobs[event["jobid"]]
            self.failed.pop(event["jobid"], None)
            self.abreast = max(self.abreast, len(self.running))
        elif name == "job_finished":
            return self._ended(event["job_id"], now)
        elif name == "job_error":
            return self._failed(event["jobid"], now)
        elif name == "progress":
            self.done, self.total = event["done"], event["total"]
        else:
            self._note(name, event.get("text") or "")
        return None

    def _note(self, name: str, text: str) -> None:
        if name == "stale":
            self.stale[text.partition(": ")[2] or text] += 1
        elif name == "nothing":
            self.nothing = True
        elif name in ("message", "error") and text:
            self.messages.append(text)

    def _ended(self, number: int, now: float) -> "Finished | None":
        job = self.running.pop(number, None) or self.jobs.get(number)
        if job is None or job.rule not in STEPS:  # a target, which makes nothing
            return None
        self.seconds.setdefault(job.rule, []).append(now - job.began)
        self.left[job.rule] -= 1
        self.done += 1
        return Finished(job, now - job.began)

    def _failed(self, number: int, now: float) -> "Finished | None":
        job = self.running.pop(number, None)
        if job is None:
            return None
        self.failed[number] = job
        return Finished(job, now - job.began, job.error())

    def time_left(self, now: float) -> float | None:
        """Seconds to go, of the jobs left and those at work; None while the time of one of their steps is not known."""
        seconds = 0.0
        for rule, number in self.left.items():
            if number <= 0 or rule not in STEPS:
                continue
            each = self._each(rule)
            if each is None:
                return None
            at_work = [now - job.began for job in self.running.values() if job.rule == rule]
            seconds += each * max(0, number - len(at_work)) + sum(max(0.0, each - spent) for spent in at_work)
        return seconds / self.abreast

    def _each(self, rule: str) -> float | None:
        """Seconds of a job: the mean of those measured, else as expected."""
        if measured := self.seconds.get(rule):
            return sum(measured) / len(measured)
        return self.expected.get(STEPS[rule])


@dataclass(frozen=True)
class Finished:
    """A job that has ended, the seconds that it took, and why it failed, if it did."""

    job: RunningJob
    seconds: float
    error: str = ""
