"""Priming: training elements of a PLM on the source tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priming.models.elements import attach, element_of
from priming.models.encoding import Encoded, Encoder, batches_of
from priming.models.flops import Counter
from priming.models.plm import LoadedPlm, load_plm
from priming.models.text_model import TextModel
from priming.strategies import Priming
from priming.study.plm import Elements, Plm
from priming.study.priming import Maml, Meta, Mtl, Reptile, Upstream
from priming.tasks.prepared import PreparedTask, read_task
from priming.training.batches import disjoint_picks, mixture_picks, task_draw
from priming.training.budget import Plan, plan
from priming.training.keys import key
from priming.training.loop import Objective, Schedule, train
from priming.training.meta import Episode, FullStepReptile, InnerLoop, StandardReptile
from priming.training.meta import Maml as MamlObjective
from priming.training.optimizer import AdamW, Interpolation, Optimizer
from priming.training.parameters import StackedParameters
from priming.training.record import Stopwatch, count, digest, environment, save_tensors, write_result
from priming.training.side_by_side import SideBySide
from priming.training.validation import Candidates, Validator

CURVE_POINTS = 100


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


def prime(job: PrimingJob, out: Path) -> None:
    """Prime, and write the outer elements and `result.json` to `out`.

    A priming that goes non-finite is a result too: status `failed`, with the reason and without weights.
    """
    watch = Stopwatch()
    loaded = load_plm(job.plm_folder, dropout=job.settings.dropout)
    encoder = Encoder(loaded.tokenizer, job.plm.max_input, job.plm.max_output)
    model = attach(loaded, job.priming.elements, job.elements, job.seed)
    model.requires_grad_(False)
    tasks = [read_task(folder) for folder in job.source]
    sets = [encoder.examples((e.input, e.targets) for e in task.pool()) for task in tasks]
    budget = plan(job.priming, job.settings, Counter(model), sets)
    curve, candidates, failure = _train(job, model, encoder, sets, budget, loaded)
    if failure is None:
        for folder, values in candidates.kept().items():
            for element in job.priming.outer:
                save_tensors(out / folder / f"{element}.safetensors", {n: v for n, v in values.items() if element_of(n) == element})
    _write(job, out, model, tasks, budget, curve, candidates, failure, watch)


def _train(
    job: PrimingJob, model: TextModel, encoder: Encoder, sets: Sequence[Encoded], budget: Plan, loaded: LoadedPlm
) -> tuple[list[dict[str, Any]], Candidates, str | None]:
    settings = job.settings
    start = [(n, p) for n, p in model.named_parameters() if element_of(n) in job.priming.outer]
    parameters = StackedParameters.repeated(start, 1)
    model.train(settings.dropout != 0)
    candidates = Candidates(settings, job.validator, parameters)
    curve: list[dict[str, Any]] = []
    every = max(1, budget.steps // CURVE_POINTS)

    def after_step(step: int, losses: Tensor) -> None:
        if step % every == 0 or step == budget.steps:
            curve.append({"step": step, "loss": losses.item()})
        if step % (10 * every) == 0:
            print(f"{job.priming} seed {job.seed}: step {step} of {budget.steps}, loss {losses.item():.4f}", flush=True)
        candidates.after_step(step, budget.steps)

    run_key = key("prime", job.seed, str(job.priming))
    outcome = train(
        parameters,
        _objective(job, model, sets, run_key, loaded.tokenizer.pad_token_id),
        _optimizer(job),
        Schedule(budget.steps, settings.warmup, None if _is_standard_reptile(settings) else settings.clip),
        after_step,
    )
    return curve, candidates, outcome.failures.get(0)


def _objective(job: PrimingJob, model: TextModel, sets: Sequence[Encoded], run_key: int, pad_id: int) -> Objective:
    settings = job.settings
    if isinstance(settings, Mtl):
        return SideBySide(model, lambda step: [mixture_picks(sets, run_key, step, settings.batch)], [run_key])
    assert isinstance(settings, Meta)
    rates = {e: rate for e in job.priming.elements if (rate := settings.inner_learning_rates.of(e)) is not None}
    inner = InnerLoop(job.priming.inner, rates, isinstance(settings, Maml) and settings.order == "second", settings.normalise_inner)

    def episodes(step: int) -> Episode:
        return episode(sets, settings, job.priming.inner_steps, run_key, step, pad_id)

    if isinstance(settings, Maml):
        return MamlObjective(model, inner, episodes)
    return StandardReptile(model, inner, episodes) if _is_standard_reptile(settings) else FullStepReptile(model, inner, episodes)


def episode(sets: Sequence[Encoded], settings: Meta, inner_steps: int, run_key: int, step: int, pad_id: int) -> Episode:
    """The meta-batch of a step: for each drawn task its support batches and a query batch that shares no example with them."""
    drawn = task_draw(len(sets), run_key, step, settings.tasks)
    keys = [key(run_key, "episode", step, place) for place in range(len(drawn))]
    different = min(inner_steps, 1) if settings.same_support else inner_steps
    picks = [disjoint_picks(sets[t], k, [settings.query, *[settings.support] * different]) for t, k in zip(drawn, keys, strict=True)]
    query, *support = (batches_of(list(batch), pad_id) for batch in zip(*picks, strict=True))
    return Episode(support * inner_steps if settings.same_support else support, query, keys)


def _optimizer(job: PrimingJob) -> Optimizer:
    settings = job.settings
    if isinstance(settings, Reptile) and settings.update == "standard":
        return Interpolation(settings.step_size)
    return AdamW({e: torch.tensor([settings.learning_rates.of(e)], dtype=torch.float64) for e in job.priming.outer}, settings.weight_decay)


def _is_standard_reptile(settings: Upstream) -> bool:
    return isinstance(settings, Reptile) and settings.update == "standard"


def _write(
    job: PrimingJob,
    out: Path,
    model: TextModel,
    tasks: Sequence[PreparedTask],
    budget: Plan,
    curve: Sequence[Mapping[str, Any]],
    candidates: Candidates,
    failure: str | None,
    watch: Stopwatch,
) -> None:
    write_result(
        out,
        {
            "status": "failed" if failure else "done",
            "reason": failure,
            "study": job.study,
            "plm": job.plm_name,
            "priming": str(job.priming),
            "seed": job.seed,
            "settings": dict(job.described or {}),
            "steps": budget.steps,
            "examples": budget.steps * budget.examples,
            "flops": budget.steps * budget.cost,
            "curve": list(curve),
            "validation": candidates.history,
            "kept_step": candidates.kept_steps(budget.steps),
            "tasks": [task.name for task in tasks],
            "parameters": count(model, job.priming.outer),
            "digests": {
                "plm": digest(job.plm_folder / "model.safetensors"),
                "data": {task.name: task.sha256["pool.jsonl"] for task in tasks},
                "elements": {str(file.relative_to(out)): digest(file) for file in sorted(out.rglob("*.safetensors"))},
            },
            "seconds": watch.seconds,
            **environment(torch.device("cpu")),
        },
    )
