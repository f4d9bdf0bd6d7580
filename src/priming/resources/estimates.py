"""The resources a job needs, estimated from the study alone: memory, time, GPUs, cores.

Upper bounds for a scheduler, not predictions. The constants were fitted to measured peaks; docs/cluster.md has the
comparison.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from priming.algorithms.interface import Budget, Upstream
from priming.jobs.graph import Graph, Job, Result, bank_groups
from priming.protocol.dev_sets import DEV_SETS
from priming.protocol.draws.table import DRAWS
from priming.protocol.lengths import Length, Steps
from priming.resources.answering import TEST_ROWS, labels_of, operations_of_a_row, operations_of_testing
from priming.resources.sizes import Size, element_parameters, plm_size
from priming.strategies import Strategy
from priming.study import Study
from priming.tasks.sources.table import source_of

MEGA = 1_000_000
RUNNER = 400  # MB of the two Snakemake processes in a SLURM job
LIBRARIES = 600  # MB of a process with torch, transformers and adapters imported
CUDA = 2000  # extra MB with a GPU; on an H100, BART-base took at most 2700 in all, 1000 before it was loaded
SPARE = 1.4  # factor on the memory of data and models; what is freed and kept is in pieces

RATES = {"cpu": 1e10, "float32": 6e12, "bfloat16": 6e12}
"""Operations per second, as counted here, reached with small batches: per core; per GPU by precision.

