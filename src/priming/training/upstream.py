"""Priming: training elements of a PLM on the source tasks."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from priming.models.elements import attach, element_of
from priming.models.encoding import Encoded, Encoder, batches_of
from priming.models.flops import Counter
from priming.models.loss import LossForm
from priming.models.plm import load_plm
from priming.models.text_model import TextModel
from priming.strategies import Priming
from priming.study.compute import Compute
from priming.study.plm import Elements, Plm
from priming.study.priming import Maml, Meta, Mtl, Reptile, Upstream
from priming.tasks.prepared import PreparedTask, read_task
from priming.tasks.text_form import TextForm
from priming.training.budget import Plan, plan
from priming.training.curve import Curve
from priming.training.draws import batches, meta_batch
from priming.training.keys import key, nested_seed
from priming.training.limits import check_labels, warn_of_cut
from priming.training.loop import Objective, Schedule, train
from priming.training.meta import Episode, FullStepReptile, InnerLoop, StandardReptile
from priming.training.meta import Maml as MamlObjective
from priming.training.optimizer import AdamW, Interpolation, Optimizer
from priming.training.parameters import StackedParameters
from priming.training.record import Stopwatch, count, digest, environment, plm_failure, save_tensors, write_result
from priming.training.share import Share, Shared, Weight
from priming.training.side_by_side import SideBySide
from priming.training.state import Keeper, Place, Stateful
from priming.training.validation import Candidates, Validator

ALONE = Share()
Part = tuple[Objective, Weight]


@dataclass(frozen=True)
class PrimingJob:
    """One priming: what to train, on what, and where the ingredients lie."""

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
    described: Mapping[str, Any] | None = None
    compute: Compute = field(default_factory=Compute)
    place: Place | None = None
    task_prefix: bool = False
    plm_seed: int | None = None

    @property
    def random_seed(self) -> int:
        """What its random numbers are made from."""
        return nested_seed(self.seed, self.plm_seed)


def prime(job: PrimingJob, out: Path, share: Share = ALONE) -> None:
    """Prime, and write the outer elements and `result.json` to `out`.

    A priming that goes non-finite is a result too: status `failed`, with the reason and without weights; so is one of a PLM
    whose pretraining failed. Of several processes that share a priming, the first writes.

    Raises:
        StoppedError: a signal told it to stop; its state is kept where the job has a place for it.
        DataError: a label of a source task is longer than the PLM's outputs may be.
    """
    if failure := plm_failure(job.plm_folder):
        if share.rank == 0:
            write_result(out, {**_about(job, failure), "flops": 0.0, "flops_executed": 0.0})
        return
    watch = Stopwatch()
    loaded = load_plm(job.plm_folder, dropout=job.settings.dropout)
    encoder = Encoder(loaded.tokenizer, job.plm.max_input, job.plm.max_output)
    model = attach(loaded, job.priming.elements, job.elements, job.random_seed, job.compute)
    model.requires_grad_(False)
    tasks = [read_task(folder) for folder in job.source]
    form = TextForm(job.task_prefix, job.settings.target_space)
    check_labels({task.name: [form.target(label) for label in task.labels or ()] for task in tasks}, encoder, job.plm_name)
    sets = [encoder.examples(form.pairs(task.name, task.pool())) for task in tasks]
    training = _Training(job, model, sets, plan(job.priming, job.settings, Counter(model), sets, _run_key(job)), watch, share)
    failure = training.run()
    if share.rank == 0:
        if failure is None:
            _save(job, out, training.candidates)
        _write(out, training, tasks, failure, _cut(job, tasks, encoder, form))


class _Training:
    """A priming under way: what is trained, and what changes from step to step."""

    def __init__(self, job: PrimingJob, model: TextModel, sets: Sequence[Encoded], budget: Plan, watch: Stopwatch, share: Share) -> None:
        self.job, self.model, self.sets, self.budget, self.watch, self.share = job, model, sets, budget, watch, share
        start = [(n, p) for n, p in model.named_parameters() if element_of(n) in job.priming.outer]
        self.parameters = StackedParameters.repeated(start, 1)
        self.optimizer = _optimizer(job, model.device)
        self.candidates = Candidates(job.settings, job.validator, self.parameters)
        self.curve = Curve(f"{job.priming} seed {job.seed}", budget.steps)

    def run(self) -> str | None:
        """Train; why it failed, None if it did not."""
        settings = self.job.settings
        self.model.train(settings.dropout != 0)
        schedule = Schedule(self.budget.steps, settings.warmup, None if _is_standard_reptile(settings) else settings.clip)
        objective, keeper = _objective(self.job, self.model, self.sets, self.share), self._keeper()
        with keeper.saving() if keeper else nullcontext():
            outcome = train(self.parameters, objective, self.optimizer, schedule, self._after_step, keeper)
        return outcome.failures.get(0)

    def _after_step(self, step: int, losses: Tensor) -> None:
        self.curve.after_step(step, losses)
        self.candidates.after_step(step, self.budget.steps)

    def _keeper(self) -> Keeper | None:
        parts: dict[str, Stateful] = {
            "parameters": self.parameters,
            "optimizer": self.optimizer,
            "candidates": self.candidates,
            "curve": self.curve,
            "watch": self.watch,
        }
        return Keeper(self.job.place, parts, self.share.rank == 0, self.share.any) if self.job.place else None


def _save(job: PrimingJob, out: Path, candidates: Candidates) -> None:
    for folder, values in candidates.kept().items():
        for element in job.priming.outer:
            save_tensors(out / folder / f"{element}.safetensors", {n: v for n, v in values.items() if element_of(n) == element})


def _run_key(job: PrimingJob) -> int:
    """What all random numbers of a priming are made from."""
    return key("prime", job.random_seed, str(job.priming))


def _objective(job: PrimingJob, model: TextModel, sets: Sequence[Encoded], share: Share) -> Objective:
    settings, run_key = job.settings, _run_key(job)
    size, part = (settings.batch, _multi_task) if isinstance(settings, Mtl) else (cast(Meta, settings).tasks, _meta_learner)
    parts = [part(job, model, sets, run_key, rows) for rows in share.parts(size, settings.parts)]
    return parts[0][0] if share.world == len(parts) == 1 else Shared(parts, share)


def _multi_task(job: PrimingJob, model: TextModel, sets: Sequence[Encoded], run_key: int, rows: slice) -> Part:
    """The objective over these rows of a batch; its weight is by target tokens, where the loss is a mean over them."""
    form, batch = _form(job.settings), batches(cast(Mtl, job.settings), sets, run_key)

    def weight(step: int) -> float:
        """The share of these rows in the batch of a step."""
        if form.reduction == "sum":
            return 1.0
        tokens = [len(target) for _, target in batch(step)]
        return sum(tokens[rows]) / sum(tokens)

    return SideBySide(model, lambda step: [batch(step)[rows]], [run_key], rows.start, form), weight


def _meta_learner(job: PrimingJob, model: TextModel, sets: Sequence[Encoded], run_key: int, rows: slice) -> Part:
    """The objective over these tasks of a meta-batch, over which the outer loss is a mean."""
    settings = cast(Meta, job.settings)
    rates = {e: rate for e in job.priming.elements if (rate := settings.inner_learning_rates.of(e)) is not None}
    inner = InnerLoop(job.priming.inner, rates, isinstance(settings, Maml) and settings.order == "second", settings.normalise_inner)

    def episodes(step: int) -> Episode:
        """These tasks of the meta-batch of a step."""
        drawn = meta_batch(sets, settings, job.priming.inner_steps, run_key, step, rows)
        support = [batches_of(picks, model.pad_id) for picks in drawn.support]
        return Episode(support, batches_of(drawn.query, model.pad_id), drawn.keys).to(model.device)

    learner = MamlObjective if isinstance(settings, Maml) else StandardReptile if _is_standard_reptile(settings) else FullStepReptile
    return learner(model, inner, episodes, _form(settings)), lambda _: (rows.stop - rows.start) / settings.tasks


def _cut(job: PrimingJob, tasks: Sequence[PreparedTask], encoder: Encoder, form: TextForm) -> dict[str, int]:
    """How many targets of the text-to-text tasks are cut, which is said."""
    found = {task.name: encoder.cut([t for _, targets in form.pairs(task.name, task.pool()) for t in targets]) for task in tasks if not task.labels}
    cut = {name: number for name, number in found.items() if number}
    for name, number in cut.items():
        warn_of_cut(f"{job.priming} seed {job.seed}", name, number, job.plm_name, encoder.max_output)
    return cut


def _optimizer(job: PrimingJob, device: torch.device) -> Optimizer:
    settings = job.settings
    if isinstance(settings, Reptile) and settings.update == "standard":
        return Interpolation(settings.step_size)
    rates = {e: torch.tensor([settings.learning_rates.of(e)], dtype=torch.float64, device=device) for e in job.priming.outer}
    return AdamW(rates, settings.weight_decay)


def _form(settings: Upstream) -> LossForm:
    return LossForm(settings.label_smoothing, settings.loss)


def _is_standard_reptile(settings: Upstream) -> bool:
    return isinstance(settings, Reptile) and settings.update == "standard"


def _about(job: PrimingJob, failure: str | None) -> dict[str, Any]:
    """What `result.json` says of every priming."""
    return {
        "status": "failed" if failure else "done",
        "reason": failure,
        "study": job.study,
        "plm": job.plm_name,
        "priming": str(job.priming),
        "seed": job.seed,
        "settings": dict(job.described or {}),
    }


def _write(out: Path, training: _Training, tasks: Sequence[PreparedTask], failure: str | None, cut: Mapping[str, int]) -> None:
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
            "cut_targets": dict(cut),
            "parameters": count(training.model, job.priming.outer),
            "digests": {
                "plm": digest(job.plm_folder / "model.safetensors"),
                "data": {task.name: task.sha256["pool.jsonl"] for task in tasks},
                "elements": {str(file.relative_to(out)): digest(file) for file in sorted(out.rglob("*.safetensors"))},
            },
            "seconds": training.watch.seconds,
            "resumed": training.watch.resumed,
            **environment(training.model.device, job.compute.precision, training.share.world),
        },
    )
