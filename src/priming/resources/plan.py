"""The plan of a study before it is run: cells, runs, tokens, GPU hours, disk; and what is already done.

Operations are counted as for resource requests (`priming.resources.estimates`), at mean instead of maximum lengths.
"""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

from priming.durations import duration
from priming.errors import StudyError, nearest
from priming.jobs.graph import Graph, Job, graph
from priming.jobs.recipes import Recipes
from priming.resources.answering import operations_of_testing, rows_to_test
from priming.resources.cpu_time import CpuTimes
from priming.resources.estimates import COSTS, primed_examples, train_rows
from priming.resources.gpu_memory import gpu_memory
from priming.resources.room import saved_bytes
from priming.resources.sizes import Size, plm_size
from priming.study import Study

GPUS: dict[str, tuple[float, float]] = {
    "t4": (8.1e12, 8.1e12),
    "v100": (15.7e12, 15.7e12),
    "a10": (31.2e12, 125e12),
    "l4": (30.3e12, 121e12),
    "rtx3090": (35.6e12, 71e12),
    "rtx4090": (82.6e12, 165e12),
    "a100": (19.5e12, 312e12),
    "h100": (67e12, 989e12),
    "h200": (67e12, 989e12),
}
"""Peak operations per second, from the vendors' data sheets: float32, dense bfloat16 (float32 if there is none)."""

USED = {"float32": 0.6, "bfloat16": 0.06}
"""Assumed utilisation (fraction of peak FLOP/s), as `priming.resources.estimates` counts operations, by precision.

Measured with BART-base on one H100, with dropout, inputs of 128 and 512 tokens, at least 32 examples at a time
(benchmarks/gpu.py): 0.46 to 1.9 in float32, 0.03 to 0.2 in bfloat16. Values exceed 1 because adapters and prompts are
counted as if the whole PLM were tuned. Generating has not been measured since it keeps keys and values.
"""

LARGEST = 3
"""Test sets that are named with their hours."""

INPUT, OUTPUT = 128, 8
"""Assumed mean tokens per example, if the study allows more."""


EXECUTED = (
    "Executed: including padding, in the proportion found in the step's existing results; unknown until there are any."
)
CPU = (
    "CPU time here: of one core of this machine, whose speed was measured once and is kept; for jobs that have run, "
    "what they took. Rough, within a factor of three, before the first jobs of a step have run."
)
MEMORY = (
    "GPU memory: an estimate for the largest job, at the longest inputs and outputs, without CUDA's own; "
    "blank where the size of the PLM is a guess."
)


@dataclass(frozen=True)
class Phase:
    """Total cost of a step's jobs; for finished jobs, also the operations counted, and those executed with padding.

    `answering` is the part of `operations` for development and test rows.
    """

    step: str
    jobs: int = 0
    done: int = 0
    trainings: int = 0
    tokens: float = 0.0
    operations: float = 0.0
    answering: float = 0.0
    bytes: float = 0.0
    counted: float = 0.0
    with_padding: float = 0.0
    gpu_memory: float = 0.0
    """Of the job that takes the most, in bytes; 0 if unknown."""
    cpu: float = 0.0
    """Seconds of a core of this machine; 0 if unknown."""

    @property
    def executed(self) -> float | None:
        """Operations with padding, in the proportion found in existing results; None if there are none."""
        return self.operations * self.with_padding / self.counted if self.counted else None

    def __add__(self, other: "Phase") -> "Phase":
        return Phase(
            self.step,
            self.jobs + other.jobs,
            self.done + other.done,
            self.trainings + other.trainings,
            self.tokens + other.tokens,
            self.operations + other.operations,
            self.answering + other.answering,
            self.bytes + other.bytes,
            self.counted + other.counted,
            self.with_padding + other.with_padding,
            max(self.gpu_memory, other.gpu_memory),
            self.cpu + other.cpu,
        )


