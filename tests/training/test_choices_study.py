"""A study of questions through every step: sources written out, targets ranked, with and without tuning."""

import csv
import json
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.evaluation.scoring import sample_scores
from priming.jobs.graph import graph
from priming.running import steps
from priming.strategies import Strategy
from priming.study.load import load_study
from priming.study.tuning import Scoring
from priming.tasks.label_check import said_of_labels
from priming.tasks.prepared import read_task

COLOURS = ("red", "blue", "green", "white", "black", "brown")
THINGS = ("house", "tree", "stone", "river", "horse", "apple")
RANDOM = [
    {"thing": thing, "right": colour, "wrong": COLOURS[(i + 1) % 6], "other": COLOURS[(i + 2) % 6], "label": j % 2}
    for i, colour in enumerate(COLOURS)
    for j, thing in enumerate(THINGS)
]
ZERO_SHOT = "mtl[plm+prompt] -> nothing (with prompt)"
STRATEGIES = ["none -> nothing", ZERO_SHOT, "mtl[plm+prompt] -> prompt"]
TEMPLATES = {
    "which": {
        "jinja": "Which is the {{ thing }}? ||| {{ answer_choices[label] }}",
        "answer_choices": "{% if label %}{{ wrong }} ||| {{ right }}{% else %}{{ right }} ||| {{ wrong }}{% endif %}",
    },
    "three": {
        "jinja": "The {{ thing }} is ||| {% if thing != 'tree' %}{{ answer_choices[0] }}{% endif %}",
        "answer_choices": "{{ right }} ||| {{ wrong }} ||| {{ other }}",
    },
}


