"""What a study will take, before any of it is run: cells, runs, tokens, GPU hours, disk; and what is done already.

Operations come from the same counts as the requests to a scheduler (`priming.needs`), at mean instead of longest lengths.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from priming.errors import StudyError, nearest
from priming.jobs import Graph, Job, graph
from priming.models.sizes import element_parameters, plm_size
from priming.needs import LOADS
from priming.recipes import Recipes
from priming.study import Study
from priming.study.priming import Meta, Mtl

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
"""Operations a second at the most by the makers' data sheets: float32, dense bfloat16 (float32 where there is none)."""

USED = {"float32": 0.6, "bfloat16": 0.06}
"""The share of that which training is taken to reach, as `priming.needs` counts operations, by precision.

Measured with BART-base on one H100, dropout on, inputs of 128 and 512 tokens, 32 examples or more at a time
(benchmarks/gpu.py): 0.46 to 1.9 in float32, 0.03 to 0.2 in bfloat16. More than 1, since adapters and prompts are counted as
if the whole PLM were tuned.
"""

INPUT, OUTPUT = 128, 8
"""Tokens of an example in the mean, where the study allows more; our assumption."""


EXECUTED = "Executed: with the padding of batches, which adds as much as in the results of the step that are here; not known before there are any."


@dataclass(frozen=True)
class Phase:
    """What the jobs of a step take in all; of those whose results are here also the operations that they counted, and executed with padding."""

    step: str
    jobs: int = 0
    done: int = 0
    trainings: int = 0
    tokens: float = 0.0
    operations: float = 0.0
    bytes: float = 0.0
    counted: float = 0.0
    with_padding: float = 0.0

    @property
    def executed(self) -> float | None:
        """Operations with padding: as many times those without as in the results that are here, None where there are none."""
        return self.operations * self.with_padding / self.counted if self.counted else None

    def __add__(self, other: "Phase") -> "Phase":
        return Phase(
            self.step,
            self.jobs + other.jobs,
            self.done + other.done,
            self.trainings + other.trainings,
            self.tokens + other.tokens,
            self.operations + other.operations,
            self.bytes + other.bytes,
            self.counted + other.counted,
            self.with_padding + other.with_padding,
        )


@dataclass(frozen=True)
class Plan:
    """The plan of a study: its phases in order, and the number of its cells."""

    study: Study
    phases: tuple[Phase, ...]
    cells: int
    gpu: str

    def hours(self, phase: Phase) -> float:
        """GPU hours of a phase."""
        return phase.operations / self.reached / 3600

    @property
    def reached(self) -> float:
        """Operations a second that training is taken to reach; in bfloat16 no fewer than in float32."""
        single, half = GPUS[self.gpu]
        reached = single * USED["float32"]
        return max(reached, half * USED["bfloat16"]) if self.study.compute.precision == "bfloat16" else reached

    @property
    def total(self) -> Phase:
        """All phases together; what padding adds to them differs from step to step."""
        return replace(sum(self.phases, Phase("in all")), counted=0.0, with_padding=0.0)


def plan(study: Study, base: Path, gpu: str = "a100", tokens: int = INPUT) -> Plan:
    """The plan of a study.

    Args:
        study: what is asked.
        base: the folder of its file.
        gpu: one of `GPUS`.
        tokens: input tokens of an example in the mean, where the study allows more.

    Raises:
        StudyError: no such GPU is known.
    """
    if gpu not in GPUS:
        raise StudyError(f"--gpu {gpu}: not known{nearest(gpu, GPUS)}; allowed: {', '.join(GPUS)}")
    jobs = graph(study)
    recipes = Recipes(jobs, base)
    mean = _at_mean_lengths(study, tokens)
    phases: dict[str, Phase] = {}
    for job in jobs.jobs.values():
        phases[job.step] = phases.get(job.step, Phase(job.step)) + _phase(jobs, mean, recipes, job, base)
    cells = len(study.members) * len(study.parsed_strategies) * len(study.tasks.target)
    return Plan(study, tuple(phases.values()), cells, gpu)


def _at_mean_lengths(study: Study, tokens: int) -> Study:
    """The study with inputs and outputs of mean length; only for counting."""
    plms = {
        name: plm.model_copy(update={"max_input": min(plm.max_input, tokens), "max_output": min(plm.max_output, OUTPUT)})
        for name, plm in study.plms.items()
    }
    return study.model_copy(update={"plms": plms})


