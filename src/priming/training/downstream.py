"""Tuning a target task from a primed or un-primed PLM: every sample's sweep, its winner on the test set, and the results."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priming.contents import of_json
from priming.evaluation.metrics import majority, own_metric, score
from priming.models.device import device_of
from priming.models.elements import element_of
from priming.models.flops import Counter
from priming.tasks.prepared import PreparedTask, read_task
from priming.tasks.task import Example
from priming.training.budget import mean_lengths
from priming.training.limits import check_labels, warn_of_cut
from priming.training.record import Stopwatch, count, digest, environment, plm_failure, read_result, save_tensors, write_result
from priming.training.sweep import Run, winner
from priming.training.tuner import Tuner
from priming.training.validation import checkpoint_folder

Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Group:
    """Target tasks that one strategy tunes side by side with one seed, and where the results of those that are wanted go."""

    study: str
    plm_name: str
    samples: Sequence[int]
    tasks: Sequence[Path]
    primed: Path | None
    described: Mapping[str, Any]
    outs: Mapping[str, Path]

    def out(self, task: PreparedTask, number: int) -> Path:
        """The folder of a sample's results."""
        return self.outs[task.name] / f"sample-{number}"


@dataclass(frozen=True)
class Tuned:
    """A sample of a task after its sweep."""

    task: PreparedTask
    number: int
    runs: Sequence[Run]

    @property
    def best(self) -> Run | None:
        """The winner, None where every run failed."""
        index = winner(self.runs)
        return None if index is None else self.runs[index]


def tune(tuner: Tuner, group: Group) -> list[str]:
    """Tune tasks on each of their samples; a folder `sample-<k>` each, with `result.json`, weights and test predictions.

    Returns a warning for each task on which samples keep the untuned model.

    Raises:
        DataError: a label is longer than the PLM's outputs may be.
    """
    tasks = [read_task(folder) for folder in group.tasks]
    if failure := _nothing_to_tune(tuner, group):
        _mark(tuner, group, tasks, *failure)
        return []
    if group.primed is not None:
        tuner.load(checkpoint_folder(group.primed, tuner.strategy))
    check_labels({task.name: task.labels or () for task in tasks}, tuner.encoder, group.plm_name)
    watch = Stopwatch()
    sweeps = tuner.sweeps(tasks, group.samples)
    pairs = [(task, number) for task in tasks for number in group.samples]
    tuned = [Tuned(task, number, runs) for (task, number), runs in zip(pairs, sweeps, strict=True)]
    scores = _score_winners(tuner, group, [one for one in tuned if one.best])
    seconds = watch.seconds / len(tuned)
    for one in tuned:
        if one.task.name in group.outs:
            write_result(group.out(one.task, one.number), _scored(tuner, group, one, scores.get((one.task.name, one.number)), seconds))
    return [*_untuned(tuner, group, tuned)]


def _untuned(tuner: Tuner, group: Group, tuned: Sequence[Tuned]) -> Iterator[str]:
    """Say of each task of the group on which samples no step was chosen before the start."""
    for task in group.outs:
        if still := [one.number for one in tuned if one.task.name == task and one.best and one.best.kept_start]:
            which = f"sample{'s' if len(still) > 1 else ''} {', '.join(map(str, still))}"
            yield f"{tuner.strategy}, {task}, seed {tuner.seed}, {which}: no step is better than the start on the development set; the start is kept"


def _nothing_to_tune(tuner: Tuner, group: Group) -> tuple[str, str] | None:
    """Status and reason where the priming, or the pretraining of an un-primed PLM, failed."""
    if group.primed is not None:
        failure = priming_failure(group.primed)
        return ("not primed", failure) if failure else None
    failure = plm_failure(tuner.plm_folder)
    return ("failed", failure) if failure else None


def _mark(tuner: Tuner, group: Group, tasks: Sequence[PreparedTask], status: str, reason: str) -> None:
    for task in tasks:
        for number in group.samples if task.name in group.outs else ():
            write_result(group.out(task, number), _unscored(tuner, group, task, number, status, reason))


def priming_failure(primed: Path) -> str | None:
    """Why the priming in this folder cannot be tuned from, None if it can."""
    result = read_result(primed)
    return None if result["status"] == "done" else f"{result['priming']} seed {result['seed']} failed: {result['reason']}"


def _score_winners(tuner: Tuner, group: Group, tuned: Sequence[Tuned]) -> dict[tuple[str, int], dict[str, Scores]]:
    """Development and test scores of each winner, all winners side by side; weights and test predictions are written."""
    if not tuned:
        return {}
    best = [one.best.best for one in tuned if one.best]
    stacked = {name: torch.stack([values[name] for values in best]) for name in best[0]}
    found: dict[tuple[str, int], dict[str, Scores]] = {(one.task.name, one.number): {} for one in tuned}
    samples = [one.task.sample(one.number) for one in tuned]
    for part, index, decoders in (("dev", 1, [tuner.scoring.decoder]), ("test", 2, tuner.scoring.decoders)):
        rows = [sample[index] for sample in samples]
        predictions = _predict(tuner, [one.task for one in tuned], stacked, rows, decoders)
        for one, examples, texts in zip(tuned, rows, predictions, strict=True):
            found[one.task.name, one.number][part] = {decoder: _scores(tuner, one.task, predicted, examples) for decoder, predicted in texts.items()}
            if part == "test" and one.task.name in group.outs:
                _write_predictions(group.out(one.task, one.number) / "predictions.jsonl", examples, texts)
    for one, values in zip(tuned, best, strict=True):
        kept = {n: v for n, v in values.items() if element_of(n) != "plm" or tuner.tuning.save_plm}
        if kept and one.task.name in group.outs:
            save_tensors(group.out(one.task, one.number) / "elements.safetensors", kept)
    return found


