"""Tuning target tasks from a primed or un-primed PLM: each sample's sweep, its winner's predictions, and the results.

Predictions are scored by a separate step (`priming.evaluation.scoring`), so another metric needs no new tuning.
"""

from collections import Counter as Lengths
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priming.algorithms.budget import mean_lengths
from priming.backbones.attachment import BASE
from priming.backbones.device import device_of
from priming.backbones.flops import Counter
from priming.digests import file_digest
from priming.forms.answers import PREDICTIONS, Answers, Prediction, predictions, write_predictions
from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.forms.training import training_of
from priming.result_files import read_result, write_result
from priming.runs.checkpoints import CheckpointDir
from priming.study.paths import sample
from priming.tasks.prepared import PreparedTask, read_task
from priming.training.grid import Run, winner
from priming.training.limits import warn_of_cut
from priming.training.progress import RowProgress, tasks_named
from priming.training.record import Stopwatch, count, environment, plm_failure, save_tensors
from priming.training.sweep import SavedSweep
from priming.training.tuner import Tuner
from priming.training.validation import checkpoint_folder


@dataclass(frozen=True)
class Group:
    """Target tasks that one strategy tunes side by side with one seed, and the folders of the requested results."""

    study: str
    plm_name: str
    samples: Sequence[int]
    tasks: Sequence[Path]
    primed: Path | None
    described: Mapping[str, Any]
    outs: Mapping[str, Path]
    place: CheckpointDir | None = None
    """Where the state of a tuning that takes long is saved."""

    def out(self, task: PreparedTask, number: int) -> Path:
        """The folder of a sample's results."""
        return self.outs[task.name] / sample(number)


@dataclass(frozen=True)
class Tuned:
    """A sample of a task after its sweep."""

    task: PreparedTask
    number: int
    runs: Sequence[Run]

    @property
    def best(self) -> Run | None:
        """The winner; None if every run failed."""
        index = winner(self.runs)
        return None if index is None else self.runs[index]


def tune(tuner: Tuner, group: Group) -> list[str]:
    """Tune tasks on each sample; write `result.json`, weights and predictions to a folder `sample-<k>` for each.

    Returns a warning for each task with samples that keep the untuned model.

    Raises:
        DataError: a label is longer than the PLM's `max_output`.
    """
    tasks = [read_task(folder) for folder in group.tasks]
    if failure := _nothing_to_tune(tuner, group):
        _mark(tuner, group, tasks, *failure)
        return []
    if group.primed is not None:
        tuner.load(checkpoint_folder(group.primed, tuner.strategy))
    form = tuner.form(tasks)
    training_of(form).check({task.name: task.labels for task in tasks}, tuner.encoder, group.plm_name)
    watch = Stopwatch()
    sweeps = tuner.sweeps(tasks, group.samples, kept=SavedSweep(group.place, watch) if group.place else None)
    pairs = [(task, number) for task in tasks for number in group.samples]
    tuned = [Tuned(task, number, runs) for (task, number), runs in zip(pairs, sweeps, strict=True)]
    _write_winners(tuner, group, [one for one in tuned if one.best])
    seconds = watch.seconds / len(tuned)
    for one in tuned:
        if one.task.name in group.outs:
            write_result(group.out(one.task, one.number), _swept(tuner, group, one, seconds, watch.resumed))
    return [*_untuned(tuner, group, tuned)]


def _untuned(tuner: Tuner, group: Group, tuned: Sequence[Tuned]) -> Iterator[str]:
    """A warning for each task of the group, listing the samples that keep the untuned model."""
    for task in group.outs:
        if still := [one.number for one in tuned if one.task.name == task and one.best and one.best.kept_start]:
            which = f"sample{'s' if len(still) > 1 else ''} {', '.join(map(str, still))}"
            yield (
                f"{tuner.strategy}, {task}, seed {tuner.seed}, {which}: no step is better on the "
                "development set than the untuned model, which is kept"
            )


