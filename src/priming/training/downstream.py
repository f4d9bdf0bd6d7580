"""Tuning a target task from a primed or un-primed PLM: every sample's sweep, its winner on the test set, and the results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priming.evaluation.metrics import majority, score
from priming.models.elements import element_of
from priming.models.flops import Counter
from priming.models.text_model import TextModel
from priming.tasks.prepared import PreparedTask, read_task
from priming.tasks.task import Example
from priming.training.budget import mean_lengths
from priming.training.record import Stopwatch, count, digest, environment, read_result, save_tensors, write_result
from priming.training.sweep import Run, winner
from priming.training.tuner import Tuner, encoded
from priming.training.validation import checkpoint_folder

Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Cell:
    """A strategy on a target task with one seed."""

    study: str
    plm_name: str
    samples: Sequence[int]
    task: Path
    primed: Path | None
    described: Mapping[str, Any]


def tune(tuner: Tuner, cell: Cell, out: Path) -> None:
    """Tune a task on each of its samples; a folder `sample-<k>` each, with `result.json`, weights and test predictions."""
    task = read_task(cell.task)
    if cell.primed is not None:
        if failure := priming_failure(cell.primed):
            for number in cell.samples:
                write_result(out / f"sample-{number}", _unscored(tuner, cell, task, number, "not primed", failure))
            return
        tuner.load(checkpoint_folder(cell.primed, tuner.strategy.tuned))
    watch = Stopwatch()
    runs = tuner.sweep(task, cell.samples)
    points = len(runs) // len(cell.samples)
    sweeps = {number: runs[i * points : (i + 1) * points] for i, number in enumerate(cell.samples)}
    scored = _score_winners(tuner, cell, task, sweeps, out)
    seconds = watch.seconds / len(sweeps)
    for number, sweep in sweeps.items():
        write_result(out / f"sample-{number}", _scored(tuner, cell, task, number, sweep, scored.get(number), seconds))


def priming_failure(primed: Path) -> str | None:
    """Why the priming in this folder cannot be tuned from, None if it can."""
    result = read_result(primed)
    return None if result["status"] == "done" else f"{result['priming']} seed {result['seed']} failed: {result['reason']}"


def _score_winners(tuner: Tuner, cell: Cell, task: PreparedTask, sweeps: Mapping[int, Sequence[Run]], out: Path) -> dict[int, dict[str, Scores]]:
    """Development and test scores of each sample's winner, all winners side by side; weights and predictions are written."""
    best = {number: runs[index] for number, runs in sweeps.items() if (index := winner(runs)) is not None}
    if not best:
        return {}
    stacked = {name: torch.stack([run.best[name] for run in best.values()]) for name in next(iter(best.values())).best}
    samples = [task.sample(number) for number in best]
    found: dict[int, dict[str, Scores]] = {number: {} for number in best}
    for part, rows in (("dev", [dev for _, dev, _ in samples]), ("test", [test for _, _, test in samples])):
        predictions = _predict(tuner, task, stacked, rows)
        for place, number in enumerate(best):
            texts = {decoder: runs[place] for decoder, runs in predictions.items()}
            found[number][part] = {d: _scores(tuner, predicted, rows[place]) for d, predicted in texts.items()}
            if part == "test":
                _write_predictions(out / f"sample-{number}" / "predictions.jsonl", rows[place], texts)
    for number, run in best.items():
        kept = {n: v for n, v in run.best.items() if element_of(n) != "plm" or tuner.tuning.save_plm}
        if kept:
            save_tensors(out / f"sample-{number}" / "elements.safetensors", kept)
    return found


def _predict(tuner: Tuner, task: PreparedTask, stacked: Mapping[str, Tensor], rows: Sequence[Sequence[Example]]) -> dict[str, list[list[str]]]:
    predictor = tuner.predictor(task)
    inputs = [tuner.encoder.inputs([example.input for example in examples]) for examples in rows]
    return predictor.predict(stacked, inputs, predictor.decoders(tuner.scoring.decoders))


def _scores(tuner: Tuner, predictions: Sequence[str], examples: Sequence[Example]) -> dict[str, float]:
    return {metric: score(metric, predictions, [e.targets for e in examples]) for metric in tuner.scoring.metrics}


def _write_predictions(path: Path, examples: Sequence[Example], texts: Mapping[str, Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ({"targets": list(e.targets), **{decoder: predicted[i] for decoder, predicted in texts.items()}} for i, e in enumerate(examples))
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _scored(
    tuner: Tuner, cell: Cell, task: PreparedTask, number: int, runs: Sequence[Run], scores: dict[str, Scores] | None, seconds: float
) -> dict[str, Any]:
    train, dev, test = task.sample(number)
    index = winner(runs)
    label, constant = majority([e.targets for e in test])
    failed = "; ".join(sorted({run.failure for run in runs if run.failure}))
    return {
        **_unscored(tuner, cell, task, number, "failed" if index is None else "done", failed if index is None else None),
        "runs": [run.report() for run in runs],
        "winner": index,
        **(scores or {}),
        "examples": {"train": len(train), "dev": len(dev), "test": len(test)},
        "majority": {"label": label, **{f"test_{m}": score(m, constant, [e.targets for e in test]) for m in tuner.scoring.metrics}},
        "flops": _flops(tuner, tuner.model, train, runs),
        "seconds": round(seconds, 3),
    }


def _unscored(tuner: Tuner, cell: Cell, task: PreparedTask, number: int, status: str, reason: str | None) -> dict[str, Any]:
    """A result without scores; `_scored` fills in what there is."""
    return {
        "status": status,
        "reason": reason,
        "study": cell.study,
        "plm": cell.plm_name,
        "strategy": str(tuner.strategy),
        "task": task.name,
        "seed": tuner.seed,
        "sample": number,
        "settings": dict(cell.described),
        "runs": [],
        "winner": None,
        "dev": None,
        "test": None,
        "parameters": count(tuner.model, tuner.strategy.tuned),
        "digests": {
            "plm": digest(tuner.plm_folder / "model.safetensors"),
            "primed": _primed_digests(tuner, cell) if status != "not primed" else None,
            "data": {split: task.sha256[f"sample-{number}-{split}.jsonl"] for split in ("train", "dev", "test")},
        },
        **environment(torch.device("cpu")),
    }


def _primed_digests(tuner: Tuner, cell: Cell) -> dict[str, str] | None:
    if cell.primed is None:
        return None
    folder = checkpoint_folder(cell.primed, tuner.strategy.tuned)
    return {file.name: digest(file) for file in sorted(folder.glob("*.safetensors"))}


def _flops(tuner: Tuner, model: TextModel, train: Sequence[Example], runs: Sequence[Run]) -> float:
    """Training operations of the whole sweep of a sample."""
    source, target = mean_lengths([encoded(tuner.encoder, train)])
    cost = Counter(model).example(source, target, tuner.strategy.tuned).gradient
    return sum(tuner.tuning.steps * run.point.batch for run in runs) * cost