@dataclass(frozen=True)
class Plan:
    """The plan of a study: its phases in order, the number of its cells, and the operations of testing each task."""

    study: Study
    phases: tuple[Phase, ...]
    cells: int
    gpu: str
    testing: dict[str, float]

    def hours(self, phase: Phase) -> float:
        """GPU hours of a phase."""
        return self.in_hours(phase.operations)

    def in_hours(self, operations: float) -> float:
        """GPU hours of so many operations."""
        return operations / self.reached / 3600

    @property
    def reached(self) -> float:
        """Assumed operations per second of training; in bfloat16 at least as many as in float32."""
        single, half = GPUS[self.gpu]
        reached = single * USED["float32"]
        return max(reached, half * USED["bfloat16"]) if self.study.compute.precision == "bfloat16" else reached

    @property
    def total(self) -> Phase:
        """All phases together, without padding, whose proportion differs from step to step."""
        return replace(sum(self.phases, Phase("in all")), counted=0.0, with_padding=0.0)


def plan(study: Study, base: Path, gpu: str = "a100", tokens: int = INPUT) -> Plan:
    """The plan of a study.

    Args:
        study: the study.
        base: the folder of the study file.
        gpu: one of `GPUS`.
        tokens: mean input tokens per example, if the study allows more.

    Raises:
        StudyError: no such GPU is known.
    """
    if gpu not in GPUS:
        raise StudyError(f"--gpu {gpu}: not known{nearest(gpu, GPUS)}; allowed: {', '.join(GPUS)}")
    jobs = graph(study)
    recipes = Recipes(jobs, base)
    mean = at_mean_lengths(study, tokens)
    phases: dict[str, Phase] = {}
    times = CpuTimes(jobs, mean, base)
    for job in jobs.jobs.values():
        phase = replace(_phase(jobs, mean, recipes, job, base), cpu=times.of(job) or 0.0)
        phases[job.step] = phases.get(job.step, Phase(job.step)) + phase
    return Plan(study, tuple(phases.values()), study.cells, gpu, _testing(study, mean, base))


def _testing(study: Study, mean: Study, base: Path) -> dict[str, float]:
    """Operations of answering the test rows of each target task, in all cells, the most first."""
    found = dict.fromkeys(study.tasks.target, 0.0)
    for member in study.members:
        plm = study.plms[member.plm]
        cells = len(study.strategies_of(member.plm)) * len(study.seeds) * len(study.tasks.samples)
        for task in found:
            once = operations_of_testing(mean, member.plm, task, plm_size(plm, base), plm.max_output)
            found[task] += cells * once
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def at_mean_lengths(study: Study, tokens: int = INPUT) -> Study:
    """The study with inputs and outputs of mean length, for counting only."""
    plms = {
        name: plm.model_copy(
            update={"max_input": min(plm.max_input, tokens), "max_output": min(plm.max_output, OUTPUT)}
        )
        for name, plm in study.plms.items()
    }
    return study.model_copy(update={"plms": plms})


def _phase(jobs: Graph, mean: Study, recipes: Recipes, job: Job, base: Path) -> Phase:
    done = int(recipes.here(job.out) and not recipes.stale_job(job))
    if job.step not in COSTS:
        return Phase(job.step, 1, done)
    plm = mean.plms[job.results[0].plm]
    size = plm_size(plm, base)
    longest = jobs.study.plms[job.results[0].plm].max_output
    cost = COSTS[job.step](mean, job, size, longest)
    trainings, tokens = _trained(mean, job, size)
    all_tokens = tokens * (plm.max_input + plm.max_output)
    weights = saved_bytes(mean, job.results, base)
    memory = gpu_memory(jobs.study, job, size) or 0.0
    counts = (all_tokens, cost.operations, cost.answering, weights, *_spent(recipes, job), memory)
    return Phase(job.step, 1, done, trainings, *counts)


