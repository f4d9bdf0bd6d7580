"""Reading the results of a study into frames.

One result.json describes one priming (one seed) or one tuned sample (the sweep of a strategy, seed, task and sample);
the scores of a tuned sample are in a separate file.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from priming.checked import redo
from priming.errors import DataError
from priming.evaluation.answered import UNSEEN
from priming.result_files import FORMAT, RESULT, read_json
from priming.strategies import Strategy
from priming.study import Study, paths
from priming.study.plm import Member

RUN = ["plm", "strategy", "task", "sample", "plm_seed", "seed"]
PRIMING = ["plm", "priming", "plm_seed", "seed"]
STATUSES = ("done", "failed", "not primed")

Row = dict[str, Any]
Expected = dict[str, str | int]

_COSTS = ["tuned", "total", "flops", "flops_executed"]
_SAMPLES = [*RUN, "status", "reason", "dev", "decoder", *_COSTS, "kept_start", "majority_label", "majority", "chance"]
_SCORES = [*RUN, "metric", "decoder", "score"]
_PARTS = [*RUN, "split", "part", "rows", "metric", "decoder", "score"]
_CURVES = [*RUN, "step", "dev"]
_POINTS = [*RUN, "learning_rates", "batch_size", "length", "dev", "won"]
_PRIMINGS = [*PRIMING, "status", "reason", "flops", "flops_executed"]


@dataclass(frozen=True)
class Results:
    """All results of a study.

    `plm` is the PLM's name in the study, `plm_seed` its pretraining seed as text, empty without `seeds`.

    `samples` has one row per tuned sample, `scores` one per sample, decoder and metric, `curves` one per sample and dev
    evaluation of the winning run, `points` one per run (a sample at a grid point), `primings` one per priming and seed,
    `parts` one per sample, decoder, metric and part of a split that is scored by itself too.
    """

    samples: pd.DataFrame
    scores: pd.DataFrame
    curves: pd.DataFrame
    points: pd.DataFrame
    primings: pd.DataFrame
    parts: pd.DataFrame


def collect(study: Study, root: Path) -> Results:
    """The results of `study`, read below `root` (results/<study>).

    Raises DataError for a file that is missing, broken, in another format or in another run's place.
    """
    samples: list[Row] = []
    scores: list[Row] = []
    curves: list[Row] = []
    points: list[Row] = []
    parts: list[Row] = []
    for run, folder, scored in tuned_runs(study, root):
        file = folder / RESULT
        result, found = (_checked(path, _written(run), STATUSES) for path in (file, scored))
        with _complete(file):
            samples.append(_tuned(run, result))
            curves.extend(_curve(run, result))
            points.extend(_points(run, result))
        with _complete(scored):
            samples[-1] |= _scored(found, study)
            scores.extend(_scores(run, found, study))
            parts.extend(_parts(run, found))
    primings = [
        _priming(run, _checked(folder / RESULT, _written(run), STATUSES[:2]))
        for run, folder in primed_folders(study, root)
    ]
    frames = (
        *((samples, _SAMPLES), (scores, _SCORES), (curves, _CURVES), (points, _POINTS), (primings, _PRIMINGS)),
        (parts, _PARTS),
    )
    return Results(*(pd.DataFrame(rows, columns=columns) for rows, columns in frames))


def tuned_runs(study: Study, root: Path) -> Iterator[tuple[Expected, Path, Path]]:
    """Each run of the study, in study order, with the folder of its result and the file of its scores."""
    for plm in study.plms:
        for strategy in study.strategies_of(plm):
            for task in study.tasks.target:
                for member, seed in study.primed_seeds(plm):
                    tuned, scored = (root / of(member, strategy, seed, task) for of in (paths.tuned, paths.scored))
                    for sample in study.tasks.samples:
                        run: Expected = {
                            "strategy": str(strategy),
                            "task": task,
                            "sample": sample,
                            **_primed_from(member, seed),
                        }
                        yield run, tuned / paths.sample(sample), scored / f"{paths.sample(sample)}.json"


def primed_folders(study: Study, root: Path) -> Iterator[tuple[Expected, Path]]:
    """Each priming and seed of the study, with the folder of its result."""
    for plm in study.plms:
        for priming in study.primings_of(plm):
            for member, seed in study.primed_seeds(plm):
                yield (
                    {"priming": str(priming), **_primed_from(member, seed)},
                    root / paths.primed(member, priming, seed),
                )


def plm_seed(member: Member) -> str:
    """The pretraining seed in the form used in tables."""
    return "" if member.seed is None else str(member.seed)


def _primed_from(member: Member, seed: int) -> Expected:
    return {"plm": member.plm, "plm_seed": plm_seed(member), "seed": seed}


def _written(run: Expected) -> Expected:
    """The identifiers in the result of a run, where each pretraining seed is a separate PLM."""
    member = Member(str(run["plm"]), int(run["plm_seed"]) if run["plm_seed"] else None)
    return {key: value for key, value in run.items() if key != "plm_seed"} | {"plm": member.name}


def _checked(path: Path, expected: Expected, statuses: Sequence[str]) -> Row:
    """The content of `path`; raises DataError unless it belongs to the `expected` run."""
    result = read_json(path)
    if result.get("status") not in statuses:
        raise DataError(
            f"{path}: 'status' is {result.get('status')!r}, allowed: {', '.join(statuses)}; {redo(path.parent)}"
        )
    for key, value in expected.items():
        if result.get(key) != value:
            raise DataError(
                f"{path}: {key!r} is {result.get(key)!r}, this folder is for {value!r}; {redo(path.parent)}"
            )
    return result


@contextmanager
def _complete(file: Path) -> Iterator[None]:
    """Turn a missing value in `file` into one message."""
    try:
        yield
    except (KeyError, TypeError, IndexError) as error:
        said = f"{file}: {error!r} where a result of format {FORMAT} has a value"
        raise DataError(f"{said}; {redo(file.parent)}") from error


def _tuned(run: Expected, result: Row) -> Row:
    parameters = result.get("parameters") or {}
    return {
        **run,
        "status": result["status"],
        "reason": result.get("reason") or "",
        "tuned": parameters.get("tuned"),
        "total": parameters.get("total"),
        "flops": result.get("flops"),
        "flops_executed": result.get("flops_executed"),
        "kept_start": bool(result.get("kept_start")),
    }


def _scored(scores: Row, study: Study) -> Row:
    majority, metric, decoder = scores.get("majority") or {}, study.scoring.metric, _selecting(scores, study)
    return {
        "dev": _dev(scores, decoder, metric),
        "decoder": decoder,
        "majority_label": majority.get("label"),
        "majority": majority.get(f"test_{metric}"),
        "chance": scores.get("chance"),
    }


def _dev(scores: Row, decoder: str | None, metric: str) -> float | None:
    """The development score; None of a run that failed, and without a development set."""
    return _number(scores["dev"][decoder][metric]) if decoder and scores["dev"] else None


def _selecting(result: Row, study: Study) -> str | None:
    """The selecting decoder: the study's, or a generating one for a task without labels to rank."""
    if result["status"] != "done":
        return None
    return study.scoring.decoder if study.scoring.decoder in result["test"] else study.scoring.generator


