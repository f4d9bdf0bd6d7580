"""A study of an encoder and a BART, through every step, with heads that are tuned, primed, kept and left out."""

import csv
import json
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file

from priming.algorithms.interface import Budget
from priming.algorithms.mtl import Mtl
from priming.elements.sections import Rates
from priming.errors import DataError, StudyError
from priming.jobs.graph import graph
from priming.running import steps
from priming.strategies import Priming, Strategy
from priming.study.load import load_study
from priming.study.tuning import Grid, Scoring, Tuning
from priming.tasks.prepared import read_task
from priming.training.priming_run import PrimingJob
from priming.training.tuner import Tuner
from priming.training.upstream import prime
from tests.tiny_bart import SIZES

WIDTH, BOTTLENECK = 16, 4
ARCHITECTURE = {"d_model": WIDTH, "layers": 1, "ffn": 16, "heads": 2, "positions": 64, "vocabulary": 300}
COLOURS = ("red", "blue", "green", "white", "black", "brown")
THINGS = ("house", "tree", "stone", "river", "horse", "apple")
TWO, THREE = ["bad", "good"], ["large", "middle", "small"]
TASKS = {"film": TWO, "size": THREE, "hotel": TWO, "weight": THREE}
FRESH, KEPT = "mtl[plm+adapter+head] -> adapter+head", "mtl[plm+adapter+head] -> adapter (with head)"
LEFT_OUT = "none -> bitfit+head"
META = "maml:first[plm+prompt | plm+prompt+head x2] -> prompt+head"