def _predict(
    tuner: Tuner, tasks: Sequence[PreparedTask], stacked: Mapping[str, Tensor], rows: Sequence[Sequence[Example]], decoders: Sequence[str]
) -> list[dict[str, list[str]]]:
    inputs = [tuner.inputs(task.name, examples) for task, examples in zip(tasks, rows, strict=True)]
    return tuner.predictor.predict(stacked, inputs, [task.labels for task in tasks], decoders)


def _scores(tuner: Tuner, task: PreparedTask, predictions: Sequence[str], examples: Sequence[Example]) -> dict[str, float]:
    references = [e.targets for e in examples]
    return {metric: score(own_metric(metric, task.metric), predictions, references) for metric in tuner.scoring.metrics}


def _write_predictions(path: Path, examples: Sequence[Example], texts: Mapping[str, Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (
        {"row": of_json(e.input)[:16], "targets": list(e.targets), **{decoder: predicted[i] for decoder, predicted in texts.items()}}
        for i, e in enumerate(examples)
    )
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _scored(tuner: Tuner, group: Group, tuned: Tuned, scores: dict[str, Scores] | None, seconds: float) -> dict[str, Any]:
    train, dev, test = tuned.task.sample(tuned.number)
    label, constant = majority([e.targets for e in test])
    failed = "; ".join(sorted({run.failure for run in tuned.runs if run.failure}))
    status, reason = ("done", None) if tuned.best else ("failed", failed)
    return {
        **_unscored(tuner, group, tuned.task, tuned.number, status, reason),
        "runs": [run.report() for run in tuned.runs],
        "winner": winner(tuned.runs),
        "kept_start": tuned.best is not None and tuned.best.kept_start,
        **(scores or {}),
        "examples": {"train": len(train), "dev": len(dev), "test": len(test)},
        "cut_targets": _cut(tuner, group, tuned),
        "majority": {"label": label, **{f"test_{m}": found for m, found in _scores(tuner, tuned.task, constant, test).items()}},
        "chance": 1 / len(tuned.task.labels) if tuned.task.labels else 0.0,
        "flops": _flops(tuner, tuned.task.name, train, tuned.runs),
        "flops_executed": executed(Counter(tuner.model), tuner.strategy.tuned, tuned.runs),
        "seconds": round(seconds, 3),
    }


def _cut(tuner: Tuner, group: Group, tuned: Tuned) -> dict[str, int]:
    """How many targets of each part of a text-to-text task are longer than outputs may be, which is said."""
    parts = dict(zip(("train", "dev", "test"), tuned.task.sample(tuned.number), strict=True))
    if tuned.task.labels:
        return dict.fromkeys(parts, 0)
    cut = {part: tuner.encoder.cut([target for e in examples for target in e.targets]) for part, examples in parts.items()}
    if number := sum(cut.values()):
        warn_of_cut(f"{tuner.strategy} seed {tuner.seed} sample {tuned.number}", tuned.task.name, number, group.plm_name, tuner.plm.max_output)
    return cut


def _unscored(tuner: Tuner, group: Group, task: PreparedTask, number: int, status: str, reason: str | None) -> dict[str, Any]:
    """A result without scores; `_scored` fills in what there is."""
    primed = None if group.primed is None or status == "not primed" else checkpoint_folder(group.primed, tuner.strategy)
    made = plm_failure(tuner.plm_folder) is None
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
        "dev": None,
        "test": None,
        "parameters": count(tuner.model, tuner.strategy.tuned) if made else None,
        "digests": {
            "plm": digest(tuner.plm_folder / "model.safetensors") if made else None,
            "primed": None if primed is None else {file.name: digest(file) for file in sorted(primed.glob("*.safetensors"))},
            "data": {split: task.sha256[f"sample-{number}-{split}.jsonl"] for split in ("train", "dev", "test")},
        },
        **environment(device_of(tuner.compute), tuner.compute.precision),
    }


def _flops(tuner: Tuner, task: str, train: Sequence[Example], runs: Sequence[Run]) -> float:
    """Training operations of the whole sweep of a sample."""
    source, target = mean_lengths([tuner.encoded(task, train)])
    cost = Counter(tuner.model).example(source, target, tuner.strategy.tuned).gradient
    return sum(tuner.tuning.steps * run.point.batch for run in runs) * cost


def executed(counter: Counter, elements: Sequence[str], runs: Sequence[Run]) -> float:
    """Operations that training these runs executed, with every example as long as the padded batches of its bank."""
    shapes = {shape: counter.example(*shape, elements).gradient for run in runs for shape in run.shapes}
    return sum(run.point.batch * times * shapes[shape] for run in runs for shape, times in run.shapes.items())
