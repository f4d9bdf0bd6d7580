"""What a job needs of the machine that runs it, from the study alone: memory, time, GPUs, cores.

Upper estimates that a scheduler can plan with, not predictions. The constants were set on measured peaks; docs/cluster.md
has the comparison.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from priming.jobs import Graph, Item, Job, bank_groups
from priming.models.sizes import Size, element_parameters, plm_size
from priming.strategies import Strategy
from priming.study import Study
from priming.study.priming import Maml, Meta, Mtl, Reptile, Upstream

MEGA = 1_000_000
RUNNER = 400  # MB of the two Snakemake processes that a SLURM job runs beside its command
LIBRARIES = 600  # MB of a process that has imported torch, transformers and adapters
CUDA = 2000  # MB more of one that uses a GPU; on one H100 they and BART-base took 2700 at the most, 1000 of it before the PLM was loaded
SPARE = 1.2  # of what a study's data and models need

RATES = {"cpu": 1e10, "float32": 6e12, "bfloat16": 6e12}
"""Operations a second, as they are counted here, that small batches reach: a core; a GPU by precision.

Measured on one H100 (benchmarks/gpu.py): 6e12 to 1.3e13 in runs alone on 4 inputs of 64 tokens, in either precision; 4e13 to
2e14 in full banks and on 32 inputs of 512.
"""
LATE = 3.0  # how many times longer than that it may take
SHORTEST = 15  # minutes

TOKEN = 40.0  # bytes of a token id, as Python holds it
VALUES = 16  # numbers of model width that each token and layer keeps for the backward pass
LABELS = 4  # of a task whose study does not list them
AT_ONCE = 512  # rows that are decoded together (priming.evaluation.prediction)
TEST_ROWS = 2000  # of a task whose study does not say


@dataclass(frozen=True)
class Needs:
    """Memory in MB of the machine (not of the GPU), run time in minutes, GPUs, cores."""

    memory: int
    minutes: int
    gpus: int = 0
    cores: int = 1


@dataclass(frozen=True)
class Load:
    """What a training takes beside its libraries: bytes, and floating-point operations."""

    memory: float
    operations: float


def needs(graph: Graph, job: Job, base: Path = Path(), gpus: bool = True) -> Needs:
    """The needs of a job of a study.

    Args:
        graph: the jobs of the study.
        job: one of them.
        base: the folder of the study file.
        gpus: whether the machines have GPUs; the study may do without them.
    """
    study = graph.study
    if job.step in LIGHT:
        return LIGHT[job.step](study, job)
    wanted = 0 if study.compute.device == "cpu" or not gpus else study.compute.gpus if job.step == "prime" else 1
    processes = max(1, wanted)
    load = LOADS[job.step](study, job, plm_size(study.plms[job.items[0].plm], base))
    per_second = (RATES[study.compute.precision] if wanted else RATES["cpu"]) * processes
    # On a GPU the machine's own memory holds the weights while they are read and written, and the data.
    held = min(load.memory, _weights(plm_size(study.plms[job.items[0].plm], base)) + _texts(study)) if wanted else load.memory
    memory = processes * (LIBRARIES + (CUDA if wanted else 0) + SPARE * held / MEGA) + RUNNER
    return Needs(_rounded(memory), SHORTEST + math.ceil(LATE * load.operations / per_second / 60), wanted, processes)


def _rounded(memory: float) -> int:
    return math.ceil(memory / 100) * 100


def _prepare(study: Study, job: Job) -> Needs:
    """Generated tasks are nothing; a data set of the hub is downloaded, and may have many rows."""
    defined = [study.tasks.define[item.task] for item in job.items if item.task in study.tasks.define]
    hub = sum(task.hub is not None for task in defined) + sum(study.tasks.in_gym(item.task) for item in job.items)
    return Needs(RUNNER + (3000 if hub else 1000 if defined else 150), SHORTEST + 2 * hub)


def _tables(study: Study, job: Job) -> Needs:
    cells = len(job.items[0].inputs) * len(study.tasks.samples)
    return Needs(_rounded(RUNNER + 300 + cells / 20), SHORTEST + cells // 5000)


def _figure(study: Study, job: Job) -> Needs:
    return Needs(_rounded(RUNNER + 350), SHORTEST)


def _pretrain(study: Study, job: Job, size: Size) -> Load:
    plm = study.plms[job.items[0].plm]
    if plm.generate is None:
        return Load(_weights(size), 0)
    settings = plm.generate.pretraining
    tokens = settings.batch * 2 * plm.max_input
    held = tokens * (_per_token(size, plm.max_input) + 12 * size.vocabulary) + TOKEN * settings.number * plm.max_input
    return Load(_weights(size) + 20 * size.parameters + held, 6 * size.body * tokens * settings.steps)


def _prime(study: Study, job: Job, size: Size) -> Load:
    item = job.items[0]
    assert item.priming
    settings = study.priming.of(item.priming.section, item.plm)
    outer, inner = (sum(element_parameters(e, study.elements, size) for e in part) for part in (item.priming.outer, item.priming.inner))
    source, target = _lengths(study, item)
    examples, kept = _examples(settings, item.priming.inner_steps)
    copies = settings.tasks / settings.parts * (item.priming.inner_steps + 2 if _second(settings) else 2) if isinstance(settings, Meta) else 0
    values = _weights(size) + 20 * outer + 4 * copies * inner + _texts(study)
    activations = kept * (source + target) * _per_token(size, source)
    logits = 12 * kept * target * size.vocabulary
    judged = _validation(study, item, size, settings) if settings.keep == "best" else Load(0, 0)
    step = examples * (source + target) * 6 * size.body * (2 if _second(settings) else 1)
    budget = settings.budget
    operations = budget.flops or budget.executed_flops or step * (budget.steps or (budget.examples or 0) / examples)
    return Load(values + max(activations + logits, judged.memory), operations + judged.operations)


def _examples(settings: Upstream, inner_steps: int) -> tuple[int, int]:
    """Examples of an outer step, and those whose activations are held at one time."""
    if isinstance(settings, Mtl):
        return settings.batch, math.ceil(settings.batch / settings.parts)
    assert isinstance(settings, Meta)
    query = 0 if isinstance(settings, Reptile) and settings.update == "standard" else settings.query
    held = settings.support * (2 * inner_steps if _second(settings) else 1)
    return settings.tasks * (inner_steps * settings.support + query), math.ceil(settings.tasks / settings.parts) * (held + query)


def _second(settings: Upstream) -> bool:
    return isinstance(settings, Maml) and settings.order == "second"


def _validation(study: Study, item: Item, size: Size, settings: Upstream) -> Load:
    """The tunings by which candidates are judged; a budget that is not in steps counts as the usual 700."""
    judged = [strategy for strategy in study.parsed_strategies if strategy.priming == item.priming]
    runs = len(study.tasks.development) * min(settings.validation.samples, len(study.tasks.samples))
    loads = [_sweep(study, strategy, item, size, runs, settings.validation.steps) for strategy in judged]
    candidates = math.ceil((settings.budget.steps or 700) / settings.validation.every)
    return Load(max((load.memory for load in loads), default=0), candidates * sum(load.operations for load in loads))


def _tune(study: Study, job: Job, size: Size) -> Load:
    item = job.items[0]
    assert item.strategy
    groups = [group for group in bank_groups(study) if set(group) & {item.task for item in job.items}]
    largest = max(map(len, groups))
    once = _sweep(study, item.strategy, item, size, largest * len(study.tasks.samples), study.tuning.steps)
    source, target = _lengths(study, item)
    rows = (
        study.tasks.test_limit or (TEST_ROWS if item.task in study.tasks.define or study.tasks.in_gym(item.task) else study.tasks.generated.test)
    ) * len(study.tasks.samples)
    test = rows * (source + LABELS * target) * 2 * size.body * largest
    sweeps = len(study.seeds) * sum(map(len, groups)) / largest
    return Load(_weights(size) + once.memory, (once.operations + test) * sweeps)


def _sweep(study: Study, strategy: Strategy, item: Item, size: Size, samples: int, steps: int) -> Load:
    """So many tunings at every point of the grid: their parameters, the larger of a training step and an evaluation."""
    tuning = study.tuning.of(item.plm, strategy)
    rates = math.prod(len(getattr(tuning.learning_rates, element)) for element in strategy.tuned)
    batch, source, target = max(tuning.batch_sizes), *_lengths(study, item)
    runs = samples * rates
    abreast = min(tuning.bank, runs)
    tuned = sum(element_parameters(element, study.elements, size) for element in strategy.tuned)
    training = abreast * batch * ((source + target) * _per_token(size, source) + 12 * target * size.vocabulary)
    answers = AT_ONCE * _labels(study)
    evaluation = answers * (4 * source * size.width + 8 * target * size.vocabulary) + AT_ONCE * source * _per_token(size, source) / size.layers
    shots = study.tasks.shots * _labels(study)
    evaluations = shots * (source + _labels(study) * target) * 2 * size.body * (steps // tuning.evaluate_every + 1)
    operations = runs * sum(steps * size_ * (source + target) * 6 * size.body + evaluations for size_ in tuning.batch_sizes)
    return Load(20 * abreast * tuned + 4 * runs * len(tuning.batch_sizes) * tuned + max(training, evaluation), operations)


def _weights(size: Size) -> float:
    """Bytes of a PLM that is loaded: as it is read, and as it is used."""
    return 8.0 * size.parameters


def _per_token(size: Size, source: int) -> float:
    """Bytes that a token of an input of `source` tokens keeps for the backward pass; eager attention has a row for each head."""
    heads = max(4, size.width // 64)
    return 4.0 * size.layers * (VALUES * size.width + 3 * heads * source)


def _texts(study: Study) -> float:
    """Bytes of the source tasks' token ids, as Python holds them."""
    longest = max(plm.max_input + plm.max_output for plm in study.plms.values())
    return TOKEN * len(study.tasks.source) * study.tasks.source_limit * longest


def _lengths(study: Study, item: Item) -> tuple[int, int]:
    """Input tokens, a soft prompt included, and output tokens at the most."""
    plm = study.plms[item.plm]
    return plm.max_input + study.elements.prompt.length, plm.max_output


def _labels(study: Study) -> int:
    """Labels of a task at the most."""
    return max((len(task.labels) for task in study.tasks.define.values() if task.labels), default=LABELS)


LIGHT: dict[str, Callable[[Study, Job], Needs]] = {"prepare": _prepare, "tables": _tables, "figure": _figure}
LOADS: dict[str, Callable[[Study, Job, Size], Load]] = {"pretrain": _pretrain, "prime": _prime, "tune": _tune}
