"""Reading the results of a study into frames.

One result.json describes one priming (a seed of it) or one tuned sample (the sweep of a strategy, seed, task and sample).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from priming.errors import DataError
from priming.study import Study
from priming.study.plm import Member

FORMAT = 1
RUN = ["plm", "strategy", "task", "sample", "plm_seed", "seed"]
PRIMING = ["plm", "priming", "plm_seed", "seed"]
STATUSES = ("done", "failed", "not primed")

Row = dict[str, Any]
Expected = dict[str, str | int]

_COSTS = ["tuned", "total", "flops", "flops_executed"]
_SAMPLES = [*RUN, "status", "reason", "dev", "decoder", *_COSTS, "kept_start", "majority_label", "majority", "chance"]
_SCORES = [*RUN, "metric", "decoder", "score"]
_CURVES = [*RUN, "step", "dev"]
_POINTS = [*RUN, "learning_rates", "batch_size", "dev", "won"]
_PRIMINGS = [*PRIMING, "status", "reason", "flops", "flops_executed"]


@dataclass(frozen=True)
class Results:
    """All results of a study.

    `plm` is what the study calls a PLM, `plm_seed` which of its `seeds` it is, as text, empty where it has none.

    `samples` has a row a tuned sample, `scores` a row a sample, decoder and metric, `curves` a row a sample and dev
    evaluation of the winning run, `points` a row a run (a sample at a point of the grid), `primings` a row a priming and seed.
    """

    samples: pd.DataFrame
    scores: pd.DataFrame
    curves: pd.DataFrame
    points: pd.DataFrame
    primings: pd.DataFrame


def collect(study: Study, root: Path) -> Results:
    """The results that `study` asks for, read below `root` (results/<study>).

    Raises DataError for a file that is missing, broken, of another format or in another run's place.
    """
    samples: list[Row] = []
    scores: list[Row] = []
    curves: list[Row] = []
    points: list[Row] = []
    for run, folder in tuned_folders(study, root):
        result = read_result(folder / "result.json", _written(run), STATUSES)
        try:
            samples.append(_sample(run, result, study))
            scores.extend(_scores(run, result, study))
            curves.extend(_curve(run, result))
            points.extend(_points(run, result))
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(f"{folder / 'result.json'}: {error!r} where a result of format {FORMAT} has a value; {_redo(folder)}") from error
    primings = [_priming(run, read_result(folder / "result.json", _written(run), STATUSES[:2])) for run, folder in primed_folders(study, root)]
    frames = ((samples, _SAMPLES), (scores, _SCORES), (curves, _CURVES), (points, _POINTS), (primings, _PRIMINGS))
    return Results(*(pd.DataFrame(rows, columns=columns) for rows, columns in frames))


def tuned_folders(study: Study, root: Path) -> Iterator[tuple[Expected, Path]]:
    """Each run that the study asks for, in the order of the study file, and the folder that holds its result."""
    for plm in study.plms:
        for strategy in study.parsed_strategies:
            for task in study.tasks.target:
                for member, seed in study.primed_seeds(plm):
                    folder = root / "tuned" / member.name / strategy.slug / f"seed-{seed}" / task
                    for sample in study.tasks.samples:
                        run: Expected = {"strategy": str(strategy), "task": task, "sample": sample, **_primed_from(member, seed)}
                        yield run, folder / f"sample-{sample}"


def primed_folders(study: Study, root: Path) -> Iterator[tuple[Expected, Path]]:
    """Each priming and seed of the study, and the folder that holds its result."""
    for plm in study.plms:
        for priming in study.primings:
            for member, seed in study.primed_seeds(plm):
                yield {"priming": str(priming), **_primed_from(member, seed)}, root / "primed" / member.name / priming.slug / f"seed-{seed}"


def plm_seed(member: Member) -> str:
    """The seed of pretraining as tables have it."""
    return "" if member.seed is None else str(member.seed)


def _primed_from(member: Member, seed: int) -> Expected:
    return {"plm": member.plm, "plm_seed": plm_seed(member), "seed": seed}


def _written(run: Expected) -> Expected:
    """What the result of a run says of itself: each seed of pretraining is a PLM of its own there."""
    member = Member(str(run["plm"]), int(run["plm_seed"]) if run["plm_seed"] else None)
    return {key: value for key, value in run.items() if key != "plm_seed"} | {"plm": member.name}


def read_result(path: Path, expected: Expected, statuses: Sequence[str]) -> Row:
    """The result at `path`; raises DataError unless it is of this format and that of the `expected` run."""
    try:
        result: Row = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; run snakemake to make it") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}); {_redo(path.parent)}") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise DataError(f"{path}: 'format' must be {FORMAT}, the format that this version reads; {_redo(path.parent)}")
    if result.get("status") not in statuses:
        raise DataError(f"{path}: 'status' is {result.get('status')!r}, allowed: {', '.join(statuses)}; {_redo(path.parent)}")
    for key, value in expected.items():
        if result.get(key) != value:
            raise DataError(f"{path}: {key!r} is {result.get(key)!r}, this folder is for {value!r}; {_redo(path.parent)}")
    return result


def _redo(folder: Path) -> str:
    return f"delete {folder} and run snakemake again"


def _sample(run: Expected, result: Row, study: Study) -> Row:
    parameters, majority = result.get("parameters") or {}, result.get("majority") or {}
    decoder, scoring = _selecting(result, study), study.scoring
    return {
        **run,
        "status": result["status"],
        "reason": result.get("reason") or "",
        "dev": _number(result["dev"][decoder][scoring.metric]) if result["status"] == "done" else None,
        "decoder": decoder,
        "tuned": parameters.get("tuned"),
        "total": parameters.get("total"),
        "flops": result.get("flops"),
        "flops_executed": result.get("flops_executed"),
        "kept_start": bool(result.get("kept_start")),
        "majority_label": majority.get("label"),
        "majority": majority.get(f"test_{scoring.metric}"),
        "chance": result.get("chance"),
    }


def _selecting(result: Row, study: Study) -> str | None:
    """The decoder that selected: the study's, but one that generates for a task without labels to rank."""
    if result["status"] != "done":
        return None
    return study.scoring.decoder if study.scoring.decoder in result["test"] else study.scoring.generator


def _scores(run: Expected, result: Row, study: Study) -> Iterator[Row]:
    if result["status"] != "done":
        return
    for decoder in [d for d in study.scoring.decoders if d in result["test"]] or [study.scoring.generator]:
        for metric in study.scoring.metrics:
            yield {**run, "metric": metric, "decoder": decoder, "score": _number(result["test"][decoder][metric])}


def _number(score: float | None) -> float:
    """A score that is no number, as a correlation with a constant, was written as null."""
    return nan if score is None else float(score)


def _curve(run: Expected, result: Row) -> Iterator[Row]:
    if result["status"] == "done":
        for point in result["runs"][result["winner"]]["curve"]:
            if point.get("dev") is not None:
                yield {**run, "step": point["step"], "dev": point["dev"]}


def _points(run: Expected, result: Row) -> Iterator[Row]:
    for index, point in enumerate(result["runs"]):
        rates = " ".join(f"{element}={rate:g}" for element, rate in point["learning_rates"].items())
        yield {**run, "learning_rates": rates, "batch_size": point["batch_size"], "dev": point["best_dev"], "won": index == result["winner"]}


def _priming(run: Expected, result: Row) -> Row:
    return {**run, "status": result["status"], "reason": result.get("reason") or "", **{key: result.get(key) for key in ("flops", "flops_executed")}}