def _nothing_to_tune(tuner: Tuner, group: Group) -> tuple[str, str] | None:
    """Status and reason if the priming, or the pretraining of an un-primed PLM, failed; else None."""
    if group.primed is not None:
        failure = priming_failure(group.primed)
        return ("not primed", failure) if failure else None
    failure = plm_failure(tuner.plm_folder)
    return ("failed", failure) if failure else None


def _mark(tuner: Tuner, group: Group, tasks: Sequence[PreparedTask], status: str, reason: str) -> None:
    for task in tasks:
        for number in group.samples if task.name in group.outs else ():
            write_result(group.out(task, number), _untrained(tuner, group, task, number, status, reason))


def priming_failure(primed: Path) -> str | None:
    """Why the priming in this folder failed; None if it did not."""
    result = read_result(primed)
    return (
        None if result["status"] == "done" else f"{result['priming']} seed {result['seed']} failed: {result['reason']}"
    )


def _write_winners(tuner: Tuner, group: Group, tuned: Sequence[Tuned]) -> None:
    """Write each winner's weights, and its predictions on the development and test sets, computed side by side."""
    if not tuned:
        return
    best = [one.best.best for one in tuned if one.best]
    stacked = {name: torch.stack([values[name] for values in best]) for name in best[0]}
    answers = _answers(tuner, tuned, stacked)
    for one, values, rows in zip(tuned, best, answers, strict=True):
        if one.task.name in group.outs:
            out = group.out(one.task, one.number)
            write_predictions(out / PREDICTIONS, rows)
            if kept := {n: v for n, v in values.items() if tuner.model.owner(n) != BASE or tuner.tuning.save_plm}:
                save_tensors(out / "elements.safetensors", kept)


def _answers(tuner: Tuner, tuned: Sequence[Tuned], stacked: Mapping[str, Tensor]) -> list[list[Prediction]]:
    """Each winner's predictions: on the development set by the selecting decoder, on the test set by all decoders."""
    found: list[list[Prediction]] = [[] for _ in tuned]
    samples, tasks = [one.task.sample(one.number) for one in tuned], [one.task for one in tuned]
    for part, index, decoders in (("dev", 1, [tuner.scoring.decoder]), ("test", 2, tuner.scoring.decoders)):
        rows = [sample[index] for sample in samples]
        if not any(rows):
            continue
        answers = _predict(tuner, tasks, stacked, rows, decoders, f"{part} set")
        for own, examples, answered in zip(found, rows, answers, strict=True):
            own.extend(predictions(part, examples, answered))
    return found


def _predict(
    tuner: Tuner,
    tasks: Sequence[PreparedTask],
    stacked: Mapping[str, Tensor],
    rows: Sequence[Sequence[Example]],
    decoders: Sequence[str],
    part: str,
) -> list[Answers]:
    """Each winner's answers on its rows, with progress lines in the log."""
    form, labels = tuner.form(tasks), [task.labels for task in tasks]
    inputs = [tuner.asked(form, task.name, examples) for task, examples in zip(tasks, rows, strict=True)]
    progress = RowProgress(f"{tuner.name}, {tasks_named(task.name for task in tasks)}, {part}", sum(map(len, rows)))
    progress.begin(len(tasks), [len(own or ()) for own in labels], [d for d in decoders if d in form.decoders])
    with tuner.looking_up():
        found = tuner.runs(form).answer(stacked, inputs, labels, decoders, progress.after_rows)
    progress.end()
    return found


def _swept(tuner: Tuner, group: Group, tuned: Tuned, seconds: float, resumed: Sequence[float]) -> dict[str, Any]:
    """The result of a sample whose sweep was run; all of its runs may have failed."""
    train, dev, test = tuned.task.sample(tuned.number)
    failed = "; ".join(sorted({run.failure for run in tuned.runs if run.failure}))
    status, reason = ("done", None) if tuned.best else ("failed", failed)
    return {
        **_untrained(tuner, group, tuned.task, tuned.number, status, reason),
        "runs": [run.report() for run in tuned.runs],
        "winner": winner(tuned.runs),
        "kept_start": tuned.best is not None and tuned.best.kept_start,
        "examples": {"train": len(train), "dev": len(dev), "test": len(test)},
        "cut_targets": _cut(tuner, group, tuned),
        "flops": _flops(tuner, tuned.task, train, tuned.runs),
        "flops_executed": _executed(tuner, tuned, train),
        "seconds": round(seconds, 3),
        "resumed": resumed,
    }


