"""Priming: training elements of a PLM on the source tasks."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from priming.algorithms.budget import Schedule, schedule
from priming.algorithms.interface import Algorithm, Upstream
from priming.algorithms.table import bound
from priming.backbones.attachment import attach
from priming.backbones.compute import Compute
from priming.backbones.encoding import TextTokenizer, TokenizedDataset
from priming.backbones.flops import Counter
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.digests import file_digest
from priming.elements.sections import Elements
from priming.elements.table import ELEMENTS, in_place
from priming.errors import StudyError
from priming.forms.interface import Form
from priming.forms.rows import Example
from priming.forms.table import KINDS, form_on
from priming.forms.training import training_of
from priming.result_files import write_result
from priming.runs.checkpoints import CheckpointDir, Checkpointer, Stateful
from priming.runs.keys import key, nested_seed
from priming.runs.loop import Course, train
from priming.runs.loss_curve import LossCurve
from priming.runs.parameters import Owner, StackedParameters
from priming.runs.schedules import SCHEDULES
from priming.runs.shards import Shard
from priming.strategies import Priming
from priming.study.plm import Plm
from priming.tasks.conventions import Conventions
from priming.tasks.prepared import PreparedTask, read_task
from priming.training.limits import warn_of_cut
from priming.training.record import Stopwatch, count, environment, plm_failure, save_tensors
from priming.training.token_files import TokenFiles
from priming.training.tokenization import text_tokenizer
from priming.training.validation import CheckpointSelector, DevelopmentLoss, Validator

ALONE = Shard()


@dataclass(frozen=True)
class PrimingJob:
    """One priming: what to train, on which tasks, and the folders of its inputs."""

    study: str
    plm_name: str
    plm: Plm
    elements: Elements
    priming: Priming
    settings: Upstream
    seed: int
    plm_folder: Path
    source: Sequence[Path]
    validator: Validator | None = None
    development: Mapping[Path, Sequence[int]] = field(default_factory=dict)
    """With `keep: loss`, the development tasks, and the samples that are looked at."""
    described: Mapping[str, Any] | None = None
    compute: Compute = field(default_factory=Compute)
    place: CheckpointDir | None = None
    task_prefix: bool = False
    plm_seed: int | None = None
    named: str = ""
    tokens: Path | None = None
    """Where the tokens of source tasks are kept, if they are mapped."""

    @property
    def name(self) -> str:
        """The name of the priming in the study."""
        return self.named or str(self.priming)

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm with its settings."""
        return bound(self.priming.algorithm, self.settings, self.priming)

    @property
    def conventions(self) -> Conventions:
        """How examples are written."""
        return Conventions(self.task_prefix, self.settings.target_space)

    @property
    def random_seed(self) -> int:
        """The seed of its random numbers."""
        return nested_seed(self.seed, self.plm_seed)


def prime(job: PrimingJob, out: Path, share: Shard = ALONE) -> None:
    """Prime, and write the outer elements and `result.json` to `out`.

    A priming that becomes non-finite is also a result: status `failed`, with the reason and no weights; likewise one of
    a PLM whose pretraining failed. If several processes share a priming, the first writes.

    Raises:
        StoppedError: stopped by a signal; the state is saved if the job has a `place` for it.
        DataError: a label of a source task is longer than the PLM's `max_output`.
    """
    if failure := plm_failure(job.plm_folder):
        if share.rank == 0:
            write_result(out, {**_about(job, failure), "flops": 0.0, "flops_executed": 0.0})
        return
    watch = Stopwatch()
    loaded = load_plm(job.plm_folder, dropout=job.settings.dropout, brings=job.plm.brings)
    model = attach(loaded, job.priming.elements, job.elements, job.random_seed, job.compute)
    job = _in_place(job, model)
    encoder = text_tokenizer(loaded.tokenizer, job.plm, model.backbone, job.plm_folder.name)
    model.requires_grad_(False)
    tasks = [read_task(folder) for folder in job.source]
    form = _form(job, model, tasks)
    sets, cut = _sets(job, model, form, encoder, tasks)
    if job.development:
        job = replace(job, validator=_development_loss(job, model, form, encoder))
    training = _Training(
        job, model, form, sets, schedule(job.algorithm, Counter(model), sets, _run_key(job)), watch, share
    )
    failure = training.run()
    if share.rank == 0:
        if failure is None:
            _save(job, out, training.candidates, model.owner)
        _write(out, training, tasks, failure, _warned(job, cut, form))


