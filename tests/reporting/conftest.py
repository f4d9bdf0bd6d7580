"""A made-up study with results as a real one leaves them: priming helps, some runs failed, one priming diverged."""

import json
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from priming.errors import StudyError
from priming.forms.answers import Answers, predictions, write_predictions
from priming.forms.rows import Example
from priming.strategies import Strategy
from priming.study import Study
from priming.study.tasks import Tasks
from priming.tasks.prepared import SPLITS, sample_file, write_prepared
from priming.tasks.sources.table import source_of

STRATEGIES = [
    "none -> plm",
    "none -> adapter",
    "none -> prompt",
    "none -> prefix",
    "mtl[plm] -> plm",
    "mtl[plm] -> adapter",
    "mtl[plm] -> prompt",
    "mtl[plm] -> prefix",
    "mtl[adapter] -> adapter",
    "mtl[prompt] -> prompt",
    "mtl[plm+adapter] -> adapter",
    "mtl[plm+adapter] -> prompt (with adapter)",
    "mtl[plm+prompt] -> prompt",
    "maml:first[plm | plm x1] -> plm",
    "maml:first[plm+adapter | adapter x1] -> adapter",
    "maml:first[plm+prompt | prompt x1] -> prompt",
    "reptile[plm | plm x5] -> adapter",
]
TASKS = [
    "sentiment",
    "emotion",
    "topic",
    "tense",
    "agreement",
    "antonym",
    "category",
    "compare_numbers",
    "pronoun",
    "plural",
    "hypernym",
    "odd_one_out",
]
BASE = {"plm": 0.72, "adapter": 0.55, "prompt": 0.33, "prefix": 0.48, "nothing": 0.3}
TUNED = {"plm": 570_000, "adapter": 32_000, "prompt": 960, "prefix": 7_680, "head": 400}
RATES = {"plm": 1e-3, "adapter": 5e-3, "prompt": 3e-2, "prefix": 1e-2}
GAIN = {"mtl": 0.25, "maml": 0.14, "reptile": 0.09}

ROWS = [Example(f"row {n}", ("good",)) for n in range(20)]

Results = dict[str, Any]
Change = Callable[[Results], Results]


def study_settings(**changes: Any) -> Study:
    """The made-up study, with other top-level keys where wanted."""
    settings = {
        "name": "made-up",
        "title": "A made-up study",
        "plms": {"tiny": {"generate": {}}},
        "tasks": {"source": ["copy", "quote"], "development": ["negation"], "target": TASKS, "samples": [13, 21]},
        "strategies": STRATEGIES,
        "seeds": [1, 2],
        "priming": {
            "mtl": {"learning_rates": RATES},
            "maml": {"learning_rates": RATES, "inner_learning_rates": RATES},
            "reptile": {"learning_rates": RATES, "inner_learning_rates": RATES},
            "variants": {"maml:first": {"order": "first"}},
        },
    }
    found = {**settings, **changes}
    return Study.model_validate({**found, "tasks": with_definitions(found["tasks"])})


def with_definitions(tasks: dict[str, Any]) -> dict[str, Any]:
    """The section with a task of own files for every target task that no source has."""
    defined = {}
    for name in tasks.get("target", ()):
        try:
            source_of(Tasks.model_validate(tasks), name)
        except StudyError:
            defined[name] = {"files": {"train": "rows.csv", "test": "rows.csv"}, "input": "{text}", "output": "label"}
    return {**tasks, "define": {**defined, **tasks.get("define", {})}} if defined else tasks


def scores_of(value: float) -> dict[str, float]:
    """Every metric of a sample."""
    return {"accuracy": value, "macro_f1_free": 0.8 * value, "macro_f1_labels": 0.9 * value, "exact_match": value}


def run_result(study: Study, plm: str, strategy: Strategy, task: str, *, seed: int, sample: int) -> Results:
    """A result that is done: easy and hard tasks, primings that differ by seed, faster learning after priming."""
    generator = np.random.default_rng(zlib.crc32(f"{plm} {strategy} {task} {seed} {sample}".encode()))
    luck = np.random.default_rng(zlib.crc32(f"{plm} {strategy.priming} {seed}".encode())).normal(0, 0.04)
    difficulty = np.random.default_rng(zlib.crc32(task.encode())).normal(0, 0.1)
    gain = GAIN[strategy.priming.algorithm] + luck if strategy.priming else 0.0
    base = BASE.get(strategy.tunes, 0.5)
    end = float(np.clip(base + difficulty + gain + generator.normal(0, 0.03), 0.02, 0.99))
    rate = 8 if strategy.priming else 25
    steps = range(0, (study.tuning.steps or 0) + 1 if strategy.tuned else 1, study.tuning.evaluate_every)
    dev = [
        round(0.3 + (end - 0.3) * (1 - float(np.exp(-s / rate))), 4) if study.tasks.develops else None for s in steps
    ]
    curve = [{"step": s, "loss": None, "dev": score} for s, score in zip(steps, dev, strict=True)]
    rates, batch = dict.fromkeys(strategy.tuned, 0.01), 16 if strategy.tuned else 0
    run = {"learning_rates": rates, "batch_size": batch, "status": "done", "reason": None, "curve": curve}
    developed = {} if dev[-1] is None else {"ranking": scores_of(dev[-1]), "greedy": scores_of(dev[-1] * 0.95)}
    return {
        "format": 1, "status": "done", "reason": None, "study": study.name, "plm": plm, "strategy": str(strategy),
        "task": task, "seed": seed, "sample": sample, "settings": {},
        "runs": [{**run, "best_step": steps[-1], "best_dev": curve[-1]["dev"]}], "winner": 0,
        "dev": developed,
        "test": {"ranking": scores_of(end), "greedy": scores_of(end * 0.93)},
        "examples": {"train": 32, "dev": 32, "test": 198},
        "majority": {"label": "good", **{f"test_{metric}": value for metric, value in scores_of(0.52).items()}},
        "chance": 0.5,
        "parameters": {
            "total": 570_000 + sum(TUNED[e] for e in strategy.elements if e != "plm"),
            "tuned": sum(TUNED[e] for e in strategy.tuned),
        },
        "flops": 1.2e11, "seconds": 1.9, "peak_memory_mb": 410, "device": "cpu", "precision": "float32",
        "written": "2024-01-01T00:00:00Z",
    }  # fmt: skip