def study() -> dict[str, Any]:
    generated = {
        "architecture": {"family": "t5", "d_model": 16, "layers": 1, "ffn": 16, "heads": 2, "vocabulary": 300},
        "pretraining": {"texts": "source_tasks", "number": 40, "steps": 3, "batch": 4},
    }
    files = {"train": "rows.jsonl", "test": "rows.jsonl"}
    texts = {"name": {"jinja": "Name the {{ thing }}. ||| {{ right }}"}}
    define = {
        "asked": {"files": files, "kind": "multiple_choice", "templates": TEMPLATES},
        "told": {"files": files, "kind": "text_to_text", "templates": texts},
        "plain": {
            "files": files, "kind": "multiple_choice", "input": "{thing}", "choices": ["right", "wrong"],
            "output": "right",
        },
    }  # fmt: skip
    return {
        "name": "questions",
        "plms": {"t5": {"generate": generated, "max_input": 24, "max_output": 8}},
        "elements": {"prompt": {"length": 2}},
        "tasks": {
            "define": define, "source": ["told"], "target": ["asked", "plain"], "shots_in_all": 4, "samples": [1],
            "duplicates": "keep",
        },
        "priming": {"mtl": {"batch": 4, "budget": {"steps": 3}, "learning_rates": {"plm": 1e-3, "prompt": 1e-2}}},
        "strategies": STRATEGIES,
        "seeds": [1],
        "tuning": {"steps": 4, "evaluate_every": 2, "batch_sizes": [4], "bank_tasks": 3},
        "scoring": {"metric": "accuracy", "metrics": ["accuracy"], "decoders": ["ranking"], "arg_baseline": "chance",
            "arg_over": "groups", "published": {"wu2022": {"t5": "T5-XL"}},
            "compare": [{"first": STRATEGIES[2], "second": ZERO_SHOT}],
        },
        "figures": {"draw": ["strategy_matrix"]},
    }  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of its results, with the working directory above it."""
    folder = tmp_path_factory.mktemp("questions")
    (folder / "study.yaml").write_text(yaml.safe_dump(study()), encoding="utf-8")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in RANDOM), encoding="utf-8")
    with chdir(folder):
        for job in graph(load_study(Path("study.yaml"))).jobs.values():
            steps.run(job.step, Path("study.yaml"), job.out)
        yield folder / "results" / "questions"


def sample(results: Path, strategy: str, task: str) -> Path:
    return results / "tuned" / "t5" / Strategy.parse(strategy).slug / "seed-1" / task / "sample-1"


def test_every_choice_of_every_row_has_a_score(results: Path) -> None:
    for strategy in STRATEGIES:
        for task, choices in (("asked.which", 2), ("asked.three", 3), ("plain", 2)):
            lines = (sample(results, strategy, task) / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines]
            prepared = read_task(results / "tasks" / task)
            _, dev, test = prepared.sample(1)
            assert len(rows) == len(dev) + len(test)
            assert {len(row["scores"]) for row in rows} == {choices}
            for row, example in zip(rows, [*dev, *test], strict=True):
                best = max(range(choices), key=row["scores"].__getitem__)
                assert row["answers"] == {"ranking": example.choices[best]}  # type: ignore[attr-defined]
                assert row["group"] == f"{task.partition('.')[0]}/{example.id}"  # type: ignore[attr-defined]


def test_scores_are_counted_by_hand(results: Path) -> None:
    for task, chance in (("asked.which", 1 / 2), ("asked.three", 1 / 3), ("plain", 1 / 2)):
        prepared = read_task(results / "tasks" / task)
        found = sample_scores(sample(results, ZERO_SHOT, task), prepared, 1, Scoring(metrics=["accuracy"]))
        lines = (sample(results, ZERO_SHOT, task) / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
        answers = [json.loads(line)["answers"]["ranking"] for line in lines if json.loads(line)["part"] == "test"]
        right = [row.targets[0] for row in prepared.sample(1)[2]]
        share = sum(a == b for a, b in zip(answers, right, strict=True)) / len(right)
        assert found["test"]["ranking"]["accuracy"] == pytest.approx(share)
        assert found["chance"] == pytest.approx(chance)


def test_rows_that_a_template_leaves_out_are_counted(results: Path) -> None:
    counts = json.loads((results / "tasks" / "asked.three" / "task.json").read_text(encoding="utf-8"))["counts"]
    assert counts["unusable"]["train, left out"] == 6
    assert counts["pool"] == 30


def test_gains_are_over_chance_and_by_data_set(results: Path) -> None:
    with (results / "tables" / "arg.csv").open(encoding="utf-8") as file:
        rows = {row["strategy"]: row for row in csv.DictReader(file)}
    assert {row["baseline"] for row in rows.values()} == {"chance"}
    with (results / "tables" / "per_task.csv").open(encoding="utf-8") as file:
        own = [row for row in csv.DictReader(file) if row["strategy"] == ZERO_SHOT]
    chances = {"asked.which": 1 / 2, "asked.three": 1 / 3, "plain": 1 / 2}
    gains = [100 * (float(row["mean"]) / chances[row["task"]] - 1) for row in own]
    assert float(rows[ZERO_SHOT]["arg_percent"]) == pytest.approx(sum(gains) / 3, abs=1e-2)
    with (results / "tables" / "effects_by_group.csv").open(encoding="utf-8") as file:
        names = {row["group"]: row["task_names"] for row in csv.DictReader(file)}
    assert names["asked"] == "asked.three asked.which"


def test_arg_by_data_set_is_that_of_the_rows(results: Path) -> None:
    with (results / "tables" / "arg_groups.csv").open(encoding="utf-8") as file:
        rows = {row["strategy"]: row for row in csv.DictReader(file)}
    with (results / "tables" / "per_task.csv").open(encoding="utf-8") as file:
        means = {(row["strategy"], row["task"]): float(row["mean"]) for row in csv.DictReader(file)}
    for strategy in STRATEGIES:
        which, three, plain = (means[strategy, task] for task in ("asked.which", "asked.three", "plain"))
        expected = 100 * (((2 * which - 1) + (3 * three - 1)) / 2 + (2 * plain - 1)) / 2
        assert float(rows[strategy]["arg_percent"]) == pytest.approx(expected, abs=0.05)
        assert float(rows[strategy]["low"]) <= expected <= float(rows[strategy]["high"])
    with (results / "tables" / "arg_differences.csv").open(encoding="utf-8") as file:
        pair, *claimed = csv.DictReader(file)
    both = [float(rows[strategy]["arg_percent"]) for strategy in (STRATEGIES[2], ZERO_SHOT)]
    assert float(pair["difference"]) == pytest.approx(both[0] - both[1], abs=1e-5)
    assert [(row["strategy"], row["other"], row["claim"]) for row in claimed] == [
        (ZERO_SHOT, "none -> nothing", "MTL-T{trained}P{trained} above none: shallow prompt, 0 shots")
    ]
    assert float(claimed[0]["published_difference"]) == pytest.approx(33.5 + 1.5)
    text = (results / "tables" / "arg_groups.md").read_text(encoding="utf-8")
    assert "asked: 2 tasks, 36 examples" in text


def test_published_arg_stands_beside_ours(results: Path) -> None:
    with (results / "tables" / "published.csv").open(encoding="utf-8") as file:
        theirs = {row["strategy"]: row for row in csv.DictReader(file)}
    with (results / "tables" / "arg_groups.csv").open(encoding="utf-8") as file:
        ours = {row["strategy"]: float(row["arg_percent"]) for row in csv.DictReader(file)}
    assert {name: float(row["published"]) for name, row in theirs.items()} == {
        STRATEGIES[0]: -1.5, ZERO_SHOT: 33.5, STRATEGIES[2]: 33.5
    }  # fmt: skip
    for name, row in theirs.items():
        assert float(row["ours"]) == pytest.approx(ours[name], abs=1e-5)
        assert row["baseline"] == "chance"


def test_targets_of_kinds_that_no_form_has_together_are_refused(results: Path) -> None:
    mixed = study()
    mixed["tasks"] |= {"source": ["plain"], "target": ["asked", "told"]}
    Path("mixed.yaml").write_text(yaml.safe_dump(mixed), encoding="utf-8")
    (said,) = said_of_labels(load_study(Path("mixed.yaml")), Path())
    assert said == (
        "PLM 't5' does not answer tasks of the kinds multiple_choice, text_to_text in one way; "
        "name tasks of one kind in tasks.target"
    )
