"""Priming: training elements of a PLM on the source tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from priming.algorithms.budget import schedule
from priming.backbones.attachment import attach
from priming.backbones.encoding import TextTokenizer, TokenizedDataset
from priming.backbones.flops import Counter
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.digests import file_digest
from priming.elements.table import ELEMENTS, in_place
from priming.errors import StudyError
from priming.forms.interface import Form
from priming.forms.rows import Example
from priming.forms.table import KINDS, form_on
from priming.forms.training import training_of
from priming.result_files import write_result
from priming.runs.parameters import Named, Owner
from priming.runs.shards import Shard
from priming.tasks.prepared import PreparedTask, read_task
from priming.training.limits import warn_of_cut
from priming.training.priming_run import ALONE, PrimingJob, PrimingRun, Training
from priming.training.record import Stopwatch, count, environment, plm_failure, save_tensors
from priming.training.token_files import TokenFiles
from priming.training.tokenization import text_tokenizer
from priming.training.validation import DevelopmentLoss


def prime_all(jobs: Sequence[PrimingJob], outs: Sequence[Path], share: Shard = ALONE) -> None:
    """As `prime`, of jobs that differ in their seeds alone: side by side where the algorithm can, else in turn."""
    if jobs[0].algorithm.banks and share.world == 1:
        _prime(jobs, outs, share)
        return
    for job, out in zip(jobs, outs, strict=True):
        _prime([job], [out], share)


def prime(job: PrimingJob, out: Path, share: Shard = ALONE) -> None:
    """Prime, and write the outer elements and `result.json` to `out`.

    A priming that becomes non-finite is also a result: status `failed`, with the reason and no weights; likewise one of
    a PLM whose pretraining failed. If several processes share a priming, the first writes.

    Raises:
        StoppedError: stopped by a signal; the state is saved if the job has a `place` for it.
        DataError: a label of a source task is longer than the PLM's `max_output`.
    """
    _prime([job], [out], share)


def _prime(jobs: Sequence[PrimingJob], outs: Sequence[Path], share: Shard) -> None:
    if failure := plm_failure(jobs[0].plm_folder):
        for job, out in zip(jobs, outs, strict=True):
            if share.rank == 0:
                write_result(out, {**_about(job, failure), "flops": 0.0, "flops_executed": 0.0})
        return
    watch = Stopwatch()
    model, encoder = _model(jobs[0])
    jobs = [_in_place(job, model) for job in jobs]
    tasks = [read_task(folder) for folder in jobs[0].source]
    form = _form(jobs[0], model, tasks)
    sets, cut = _sets(jobs[0], model, form, encoder, tasks)
    if jobs[0].development:
        jobs = [replace(job, validator=_development_loss(job, model, form, encoder)) for job in jobs]
    counter, runs = Counter(model), []
    for job, out in zip(jobs, outs, strict=True):
        start = _outer(model, job) if job is jobs[0] else _start(job, tasks)
        runs.append(PrimingRun(job, out, schedule(job.algorithm, counter, sets, job.run_key), start))
    training = Training(runs, model, form, sets, watch, share)
    for run, failure in zip(training.runs, training.run(), strict=True):
        if share.rank == 0:
            if failure is None:
                _save(run, model.owner)
            _write(run, training, tasks, failure, _warned(run.job, cut, form))


def _model(job: PrimingJob) -> tuple[TextModel, TextTokenizer]:
    """The PLM with the elements of a priming as they start, frozen."""
    loaded = load_plm(job.plm_folder, dropout=job.settings.dropout, brings=job.plm.brings)
    compute = job.compute.differentiated_twice if job.algorithm.through_inner_steps else job.compute
    model = attach(loaded, job.priming.elements, job.elements, job.random_seed, compute)
    model.requires_grad_(False)
    return model, text_tokenizer(loaded.tokenizer, job.plm, model.backbone, job.plm_folder.name)


def _start(job: PrimingJob, tasks: Sequence[PreparedTask]) -> Named:
    """Where the outer elements of a priming start."""
    model, _ = _model(job)
    _fit_heads(job, model, tasks)
    return _outer(model, job)


def _outer(model: TextModel, job: PrimingJob) -> Named:
    return {name: parameter.detach() for name, parameter in model.owned_by(job.priming.outer)}


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
    _fit_heads(job, model, tasks)

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


def _fit_heads(job: PrimingJob, model: TextModel, tasks: Sequence[PreparedTask]) -> None:
    """Resize heads to the classes of the source tasks."""
    if job.settings.tokens == "memory":
        classes = [len(task.labels or ()) for task in tasks]
        own = [max(classes)] if job.algorithm.has_inner_loop else classes
        for element in job.priming.elements:
            ELEMENTS[element].fit(model, own, job.random_seed)


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
    return DevelopmentLoss(job.algorithm.development_loss(model, training, sets, job.run_key))


def _save(run: PrimingRun, owner: Owner) -> None:
    for folder, values in run.candidates.kept().items():
        for element in run.job.priming.outer:
            own = {name: value for name, value in values.items() if owner(name) == element}
            save_tensors(run.out / folder / f"{element}.safetensors", own)


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
    run: PrimingRun, training: Training, tasks: Sequence[PreparedTask], failure: str | None, cut: Mapping[str, int]
) -> None:
    job, out, budget, candidates = run.job, run.out, run.budget, run.candidates
    write_result(
        out,
        {
            **_about(job, failure),
            "steps": budget.steps,
            "examples": budget.steps * budget.examples,
            "flops": budget.steps * budget.cost,
            "flops_executed": budget.executed,
            "curve": run.curve.points,
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
            "seconds": round(training.watch.seconds / len(training.runs), 3),
            "resumed": training.watch.resumed,
            **environment(training.model.device, job.compute.precision, training.share.world),
            **training.model.passes_as,
        },
    )