def _in_place(job: PrimingJob, model: TextModel) -> PrimingJob:
    """The job without elements that have no place in the PLM; raises StudyError if nothing is left to train."""
    priming, passes = job.priming, model.backbone.passes
    outer, inner = in_place(priming.outer, passes), in_place(priming.inner, passes)
    if not outer or bool(inner) < bool(priming.inner):
        raise StudyError(
            f"{str(priming)!r} moves nothing of PLM {job.plm_name!r}, which has no place for what it names"
        )
    return replace(job, priming=replace(priming, outer=outer, inner=inner), named=str(priming))


def _form(job: PrimingJob, model: TextModel, tasks: Sequence[PreparedTask]) -> Form:
    """The form of the source tasks on this PLM; raises StudyError if there is none for this priming."""
    form = form_on(model.backbone.passes, [task.kind for task in tasks], job.plm_name)
    form.refuse_lacking(job.priming.elements, str(job.priming), job.plm_name)
    return form


def _heads(job: PrimingJob, tasks: Sequence[PreparedTask]) -> dict[str, Any]:
    """The labels that each head is for; None for a head shared by tasks with different labels."""
    if all(ELEMENTS[element].carried for element in job.priming.outer):
        return {}
    labels = [list(task.labels or ()) for task in tasks]
    shared = [labels[0] if all(own == labels[0] for own in labels) else None]
    return {"heads": shared if job.algorithm.has_inner_loop else labels}


def _sets(
    job: PrimingJob, model: TextModel, form: Form, encoder: TextTokenizer, tasks: Sequence[PreparedTask]
) -> tuple[Sequence[TokenizedDataset], dict[str, int]]:
    """The source tasks' examples, and how many targets are cut of each task whose answers are no labels.

    Raises:
        DataError: labels that do not fit.
        StudyError: tokens in files, of a PLM with heads or of rows that have no place there.
    """
    free = [task for task in tasks if not KINDS[task.kind].labelled]
    if job.settings.tokens == "memory":
        sets = _encoded(job, model, form, encoder, tasks)
        training, written = training_of(form), job.conventions
        return sets, {one.name: training.cut(encoder, written.examples(one.name, one.pool())) for one in free}
    if form.needs != "decode" or job.algorithm.paired:
        raise StudyError(
            f"{job.name!r}: tokens: mapped is for PLMs that generate answers, without episodes: pairs; "
            "use tokens: memory"
        )
    assert job.tokens
    training_of(form).check(_labels(job, tasks), encoder, job.plm_name)
    files = TokenFiles(job.tokens, tasks, job.conventions, encoder)
    return files.sets(training_of(form)), {task.name: files.cut[task.name] for task in free}


def _labels(job: PrimingJob, tasks: Sequence[PreparedTask]) -> dict[str, tuple[str, ...] | None]:
    """The labels of each task as they are written."""
    return {task.name: task.labels and tuple(map(job.conventions.target, task.labels)) for task in tasks}


def _encoded(
    job: PrimingJob, model: TextModel, form: Form, encoder: TextTokenizer, tasks: Sequence[PreparedTask]
) -> list[TokenizedDataset]:
    """Tokenize the source tasks, and resize heads to their classes; raises DataError if labels do not fit."""
    written, training, apart = job.conventions, training_of(form), not job.algorithm.has_inner_loop
    labels = _labels(job, tasks)
    training.check(labels, encoder, job.plm_name)
    classes = [len(task.labels or ()) for task in tasks]
    for element in job.priming.elements:
        ELEMENTS[element].fit(model, classes if apart else [max(classes)], job.random_seed)

    def encoded(task: PreparedTask, place: int, rows: Sequence[Example]) -> TokenizedDataset:
        """Rows of a task, whose head is at this place where each task has its own."""
        return training.encoded(encoder, written.examples(task.name, rows), labels[task.name], place if apart else 0)

    if not job.algorithm.paired:
        return [encoded(task, place, task.pool()) for place, task in enumerate(tasks)]
    return [
        replace(encoded(task, place, [*train, *dev]), split=len(train))
        for place, task in enumerate(tasks)
        for train, dev in task.pairs()
    ]


def _development_loss(job: PrimingJob, model: TextModel, form: Form, encoder: TextTokenizer) -> DevelopmentLoss:
    """The loss on the samples of the development tasks; raises DataError if a label does not fit."""
    tasks, written, training = [read_task(folder) for folder in job.development], job.conventions, training_of(form)
    labels = {task.name: task.labels and tuple(map(written.target, task.labels)) for task in tasks}
    training.check(labels, encoder, job.plm_name)
    sets = []
    for task, numbers in zip(tasks, job.development.values(), strict=True):
        for rows, dev, _ in map(task.sample, numbers):
            examples = written.examples(task.name, [*rows, *dev])
            sets.append(replace(training.encoded(encoder, examples, labels[task.name], 0), split=len(rows)))
    return DevelopmentLoss(job.algorithm.development_loss(model, training, sets, _run_key(job)))