def _cut(tuner: Tuner, group: Group, tuned: Tuned) -> dict[str, int]:
    """Count what is truncated in each part of a task whose answers are no labels, and print a warning of it."""
    parts = dict(zip(("train", "dev", "test"), tuned.task.sample(tuned.number), strict=True))
    if KINDS[tuned.task.kind].labelled:
        return dict.fromkeys(parts, 0)
    form = tuner.form([tuned.task])
    cut = {part: training_of(form).cut(tuner.encoder, examples) for part, examples in parts.items()}
    if number := sum(cut.values()):
        where = f"{tuner.strategy} seed {tuner.seed} sample {tuned.number}"
        warn_of_cut(where, tuned.task.name, number, form, group.plm_name, tuner.plm)
    return cut


def _untrained(
    tuner: Tuner, group: Group, task: PreparedTask, number: int, status: str, reason: str | None
) -> dict[str, Any]:
    """A result without a sweep; `_swept` adds to it what a sweep yields."""
    primed = None if group.primed is None or status == "not primed" else checkpoint_folder(group.primed, tuner.strategy)
    made = plm_failure(tuner.plm_folder) is None
    if made:
        tuner.fit([task])
    return {
        "status": status,
        "reason": reason,
        "study": group.study,
        "plm": group.plm_name,
        "strategy": str(tuner.strategy),
        "task": task.name,
        "fidelity": task.fidelity,
        "task_metric": task.metric,
        "seed": tuner.seed,
        "sample": number,
        "settings": dict(group.described),
        "runs": [],
        "winner": None,
        "kept_start": False,
        "parameters": count(tuner.model, tuner.tuned) if made else None,
        "digests": {
            "plm": file_digest(tuner.plm_folder / "model.safetensors") if made else None,
            "primed": None
            if primed is None
            else {file.name: file_digest(file) for file in sorted(primed.glob("*.safetensors"))},
            "data": {split: task.sha256[f"sample-{number}-{split}.jsonl"] for split in ("train", "dev", "test")},
        },
        **environment(device_of(tuner.compute), tuner.compute.precision),
        **(tuner.model.passes_as if made else {}),
    }


def _flops(tuner: Tuner, task: PreparedTask, train: Sequence[Example], runs: Sequence[Run]) -> float:
    """Training operations of the whole sweep of a sample."""
    source, target = mean_lengths([tuner.encoded(tuner.form([task]), task, train)])
    cost = Counter(tuner.model).example(source, target, tuner.tuned).gradient
    return sum(run.steps * run.point.batch for run in runs) * cost


def _executed(tuner: Tuner, tuned: Tuned, train: Sequence[Example]) -> float:
    """Operations executed in training a sample's runs; where the PLM's states are known, one pass a row besides."""
    counter, once = Counter(tuner.model, tuner.known is not None), 0.0
    if tuner.known:
        rows, whole = tuner.encoded(tuner.form([tuned.task]), tuned.task, train).inputs, Counter(tuner.model)
        once = sum(whole.example(length, 0, ()).forward * times for length, times in Lengths(map(len, rows)).items())
    return once + executed(counter, tuner.tuned, tuned.runs)


def executed(counter: Counter, elements: Sequence[str], runs: Sequence[Run]) -> float:
    """Operations executed in training these runs: every example counts with the length of its padded batch."""
    shapes = {shape: counter.example(*shape, elements).gradient for run in runs for shape in run.shapes}
    return sum(run.point.batch * times * shapes[shape] for run in runs for shape, times in run.shapes.items())
