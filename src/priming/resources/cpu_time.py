"""CPU time of jobs on this machine: what they took, by their logs, and else what they are expected to take."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from priming.jobs.graph import Graph, Job
from priming.resources.cpu_speed import at_width, rates
from priming.resources.estimates import COSTS
from priming.resources.sizes import plm_size
from priming.study import Study
from priming.study.paths import job_log

TOOK = re.compile(r"^took ([\d.]+) s, ([\d.]+) CPU s ", flags=re.MULTILINE)
FIXED = {"prepare": 3.0, "pretrain": 2.0, "prime": 2.0, "tune": 2.0, "score": 0.5, "tables": 4.0, "figure": 2.0}
"""CPU seconds of a job besides training, of the demo."""
REACHED = {"pretrain": 0.8, "prime": 0.15, "tune": 1.4}
"""Rate of operations as they are counted over the rate measured at this width (priming.resources.cpu_speed).

From the demo (docs/speed.md), whose width is DEMO. Primings take small steps one after the other, which matters less
the wider a PLM is; what is counted for tunings includes gradients that they do not compute.
"""
DEMO, WIDEST = 96, 0.7
PADDING = 2.0
"""Counted over real tokens, where inputs are counted at the longest."""


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, and CPU seconds."""

    clock: float
    cpu: float


def took(study: Study, job: Job) -> Took | None:
    """What a job took when it last ended, as the last line of its log says."""
    try:
        text = Path(job_log(study, job.out)).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = TOOK.findall(text)
    return Took(*map(float, found[-1])) if found else None


class CpuTimes:
    """The CPU seconds of a study's jobs; what finished jobs took corrects what is expected of others of their step."""

    def __init__(self, graph: Graph, mean: Study, base: Path) -> None:
        """`mean` is the study with inputs of mean length, `base` the folder of the study file."""
        self.graph, self.mean, self.base, self.rates = graph, mean, base, rates()

    def of(self, job: Job) -> float | None:
        """CPU seconds of a job; None if nothing is known of its step."""
        if known := self._took.get(job.out):
            return known
        expected = self._expected.get(job.out)
        return None if expected is None else expected * self._corrections.get(job.step, 1.0)

    def of_steps(self, *, gpus: bool = False) -> dict[str, float]:
        """Mean CPU seconds of the jobs of each step; with GPUs, of those steps that use none."""
        steps = dict.fromkeys(job.step for job in self.graph.jobs.values())
        known = {step: self._of_step(step) for step in steps if not (gpus and step in COSTS)}
        return {step: seconds for step, seconds in known.items() if seconds is not None}

    def _of_step(self, step: str) -> float | None:
        found = [self.of(job) for job in self.graph.jobs.values() if job.step == step]
        known = [seconds for seconds in found if seconds is not None]
        return sum(known) / len(known) if known and len(known) == len(found) else None

    @cached_property
    def _took(self) -> dict[str, float]:
        found = {job.out: took(self.graph.study, job) for job in self.graph.jobs.values()}
        return {out: each.cpu for out, each in found.items() if each}

    @cached_property
    def _expected(self) -> dict[str, float]:
        return {out: each for out, job in self.graph.jobs.items() if (each := self._of_estimate(job)) is not None}

    def _of_estimate(self, job: Job) -> float | None:
        fixed = FIXED[job.step]
        if job.step not in COSTS:
            return fixed
        if not self.rates:
            return None
        plm, counted = self.graph.study.plms[job.results[0].plm], self.mean.plms[job.results[0].plm]
        size = plm_size(counted, self.base)
        operations = COSTS[job.step](self.mean, job, size, plm.max_output).operations
        padding = PADDING if plm.max_input == counted.max_input else 1.0
        return fixed + operations / (at_width(self.rates, size.width) * _reached(job.step, size.width) * padding)

    @cached_property
    def _corrections(self) -> dict[str, float]:
        """For each step, what its finished jobs took over what was expected of them."""
        sums: dict[str, list[float]] = {}
        for out, seconds in self._took.items():
            if expected := self._expected.get(out):
                both = sums.setdefault(self.graph.jobs[out].step, [0.0, 0.0])
                both[0], both[1] = both[0] + seconds, both[1] + expected
        return {step: took / expected for step, (took, expected) in sums.items()}


def _reached(step: str, width: int) -> float:
    """The part of the measured rate that a step reaches with a PLM of a width."""
    small = REACHED[step]
    return max(small, min(WIDEST, small * width / DEMO))