def _spent(recipes: Recipes, job: Job) -> tuple[float, float]:
    """Operations counted and executed by a job's existing results."""
    counted = executed = 0.0
    for file in (file for result in job.results for file in recipes.folder(result.path).glob("**/result.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if content.get("flops") and content.get("flops_executed"):
            counted, executed = counted + content["flops"], executed + content["flops_executed"]
    return counted, executed


def _trained(study: Study, job: Job, size: Size) -> tuple[int, float]:
    """Trainings of a job, and the number of examples they see."""
    result = job.results[0]
    if job.step == "pretrain":
        generate = study.plms[result.plm].generate
        return (1, float(generate.pretraining.steps * generate.pretraining.batch)) if generate else (0, 0.0)
    if job.step == "prime":
        assert result.priming
        return len(job.results), len(job.results) * primed_examples(study, result, size)
    assert result.strategy
    if not result.strategy.tuned:
        return 0, 0.0
    tuning = study.tuning_of(result.plm, result.strategy)
    points = math.prod(len(tuning.learning_rates.of(element)) for element in result.strategy.tuned)
    samples = len(job.results) * len(study.tasks.samples)
    rows = train_rows(study, result.task)
    examples = [length.steps(rows, batch) * batch for batch in tuning.batch_sizes for length in tuning.lengths]
    return samples * points * len(examples), float(samples * points * sum(examples))


def described(found: Plan, tokens: int = INPUT) -> str:
    """The plan as text: an aligned table and its assumptions."""
    study = found.study
    heads = (
        "step",
        "jobs",
        "done",
        "trainings",
        "tokens",
        "operations",
        "executed",
        "CPU time here",
        f"{found.gpu.upper()} hours",
        "of which answering",
        "weights on disk",
        "GPU memory",
    )
    *lines, total = _aligned([heads, *(_row(found, phase) for phase in (*found.phases, found.total))])
    rule = "-" * len(total)
    counts = " x ".join(
        plural(len(things), noun)
        for things, noun in (
            (study.members, "PLM"),
            (study.strategies, "strategy"),
            (study.tasks.target, "target task"),
        )
    )
    runs = f"{plural(len(study.seeds), 'seed')} and {plural(len(study.tasks.samples), 'sample')} each"
    long = f"mean input length {tokens} tokens if the study allows more"
    assumed = (
        f"Assumed: {long}, {found.reached:.2g} operations per second in {study.compute.precision} on the "
        f"{found.gpu.upper()}."
    )
    fewer = " without what PLMs leave out" if any(plm.restricts for plm in study.plms.values()) else ""
    first = f"study {study.name}: {found.cells} cells ({counts}{fewer}), {runs}"
    return "\n".join(
        [first, "", lines[0], rule, *lines[1:], rule, total, "", assumed, CPU, _answered(found), EXECUTED, MEMORY]
    )


def _answered(found: Plan) -> str:
    """What answering counts, and which test sets take the most hours."""
    tasks = found.study.tasks
    rows = sum(rows_to_test(found.study, task) for task in tasks.target)
    most = ", ".join(f"{task} {_hours(found.in_hours(cost))}" for task, cost in list(found.testing.items())[:LARGEST])
    return (
        f"Answering: development rows at every look, and {rows:,} test rows once a strategy, seed and sample (most "
        f"hours: {most}). Outputs of tasks without labels count as max_output tokens: a batch ends with its last row."
    )


def plural(number: int, noun: str) -> str:
    """For example `1 strategy`, `2 strategies`."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else many}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of a table, the first column left-aligned, the others right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _row(found: Plan, phase: Phase) -> tuple[str, ...]:
    return (
        phase.step,
        str(phase.jobs),
        str(phase.done),
        f"{phase.trainings:,}" if phase.trainings else "",
        f"{phase.tokens:.2g}" if phase.tokens else "",
        f"{phase.operations:.2g}" if phase.operations else "",
        f"{phase.executed:.2g}" if phase.executed else "",
        duration(phase.cpu) if phase.cpu else "",
        _hours(found.hours(phase)),
        _hours(found.in_hours(phase.answering)),
        _size(phase.bytes),
        _size(phase.gpu_memory),
    )


def _hours(number: float) -> str:
    return (f"{number:,.1f}" if number >= 0.05 else "< 0.1") if number else ""


def _size(number: float) -> str:
    if not number:
        return ""
    power = min(3, int(math.log10(max(number, 1000)) // 3))
    return f"{number / 1000**power:.1f} {('', 'kB', 'MB', 'GB')[power]}"