def study() -> dict[str, Any]:
    generated = {"pretraining": {"texts": "source_tasks", "number": 40, "steps": 3, "batch": 4}}
    families = ("bert", "bart")
    define = {
        name: {"files": {"train": f"{name}.csv", "test": f"{name}.csv"}, "input": "{text}", "output": "label"}
        | {"labels": {label: label for label in labels}}
        for name, labels in TASKS.items()
    }
    return {
        "name": "heads",
        "plms": {
            name: {"generate": generated | {"architecture": ARCHITECTURE | {"family": name}}, "max_input": 24}
            for name in families
        }
        | {"bart": {"generate": generated | {"architecture": ARCHITECTURE}, "max_input": 24, "leave_out": ["bitfit"]}},
        "elements": {"adapter": {"bottleneck": BOTTLENECK}, "prompt": {"length": 2}},
        "tasks": {
            "define": define, "source": ["film", "size"], "target": ["hotel", "weight"], "shots": 3, "samples": [1],
        },
        "priming": {
            "mtl": {"batch": 4, "budget": {"steps": 3}, "learning_rates": {"plm": 1e-3, "adapter": 1e-2, "head": 1e-2}},
            "maml": {
                "support": 2, "query": 2, "budget": {"steps": 3},
                "learning_rates": {"plm": 1e-3, "prompt": 1e-2},
                "inner_learning_rates": {"plm": 0.1, "prompt": 0.1, "head": 0.1},
            },
            "variants": {"maml:first": {"order": "first"}},
        },
        "strategies": ["none -> plm+head", "none -> adapter+head", LEFT_OUT, FRESH, KEPT, META],
        "seeds": [1],
        "tuning": {"steps": 4, "evaluate_every": 2, "batch_sizes": [4], "bank_tasks": 2},
        "figures": {"draw": ["strategy_matrix", "parameter_efficiency"]},
    }  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of its results, with the working directory above it."""
    folder = tmp_path_factory.mktemp("heads")
    (folder / "study.yaml").write_text(yaml.safe_dump(study()))
    for name, labels in TASKS.items():
        rows = [
            f"a {c} {t},{labels[(i + j) % len(labels)]}\n" for i, c in enumerate(COLOURS) for j, t in enumerate(THINGS)
        ]
        (folder / f"{name}.csv").write_text("".join(["text,label\n", *rows]))
    with chdir(folder):
        for job in graph(load_study(Path("study.yaml"))).jobs.values():
            steps.run(job.step, Path("study.yaml"), job.out)
        yield folder / "results" / "heads"


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def sample(results: Path, plm: str, strategy: str, task: str) -> Path:
    return results / "tuned" / plm / Strategy.parse(strategy).slug / "seed-1" / task / "sample-1"


def test_every_cell_is_tuned_scored_and_shown(results: Path) -> None:
    status = json.loads((results / "tables" / "status.json").read_text())
    assert status["failed"] == status["not_primed"] == []
    for plm in study()["plms"]:
        for strategy in study()["strategies"]:
            if plm == "bart" and strategy == LEFT_OUT:
                continue
            for task in ("hotel", "weight"):
                assert result(sample(results, plm, strategy, task))["status"] == "done"
                rows = (sample(results, plm, strategy, task) / "predictions.jsonl").read_text().splitlines()
                answers = [json.loads(row) for row in rows]
                decoders = {"ranking"} if plm != "bart" else {"ranking", "greedy"}
                assert {name for row in answers for name in row["answers"]} == decoders
                assert {row["answers"]["ranking"] for row in answers} <= set(TASKS[task])
                assert {len(row["scores"]) for row in answers} == {len(TASKS[task])}
    assert (results / "figures" / "strategy_matrix" / "strategy_matrix.svg").is_file()


def test_a_strategy_that_a_plm_leaves_out_is_nowhere(results: Path) -> None:
    named = [LEFT_OUT, str(Strategy.parse(LEFT_OUT).slug)]
    assert not [path for path in results.rglob("*") if path.name in named and "bart" in str(path)]
    for table in ("strategies", "per_task", "scores", "effects"):
        with (results / "tables" / f"{table}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert rows
        assert {row["plm"] for row in rows if row["strategy"] == LEFT_OUT} <= {"bert"}
    blocks = json.loads((results / "tables" / "blocks.json").read_text())
    assert [len(blocks[f"{plm}-summary"]["rows"]) for plm in ("bert", "bart")] == [6, 5]


def test_each_source_task_has_a_head_of_its_own(results: Path) -> None:
    folder = results / "primed" / "bert" / Strategy.parse(FRESH).priming.slug / "seed-1"  # type: ignore[union-attr]
    assert result(folder)["heads"] == [TWO, THREE]
    head = load_file(folder / "head.safetensors")
    assert {name: tuple(value.shape) for name, value in head.items()} == {
        "head.weight": (2, 3, WIDTH),
        "head.bias": (6,),
    }
    assert not head["head.weight"][0, 2].any()
    assert head["head.weight"][1].abs().min() > 0
    meta = results / "primed" / "bert" / Strategy.parse(META).priming.slug / "seed-1"  # type: ignore[union-attr]
    assert sorted(file.name for file in meta.glob("*.safetensors")) == ["plm.safetensors", "prompt.safetensors"]


def test_a_tuned_head_is_the_tasks_own_and_a_kept_one_stays(results: Path) -> None:
    adapter = 2 * (2 * WIDTH * BOTTLENECK + WIDTH + BOTTLENECK)
    for task, labels in (("hotel", TWO), ("weight", THREE)):
        for strategy, head in (("none -> adapter+head", True), (FRESH, True), (KEPT, False)):
            folder = sample(results, "bert", strategy, task)
            assert result(folder)["parameters"]["tuned"] == adapter + head * len(labels) * (WIDTH + 1)
            names = load_file(folder / "elements.safetensors")
            assert {name for name in names if name.startswith("head.")} == (
                {"head.weight", "head.bias"} if head else set()
            )


def test_a_kept_head_is_that_of_the_source_task_with_the_same_labels(results: Path) -> None:
    found = tuner(results, "bert", KEPT)
    found.load(results / "primed" / "bert" / found.strategy.priming.slug / "seed-1")  # type: ignore[union-attr]
    tasks = [read_task(results / "tasks" / name) for name in ("hotel", "weight")]
    assert [found.model.place(task.labels) for task in tasks] == [0, 1]
    found.fit(tasks)
    with pytest.raises(DataError, match=r"task hotel has other labels .* \(good, fair\): no primed head fits it; tune"):
        found.fit([replace(tasks[0], labels=("good", "fair"))])


def tuner(results: Path, plm: str, strategy: str, scoring: Scoring | None = None) -> Tuner:
    read = load_study(results.parents[1] / "study.yaml")
    folder = results / "plm" / plm
    return Tuner(read.plms[plm], folder, read.elements, Strategy.parse(strategy), read.tuning, scoring or Scoring(), 1)


def test_what_an_encoder_cannot_do_is_refused_when_it_is_known(results: Path) -> None:
    """As of a PLM that is not generated, whose class shows when it is loaded."""
    tasks = [read_task(results / "tasks" / "hotel")]
    with pytest.raises(StudyError, match=r"'none -> adapter' has no head, and PLM 'bert' answers by one; tune one"):
        tuner(results, "bert", "none -> adapter").form(tasks)
    with pytest.raises(StudyError, match=r"scoring.decoder is 'greedy', and PLM 'bert' answers by ranking; set it to"):
        tuner(results, "bert", "none -> head", Scoring(decoder="greedy")).form(tasks)
    with pytest.raises(StudyError, match=r"PLM 'bert' cannot answer tasks of kind text_to_text"):
        tuner(results, "bert", "none -> head").form([replace(tasks[0], kind="text_to_text")])
    with pytest.raises(StudyError, match=r"'none -> head' tunes nothing of PLM 'bart', which has no place for head"):
        tuner(results, "bart", "none -> head").tuned  # noqa: B018


def test_where_answers_are_written_a_strategy_is_the_same_without_its_head(
    job: PrimingJob, tasks: Path, tmp_path: Path
) -> None:
    """Priming and tuning of a BART, to the bit."""
    rates = Rates(plm=1e-3, adapter=1e-2)
    settings = Mtl(budget=Budget(steps=3), batch=4, learning_rates=rates, dropout=0.1)
    for name, text in (("a", "mtl[plm+adapter]"), ("b", "mtl[plm+adapter+head]")):
        prime(replace(job, priming=Priming.parse(text), settings=settings), tmp_path / name)
        assert result(tmp_path / name)["priming"] == text
    files = [sorted(file.name for file in (tmp_path / name).glob("*.safetensors")) for name in ("a", "b")]
    assert files[0] == files[1] == ["adapter.safetensors", "plm.safetensors"]
    for file in files[0]:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    tuning = Tuning(steps=4, evaluate_every=2, learning_rates=Grid(adapter=[1e-2], head=[1e-2, 1e-3]), batch_sizes=[4])
    target = [read_task(tasks / "dinner_review")]
    curves = []
    for text in ("none -> adapter", "none -> adapter+head"):
        found = Tuner(job.plm, job.plm_folder, SIZES, Strategy.parse(text), tuning, Scoring(), 1)
        [[run]] = found.sweeps(target, [1])
        curves.append(run.curve)
    assert curves[0] == curves[1]
    with pytest.raises(
        StudyError, match=r"'mtl\[head\]' moves nothing of PLM 'mini', which has no place for what it nam"
    ):
        prime(replace(job, priming=Priming.parse("mtl[head]"), settings=settings), tmp_path / "c")