def _phase(jobs: Graph, mean: Study, recipes: Recipes, job: Job, base: Path) -> Phase:
    done = int(recipes.here(job.out) and not recipes.stale(job))
    if job.step not in LOADS:
        return Phase(job.step, 1, done)
    plm = mean.plms[job.items[0].plm]
    size = plm_size(plm, base)
    operations = LOADS[job.step](mean, job, size).operations
    trainings, tokens = _trained(mean, job)
    all_tokens = tokens * (plm.max_input + plm.max_output)
    return Phase(job.step, 1, done, trainings, all_tokens, operations, sum(_bytes(mean, job, base)), *_spent(recipes, job))


def _spent(recipes: Recipes, job: Job) -> tuple[float, float]:
    """Operations that the results of a job that are here counted, and that they executed."""
    counted = executed = 0.0
    for file in (file for item in job.items for file in recipes.folder(item.path).glob("**/result.json")):
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if result.get("flops") and result.get("flops_executed"):
            counted, executed = counted + result["flops"], executed + result["flops_executed"]
    return counted, executed


def _trained(study: Study, job: Job) -> tuple[int, float]:
    """Trainings of a job, and the examples that they see."""
    item = job.items[0]
    if job.step == "pretrain":
        generate = study.plms[item.plm].generate
        return (1, float(generate.pretraining.steps * generate.pretraining.batch)) if generate else (0, 0.0)
    if job.step == "prime":
        assert item.priming
        settings = study.priming.of(item.priming.section, item.plm)
        step = settings.batch if isinstance(settings, Mtl) else 0
        if isinstance(settings, Meta):
            step = settings.tasks * (item.priming.inner_steps * settings.support + settings.query)
        budget = settings.budget
        return 1, float(budget.examples or (budget.steps or 0) * step)
    assert item.strategy
    tuning = study.tuning.of(item.plm, item.strategy)
    points = math.prod(len(getattr(tuning.learning_rates, element)) for element in item.strategy.tuned)
    samples = len(job.items) * len(study.tasks.samples)
    examples = samples * points * tuning.steps * sum(tuning.batch_sizes)
    return samples * points * len(tuning.batch_sizes), float(examples)


def _bytes(study: Study, job: Job, base: Path) -> Iterator[float]:
    """The weights that a job leaves behind, four bytes a parameter."""
    item, tuning = job.items[0], study.tuning
    size = plm_size(study.plms[item.plm], base)
    if job.step == "pretrain":
        yield 4.0 * size.parameters
    elif job.step == "prime" and item.priming:
        yield 4.0 * sum(element_parameters(element, study.elements, size) for element in item.priming.outer)
    elif item.strategy:
        kept = [element for element in item.strategy.tuned if element != "plm" or tuning.save_plm]
        each = sum(element_parameters(element, study.elements, size) for element in kept)
        yield 4.0 * each * len(job.items) * len(study.tasks.samples)


def described(found: Plan, tokens: int = INPUT) -> str:
    """The plan as text: a table that lines up, and what it assumes."""
    study = found.study
    heads = ("step", "jobs", "done", "trainings", "tokens", "operations", "executed", f"{found.gpu.upper()} hours", "weights on disk")
    *lines, total = _aligned([heads, *(_row(found, phase) for phase in (*found.phases, found.total))])
    rule = "-" * len(total)
    counts = " x ".join(
        plural(len(things), noun) for things, noun in ((study.members, "PLM"), (study.strategies, "strategy"), (study.tasks.target, "target task"))
    )
    runs = f"{plural(len(study.seeds), 'seed')} and {plural(len(study.tasks.samples), 'sample')} each"
    long = f"inputs of {tokens} tokens in the mean where the study allows more"
    assumed = f"Assumed: {long}, {found.reached:.2g} operations a second in {study.compute.precision} on the {found.gpu.upper()}."
    first = f"study {study.name}: {found.cells} cells ({counts}), {runs}"
    return "\n".join([first, "", lines[0], rule, *lines[1:], rule, total, "", assumed, EXECUTED])


def plural(number: int, noun: str) -> str:
    """Such as `1 strategy`, `2 strategies`."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else many}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of a table, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows]


def _row(found: Plan, phase: Phase) -> tuple[str, ...]:
    hours = found.hours(phase)
    return (
        phase.step,
        str(phase.jobs),
        str(phase.done),
        f"{phase.trainings:,}" if phase.trainings else "",
        f"{phase.tokens:.2g}" if phase.tokens else "",
        f"{phase.operations:.2g}" if phase.operations else "",
        f"{phase.executed:.2g}" if phase.executed else "",
        (f"{hours:,.1f}" if hours >= 0.05 else "< 0.1") if phase.operations else "",
        _size(phase.bytes),
    )


def _size(number: float) -> str:
    if not number:
        return ""
    power = min(3, int(math.log10(max(number, 1000)) // 3))
    return f"{number / 1000**power:.1f} {('', 'kB', 'MB', 'GB')[power]}"