def _scores(run: Expected, result: Row, study: Study) -> Iterator[Row]:
    if result["status"] != "done":
        return
    for decoder in [d for d in study.scoring.decoders if d in result["test"]] or [study.scoring.generator]:
        for metric in study.scoring.metrics:
            yield {**run, "metric": metric, "decoder": decoder, "score": _number(result["test"][decoder][metric])}


def _parts(run: Expected, result: Row) -> Iterator[Row]:
    for split, parts in (result.get("parts") or {}).items():
        for part, by_decoder in parts.items():
            for decoder, scores in by_decoder.items():
                for metric, score in scores.items():
                    rows = result["unseen"][split] if part == UNSEEN else ""
                    key = {"split": split, "part": part, "rows": rows, "metric": metric, "decoder": decoder}
                    yield {**run, **key, "score": _number(score)}


def _number(score: float | None) -> float:
    """A score; null stands for NaN, such as a correlation with a constant."""
    return nan if score is None else float(score)


def _curve(run: Expected, result: Row) -> Iterator[Row]:
    if result["status"] == "done":
        for point in result["runs"][result["winner"]]["curve"]:
            if point.get("dev") is not None:
                yield {**run, "step": point["step"], "dev": point["dev"]}


def _points(run: Expected, result: Row) -> Iterator[Row]:
    """The runs of a sweep; one that tunes nothing is at no point of the grid."""
    for index, point in enumerate(result["runs"] if Strategy.parse(str(run["strategy"])).tuned else ()):
        rates = " ".join(f"{element}={rate:g}" for element, rate in point["learning_rates"].items())
        yield {
            **run,
            "learning_rates": rates,
            "batch_size": point["batch_size"],
            "length": point.get("length", ""),
            "dev": point["best_dev"],
            "won": index == result["winner"],
        }


def _priming(run: Expected, result: Row) -> Row:
    return {
        **run,
        "status": result["status"],
        "reason": result.get("reason") or "",
        **{key: result.get(key) for key in ("flops", "flops_executed")},
    }