Measured on one H100 (benchmarks/gpu.py): 6e12 to 1.3e13 for single runs on 4 inputs of 64 tokens, in either precision;
4e13 to 2e14 for full banks and for 32 inputs of 512.
"""
LATE = 3.0  # safety factor on time
SHORTEST = 15  # minutes

TOKEN = 40.0  # bytes of a token id, as Python holds it
VALUES = 16  # numbers of model width that each token and layer keeps for the backward pass
AT_ONCE = 512  # rows that are decoded together (priming.forms.prediction)
TRAIN_ROWS = 10_000  # of a task that is drawn as a whole


@dataclass(frozen=True)
class Resources:
    """Memory in MB of the machine (not of the GPU), run time in minutes, GPUs, cores."""

    memory: int
    minutes: int
    gpus: int = 0
    cores: int = 1


@dataclass(frozen=True)
class TrainingCost:
    """Cost of a training and what it answers, excluding libraries: memory in bytes, and floating-point operations."""

    memory: float
    training: float
    answering: float = 0.0

    @property
    def operations(self) -> float:
        """All operations."""
        return self.training + self.answering


def needs(graph: Graph, job: Job, base: Path = Path(), gpus: bool = True) -> Resources:
    """The resources of a job of a study.

    Args:
        graph: the jobs of the study.
        job: one of them.
        base: the folder of the study file.
        gpus: whether the machines have GPUs; the study may choose not to use them.
    """
    study = graph.study
    if job.step in LIGHT:
        return LIGHT[job.step](study, job)
    wanted = 0 if study.compute.device == "cpu" or not gpus else study.compute.gpus if job.step == "prime" else 1
    processes = max(1, wanted)
    load = COSTS[job.step](study, job, plm_size(study.plms[job.results[0].plm], base), None)
    per_second = (RATES[study.compute.precision] if wanted else RATES["cpu"]) * processes
    # With a GPU, main memory holds only the data, and the weights while they are read and written.
    held = (
        min(load.memory, _weights(plm_size(study.plms[job.results[0].plm], base)) + _texts(study))
        if wanted
        else load.memory
    )
    memory = processes * (LIBRARIES + (CUDA if wanted else 0) + SPARE * held / MEGA) + RUNNER
    return Resources(
        _rounded(memory), SHORTEST + math.ceil(LATE * load.operations / per_second / 60), wanted, processes
    )


def _rounded(memory: float) -> int:
    return math.ceil(memory / 100) * 100


def _prepare(study: Study, job: Job) -> Resources:
    """One task after the other; downloads take longer."""
    sources = [source_of(study.tasks, result.task) for result in job.results]
    downloads = sum(source.downloads for source in sources)
    return Resources(RUNNER + max(source.memory for source in sources), SHORTEST + 2 * downloads)


def _score(study: Study, job: Job) -> Resources:
    """A few seconds per ten thousand rows, mostly for ROUGE-L; one test set's answers are in memory at a time."""
    rows = (study.tasks.test_limit or TEST_ROWS) * len(study.tasks.samples) * len(job.results)
    return Resources(RUNNER + 200, SHORTEST + rows // 100_000)


def _tables(study: Study, job: Job) -> Resources:
    cells = study.cells * len(study.seeds) * len(study.tasks.samples)
    return Resources(_rounded(RUNNER + 300 + cells / 20), SHORTEST + cells // 5000)


def _figure(study: Study, job: Job) -> Resources:
    return Resources(_rounded(RUNNER + 350), SHORTEST)


def _pretrain(study: Study, job: Job, size: Size, longest: int | None = None) -> TrainingCost:
    plm = study.plms[job.results[0].plm]
    if plm.generate is None:
        return TrainingCost(_weights(size), 0)
    settings = plm.generate.pretraining
    tokens = settings.batch * 2 * plm.max_input
    held = tokens * (_per_token(size, plm.max_input) + 12 * size.vocabulary) + TOKEN * settings.number * plm.max_input
    return TrainingCost(_weights(size) + 20 * size.parameters + held, 6 * size.body * tokens * settings.steps)


def _prime(study: Study, job: Job, size: Size, longest: int | None = None) -> TrainingCost:
    result = job.results[0]
    assert result.priming
    algorithm = study.algorithm_of(result.priming, result.plm)
    settings: Upstream = algorithm.settings
    outer, inner = (
        sum(element_parameters(e, study.elements, size) for e in part)
        for part in (result.priming.outer, result.priming.inner)
    )
    source, target = longest_tokens(study, result.plm)
    kept = algorithm.held
    values = _weights(size) + 20 * outer + 4 * algorithm.copies * inner + _texts(study)
    activations = kept * (source + target) * _per_token(size, source)
    logits = 12 * kept * target * size.vocabulary
    judged = _validation(study, result, size, settings, longest) if settings.tunes_to_choose else TrainingCost(0, 0)
    budget = settings.budget
    operations = (
        budget.flops or budget.executed_flops or _operations(study, result, size) * primed_examples(study, result, size)
    )
    if settings.chooses and not settings.tunes_to_choose:
        looked_at = len(study.tasks.development) * len(study.tasks.samples)
        operations *= 1 + looked_at / algorithm.step.groups / settings.validation.every
    memory = values + max(activations + logits, judged.memory)
    seeds, abreast = len(job.results), len(job.results) if algorithm.banks else 1
    memory += (abreast - 1) * (20 * outer + activations + logits)
    return TrainingCost(memory, seeds * (operations + judged.training), seeds * judged.answering)


def primed_examples(study: Study, result: Result, size: Size) -> float:
    """The examples that a priming sees, including inner steps; a budget in operations is converted to examples."""
    assert result.priming
    algorithm = study.algorithm_of(result.priming, result.plm)
    budget: Budget = algorithm.settings.budget
    if operations := budget.flops or budget.executed_flops:
        return operations / _operations(study, result, size)
    return float(budget.examples or (budget.steps or 0) * algorithm.step.examples)


def _operations(study: Study, result: Result, size: Size) -> float:
    """Operations per example of a priming; doubled if inner steps are differentiated."""
    assert result.priming
    source, target = longest_tokens(study, result.plm)
    twice = study.algorithm_of(result.priming, result.plm).through_inner_steps
    return (source + target) * 6.0 * size.body * (2 if twice else 1)


def _validation(study: Study, result: Result, size: Size, settings: Upstream, longest: int | None) -> TrainingCost:
    """The tunings that judge candidate checkpoints; a budget not in steps counts as the default 700."""
    assert result.plm
    assert result.priming
    judged = study.tuned_from(result.plm, result.priming)
    runs = len(study.tasks.development) * min(settings.validation.samples, len(study.tasks.samples))
    lengths = [Steps(settings.validation.steps)]
    tasks = study.tasks.development
    loads = [_sweep(study, strategy, result.plm, tasks, size, runs, lengths, longest) for strategy in judged]
    candidates = math.ceil((settings.budget.steps or 700) / settings.validation.every)
    return TrainingCost(
        max((load.memory for load in loads), default=0),
        candidates * sum(load.training for load in loads),
        candidates * sum(load.answering for load in loads),
    )


def _tune(study: Study, job: Job, size: Size, longest: int | None = None) -> TrainingCost:
    result = job.results[0]
    assert result.strategy
    groups = [group for group in bank_groups(study) if set(group) & {result.task for result in job.results}]
    tasks = [task for group in groups for task in group]
    samples = len(study.tasks.samples)
    lengths = study.tuning_of(result.plm, result.strategy).lengths
    once = [
        _sweep(study, result.strategy, result.plm, group, size, len(group) * samples, lengths, longest)
        for group in groups
    ]
    test = sum(operations_of_testing(study, result.plm, task, size, longest) for task in tasks) * samples
    return TrainingCost(
        _weights(size) + max(sweep.memory for sweep in once),
        len(study.seeds) * sum(sweep.training for sweep in once),
        len(study.seeds) * (sum(sweep.answering for sweep in once) + test),
    )


def _sweep(
    study: Study,
    strategy: Strategy,
    plm: str,
    tasks: Sequence[str],
    size: Size,
    samples: int,
    lengths: Sequence[Length],
    longest: int | None,
) -> TrainingCost:
    """Tuning on `samples` samples of `tasks` at every grid point; if nothing is tuned, one evaluation each.

    Memory is that of the parameters, plus the larger of a training step and an evaluation.
    """
    tuning = study.tuning_of(plm, strategy)
    rates = math.prod(len(tuning.learning_rates.of(element)) for element in strategy.tuned)
    source, target = longest_tokens(study, plm)
    rows = train_rows(study, tasks[0])
    courses = [(batch, length.steps(rows, batch)) for batch in tuning.batch_sizes for length in lengths]
    courses = courses if strategy.tuned else [(0, 0)]
    (batch, _), runs = max(courses), samples * rates
    abreast = min(tuning.bank, runs)
    tuned = sum(element_parameters(element, study.elements, size) for element in strategy.tuned)
    training = abreast * batch * ((source + target) * _per_token(size, source) + 12 * target * size.vocabulary)
    answers = AT_ONCE * labels_of(study)
    evaluation = (
        answers * (4 * source * size.width + 8 * target * size.vocabulary)
        + AT_ONCE * source * _per_token(size, source) / size.layers
    )
    row = sum(operations_of_a_row(study, plm, task, size, (study.scoring.decoder,), longest) for task in tasks)
    judging = _dev_rows(study, tasks[0]) * row / len(tasks)
    trained = sum(steps * examples * (source + target) * 6 * size.body for examples, steps in courses)
    looks = sum(steps // tuning.evaluate_every + 1 for _, steps in courses)
    memory = 20 * abreast * tuned + 4 * runs * len(courses) * tuned + max(training, evaluation)
    return TrainingCost(memory, runs * trained, runs * looks * judging)


def train_rows(study: Study, task: str) -> int:
    """Maximum number of training examples of a sample of a task."""
    tasks = study.tasks
    draw = DRAWS[source_of(tasks, task).draw]
    size = getattr(tasks, draw.size_key) if draw.size_key else None
    return draw.examples(size, labels_of(study), TRAIN_ROWS)


def _dev_rows(study: Study, task: str) -> int:
    """Maximum number of development examples of a sample of a task."""
    dev_set = DEV_SETS[study.tasks.dev_set]
    return train_rows(study, task) if dev_set.drawn else (study.tasks.dev_limit or TEST_ROWS) if dev_set.split else 0


def _weights(size: Size) -> float:
    """Bytes of a loaded PLM: the copy being read, and the copy in use."""
    return 8.0 * size.parameters


def _per_token(size: Size, source: int) -> float:
    """Bytes kept for the backward pass per token of a `source`-token input; eager attention keeps a row per head."""
    heads = max(4, size.width // 64)
    return 4.0 * size.layers * (VALUES * size.width + 3 * heads * source)


def _texts(study: Study) -> float:
    """Bytes of the source tasks' token ids as Python objects."""
    longest = max(plm.max_input + plm.max_output for plm in study.plms.values())
    return TOKEN * len(study.tasks.source) * study.tasks.source_limit * longest


def longest_tokens(study: Study, plm: str) -> tuple[int, int]:
    """Maximum numbers of input tokens, including a soft prompt, and of output tokens."""
    found = study.plms[plm]
    return found.max_input + study.elements.added_inputs, found.max_output


LIGHT: dict[str, Callable[[Study, Job], Resources]] = {
    "prepare": _prepare,
    "score": _score,
    "tables": _tables,
    "figure": _figure,
}
COSTS: dict[str, Callable[[Study, Job, Size, int | None], TrainingCost]] = {
    "pretrain": _pretrain,
    "prime": _prime,
    "tune": _tune,
}