class _Training:
    """A priming in progress: what is trained, and all state that changes from step to step."""

    def __init__(
        self,
        job: PrimingJob,
        model: TextModel,
        form: Form,
        sets: Sequence[TokenizedDataset],
        budget: Schedule,
        watch: Stopwatch,
        share: Shard,
    ) -> None:
        self.job, self.model, self.form, self.sets = job, model, form, sets
        self.budget, self.watch, self.share = budget, watch, share
        self.parameters = StackedParameters.repeated(model.owned_by(job.priming.outer), 1, model.owner)
        self.parameters.lend(model)
        self.optimizer = job.algorithm.update_rule(model.device)
        self.candidates = CheckpointSelector(job.settings, job.validator, self.parameters)
        self.curve = LossCurve(f"{job.name} seed {job.seed}", budget.steps)

    def run(self) -> str | None:
        """Train; returns why it failed, or None if it did not."""
        settings = self.job.settings
        self.model.train(settings.dropout != 0)
        course = Course(self.budget.steps, settings.warmup, self.job.algorithm.clip, SCHEDULES[settings.schedule])
        algorithm, form = self.job.algorithm, training_of(self.form)
        objective = algorithm.objective(self.model, form, self.sets, _run_key(self.job), self.share)
        keeper = self._keeper(algorithm)
        with keeper.saving() if keeper else nullcontext():
            outcome = train(self.parameters, objective, self.optimizer, course, self._after_step, keeper)
        return outcome.failures.get(0)

    def _after_step(self, step: int, losses: Tensor) -> None:
        self.curve.after_step(step, losses)
        self.candidates.after_step(step, self.budget.steps)

    def _keeper(self, algorithm: Algorithm) -> Checkpointer | None:
        parts: dict[str, Stateful] = {
            **algorithm.changing,
            "parameters": self.parameters,
            "optimizer": self.optimizer,
            "candidates": self.candidates,
            "curve": self.curve,
            "watch": self.watch,
        }
        return Checkpointer(self.job.place, parts, self.share.rank == 0, self.share.any) if self.job.place else None


def _save(job: PrimingJob, out: Path, candidates: CheckpointSelector, owner: Owner) -> None:
    for folder, values in candidates.kept().items():
        for element in job.priming.outer:
            save_tensors(
                out / folder / f"{element}.safetensors", {n: v for n, v in values.items() if owner(n) == element}
            )


def _run_key(job: PrimingJob) -> int:
    """The key of all random numbers of a priming."""
    return key("prime", job.random_seed, str(job.priming))


def _warned(job: PrimingJob, cut: Mapping[str, int], form: Form) -> dict[str, int]:
    """What is cut, with a warning for each task of which anything is."""
    found = {name: number for name, number in cut.items() if number}
    for name, number in found.items():
        warn_of_cut(f"{job.name} seed {job.seed}", name, number, form, job.plm_name, job.plm)
    return found


def _about(job: PrimingJob, failure: str | None) -> dict[str, Any]:
    """The entries of `result.json` that every priming has."""
    return {
        "status": "failed" if failure else "done",
        "reason": failure,
        "study": job.study,
        "plm": job.plm_name,
        "priming": job.name,
        "seed": job.seed,
        "settings": dict(job.described or {}),
    }


def _write(
    out: Path, training: _Training, tasks: Sequence[PreparedTask], failure: str | None, cut: Mapping[str, int]
) -> None:
    job, budget, candidates = training.job, training.budget, training.candidates
    write_result(
        out,
        {
            **_about(job, failure),
            "steps": budget.steps,
            "examples": budget.steps * budget.examples,
            "flops": budget.steps * budget.cost,
            "flops_executed": budget.executed,
            "curve": training.curve.points,
            "validation": candidates.history,
            "kept_step": candidates.kept_steps(budget.steps),
            "tasks": [task.name for task in tasks],
            **_heads(job, tasks),
            "cut_targets": dict(cut),
            "parameters": count(training.model, job.priming.outer),
            "digests": {
                "plm": file_digest(job.plm_folder / "model.safetensors"),
                "data": {task.name: task.sha256["pool.jsonl"] for task in tasks},
                "elements": {
                    str(file.relative_to(out)): file_digest(file) for file in sorted(out.rglob("*.safetensors"))
                },
            },
            "seconds": training.watch.seconds,
            "resumed": training.watch.resumed,
            **environment(training.model.device, job.compute.precision, training.share.world),
        },
    )
