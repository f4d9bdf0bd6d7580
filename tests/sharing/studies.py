"""Small whole studies of every form of tasks, on real files and tiny models of random weights."""

import json
from collections.abc import Iterable, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import yaml

from priming.elements.table import ELEMENTS
from priming.jobs.graph import graph
from priming.running import steps
from priming.study.load import load_study

COLOURS, THINGS = ("red", "blue", "green"), ("cat", "dog", "bird", "one", "two", "three")
LABELLED = [{"text": f"{thing} {colour} runs", "label": colour} for thing in THINGS for colour in COLOURS]
TEXTS = [{"text": f"{colour} {thing}", "out": thing} for thing in THINGS for colour in COLOURS]
CHOICES = [
    {"text": f"{thing} sings", "a": colour, "b": "good bad", "label": number % 2}
    for number, (thing, colour) in enumerate((t, c) for t in THINGS for c in COLOURS)
]
SENTENCES = [{"words": [thing, "runs", colour], "tags": ["B-X", "O", "B-Y"]} for thing in THINGS for colour in COLOURS]
DEFINED: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "colour": (LABELLED, {"input": "{text}", "output": "label"}),
    "thing": (TEXTS, {"kind": "text_to_text", "input": "{text}", "output": "out"}),
    "which": (CHOICES, {"kind": "multiple_choice", "input": "{text}", "choices": ["a", "b"], "output": "label"}),
    "names": (SENTENCES, {"kind": "tagging", "input": "{words}", "output": "tags"}),
}
"""Rows and definition of each task."""


def study(
    name: str, plm: dict[str, Any], tasks: Sequence[str], strategies: Sequence[str], **more: Any
) -> dict[str, Any]:
    """A study that primes on the tasks and tunes them; `more` are further sections."""
    twins = {f"{task}_source": DEFINED[task] for task in tasks}
    define = {
        called: {"files": {"train": f"{called}.jsonl", "test": f"{called}.jsonl"}, **about}
        for called, (_, about) in ({task: DEFINED[task] for task in tasks} | twins).items()
    }
    kind = DEFINED[tasks[0]][1].get("kind", "classification")
    ways = {"classification": "ranking", "multiple_choice": "ranking", "tagging": "ranking", "text_to_text": "greedy"}
    metric = {"tagging": "entity_f1", "text_to_text": "exact_match"}.get(kind, "accuracy")
    return {
        "name": name,
        "plms": {"tiny": {"max_input": 16, "max_output": 6, **plm}},
        "elements": {"adapter": {"bottleneck": 4}, "prompt": {"length": 3}, "prefix": {"length": 2}},
        "tasks": {
            "define": define, "source": list(twins), "development": [], "target": list(tasks), "shots": 2,
            "shots_in_all": 6, "samples": [13], "duplicates": "keep",
        },
        "priming": {"mtl": {"batch": 4, "budget": {"steps": 3}, "learning_rates": dict.fromkeys(ELEMENTS, 0.01)}},
        "strategies": list(strategies),
        "seeds": [1],
        "tuning": {"steps": 4, "evaluate_every": 2, "batch_sizes": [4]},
        "scoring": {"decoder": ways[kind], "metric": metric, "decoders": [ways[kind]], "metrics": [metric]},
        "figures": {"draw": []},
        **more,
    }  # fmt: skip


def run(folder: Path, content: dict[str, Any], leave_out: Iterable[str] = ("tables", "figure")) -> Path:
    """Run all steps of a study but these, in this process; returns the folder of its results."""
    folder.mkdir(exist_ok=True)
    for name, (rows, _) in DEFINED.items():
        for file in (f"{name}.jsonl", f"{name}_source.jsonl"):
            (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = folder / f"{content['name']}.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    with chdir(folder):
        for job in graph(load_study(Path(file.name))).jobs.values():
            if job.step not in leave_out:
                steps.run(job.step, Path(file.name), job.out)
    return folder / "results" / content["name"]


def sample(results: Path, strategy: str, task: str) -> Path:
    """A tuned sample."""
    (found,) = results.glob(f"tuned/tiny/{strategy}/seed-1/{task}/sample-13")
    return found
