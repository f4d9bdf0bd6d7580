"""Scoring the predictions of tuned samples on prepared rows; nothing is trained and no model is loaded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from priming.evaluation.answered import UNSEEN, Answered, answered
from priming.evaluation.metrics import METRICS, own_metric, score
from priming.forms.table import form_of_kind
from priming.result_files import read_result, write_json
from priming.study.paths import sample
from priming.study.tuning import Scoring
from priming.tasks.prepared import PreparedTask, read_task

Scores = dict[str, dict[str, float]]
"""Scores by decoder and metric."""

_ABOUT = ("study", "plm", "strategy", "task", "seed", "sample", "status", "reason")


def write_scores(tuned: Path, prepared: Path, samples: Sequence[int], scoring: Scoring, out: Path) -> None:
    """Write `sample-<k>.json` for each sample of a task tuned in a folder; for a failed sample, its status.

    Raises:
        DataError: tuned or prepared files are missing, broken, or inconsistent.
    """
    task = read_task(prepared)
    for number in samples:
        name = sample(number)
        write_json(out / f"{name}.json", sample_scores(tuned / name, task, number, scoring))


def sample_scores(folder: Path, task: PreparedTask, number: int, scoring: Scoring) -> dict[str, Any]:
    """The scores of one tuned sample, null if there are none; those of parts of the rows, if there are parts."""
    result = read_result(folder)
    found = {key: result.get(key) for key in _ABOUT} | dict.fromkeys(("dev", "test", "majority", "chance"))
    if result["status"] == "done":
        parts = answered(folder, task, number)
        found["dev"] = _by_decoder(parts["dev"], list(parts["dev"].answers), task, scoring)
        found["test"] = _by_decoder(parts["test"], _reported(parts["test"].answers, scoring), task, scoring)
        if of_parts := _of_parts(parts, task, number, scoring):
            found["parts"] = of_parts
            found["unseen"] = {split: len(own) for split, own in _unseen(task, number).items()}
    if result["runs"]:
        found |= _constant(task, number, scoring)
    return found


def _reported(answers: Mapping[str, Sequence[str]], scoring: Scoring) -> list[str]:
    """The decoders that the study reports, of those that answered; what stands in for ranking where nothing else is
    left.
    """
    return [decoder for decoder in scoring.decoders if decoder in answers] or [scoring.generator]


def _by_decoder(rows: Answered, decoders: Sequence[str], task: PreparedTask, scoring: Scoring) -> Scores:
    return {decoder: _scores(rows.answers[decoder], rows.references, task, scoring) for decoder in decoders}


def _scores(
    texts: Sequence[str], references: Sequence[Sequence[str]], task: PreparedTask, scoring: Scoring
) -> dict[str, float]:
    return {metric: score(own_metric(metric, task.metric), texts, references) for metric in scoring.metrics}


def _of_parts(parts: Mapping[str, Answered], task: PreparedTask, number: int, scoring: Scoring) -> dict[str, Scores]:
    """The scores of parts of each split: by split and part as `_by_decoder` has those of the whole."""
    found: dict[str, Any] = {}
    for split, own in _unseen(task, number).items():
        rows = parts[split]
        decoders = _reported(rows.answers, scoring)
        scored = {metric: METRICS[own_metric(metric, task.metric)].parts for metric in scoring.metrics}
        if own and (len(own) < len(rows.references) or any(scored.values())):
            found.setdefault(split, {})[UNSEEN] = _by_decoder(rows.only(own), decoders, task, scoring)
        for decoder in decoders:
            for metric, of_parts in scored.items():
                for part, value in (of_parts(rows.answers[decoder], rows.references) if of_parts else {}).items():
                    found.setdefault(split, {}).setdefault(part, {}).setdefault(decoder, {})[metric] = value
    return found


def _unseen(task: PreparedTask, number: int) -> dict[str, list[int]]:
    """The rows of each split whose inputs are not among those that the sample is trained on."""
    train, dev, test = task.sample(number)
    known = {example.identity for example in train}
    return {
        split: [n for n, example in enumerate(examples) if example.identity not in known]
        for split, examples in (("dev", dev), ("test", test))
    }


def _constant(task: PreparedTask, number: int, scoring: Scoring) -> dict[str, Any]:
    """Baselines without training: always giving the most frequent label of the test set, and guessing a label."""
    rows, form = task.sample(number)[2], form_of_kind(task.kind)
    label, texts = form.constant(rows)
    found = _scores(texts, [row.targets for row in rows], task, scoring)
    scores = {f"test_{metric}": value for metric, value in found.items()}
    return {"majority": {"label": label, **scores}, "chance": form.chance(rows, task.labels)}