def missing_result(result: Results, status: str, reason: str) -> Results:
    """The same run without a score."""
    return {**result, "status": status, "reason": reason, "winner": None, "dev": None, "test": None, "flops": None}


def write(path: Path, value: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_run(root: Path, cell: str, result: Results) -> None:
    """Write what tuning and scoring leave of one run, in folders of their own."""
    scored = ("dev", "test", "majority", "chance")
    about = ("format", "status", "reason", "study", "plm", "strategy", "task", "seed", "sample")
    write(root / "tuned" / cell / "result.json", {key: value for key, value in result.items() if key not in scored})
    write(root / "scores" / f"{cell}.json", {key: result[key] for key in (*about, *scored)})
    write_answers(root / "tuned" / cell / "predictions.jsonl", result)


def write_answers(path: Path, result: Results) -> None:
    """Answers on twenty test rows, of which as many are right as the accuracy says; none of a run without a score."""
    if result["status"] == "done":
        right = {decoder: round(20 * (scores["accuracy"] or 0)) for decoder, scores in result["test"].items()}
        texts = {decoder: ["good" if n < hits else "bad" for n in range(20)] for decoder, hits in right.items()}
        write_predictions(path, predictions("test", ROWS, Answers(texts)))


def write_task(study: Study, root: Path, name: str) -> None:
    """Write a prepared task whose test rows are ROWS."""
    about = {"name": name, "kind": "classification", "labels": ["good", "bad"], "part": "target", "origin": "generated"}
    files: dict[str, list[Example]] = {
        sample_file(number, split): ROWS if split == "test" else []
        for number in study.tasks.samples
        for split in SPLITS
    }
    write_prepared(root / "tasks" / name, {**about, "metric": "accuracy", "fidelity": None, "counts": {}}, files)


def write_results(study: Study, root: Path, change: Change = lambda result: result) -> Path:
    """Write all results of `study` below `root`, each after `change`."""
    for member in study.members:
        plm = member.name
        for priming in study.primings:
            for seed in study.seeds:
                flops = {"mtl": 3.1e12, "maml": 2.2e12, "reptile": 4.0e12}[priming.algorithm]
                result = {
                    "format": 1,
                    "status": "done",
                    "reason": None,
                    "plm": plm,
                    "priming": str(priming),
                    "seed": seed,
                    "flops": flops,
                }
                write(root / "primed" / plm / priming.slug / f"seed-{seed}" / "result.json", change(result))
        for strategy, seed, task, sample in product(
            study.parsed_strategies, study.seeds, study.tasks.target, study.tasks.samples
        ):
            result = change(run_result(study, plm, strategy, task, seed=seed, sample=sample))
            write_run(root, f"{plm}/{strategy.slug}/seed-{seed}/{task}/sample-{sample}", result)
    for task in study.tasks.target:
        write_task(study, root, task)
    return root


def with_failures(result: Results) -> Results:
    """One priming seed and one whole priming diverged, two runs of a strategy failed, two of another keep the start."""
    if "priming" in result:
        return result
    if result["strategy"].startswith("reptile"):
        return missing_result(result, "not primed", "priming reptile[plm | plm x5] failed: loss is nan at step 12")
    if result["strategy"] == "mtl[prompt] -> prompt" and result["seed"] == 2:
        return missing_result(result, "not primed", "priming mtl[prompt] failed: loss is inf at step 90")
    if result["strategy"] == "none -> prefix" and result["task"] == "tense" and result["sample"] == 21:
        return missing_result(result, "failed", "all runs of the sweep diverged")
    if result["strategy"] == "none -> prompt" and result["task"] == "plural" and result["sample"] == 21:
        return {**result, "kept_start": True}
    return result


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Study]:
    return study_settings


@pytest.fixture(scope="session")
def make_results() -> Callable[..., Path]:
    return write_results


@pytest.fixture(scope="session")
def study() -> Study:
    return study_settings()


@pytest.fixture(scope="session")
def root(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the made-up study, some of them missing."""
    return write_results(study, tmp_path_factory.mktemp("made-up"), with_failures)
