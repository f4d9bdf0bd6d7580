"""A study of PLMs that come with a prompt, from their checkpoints: scored with it at 0 shots, and tuned from it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from priming.backbones.conversion import Source, convert
from priming.backbones.loading import load_tokenizer
from priming.jobs.graph import Result, graph
from priming.jobs.recipes import Recipes
from priming.running import steps
from priming.strategies import Strategy
from priming.study import Study
from priming.study.load import load_study
from priming.tasks.prepared import PreparedTask, read_task
from tests.backbones.released_t5 import LENGTH, Released, checkpoint, released

COLOURS = ("red", "blue", "green")
THINGS = ("cat", "dog", "bird")
ROWS = [
    {"thing": thing, "right": colour, "wrong": COLOURS[(i + 1) % 3]}
    for i, colour in enumerate(COLOURS)
    for thing in THINGS
]
ZERO, PROMPT, PREFIX = "none -> nothing", "none -> prompt", "none -> prefix"
PRIMED = "mtl[prompt] -> nothing (with prompt)"
NAMES = {
    "shallow": ["prompt"],
    "deep": [f"plm.prefix_tunings.{kind}_prefix" for kind in ("encoder", "self", "cross")],
}
"""What is tuned is called here, in the order of the checkpoints' tables."""
PLMS: dict[str, dict[str, Any]] = {
    "shallow": {"brings": "prompt", "leave_out": ["prefix"]},
    "deep": {"brings": "prefix", "leave_out": ["prompt"]},
}


def study() -> dict[str, Any]:
    files = {"train": "rows.jsonl", "test": "rows.jsonl"}
    asked = {"files": files, "kind": "multiple_choice", "input": "{thing}", "choices": ["right", "wrong"]}
    return {
        "name": "released",
        "plms": {
            name: {"path": name, "family": "t5", "max_input": 24, "max_output": 8} | own for name, own in PLMS.items()
        },
        "elements": {"prompt": {"length": LENGTH}, "prefix": {"length": LENGTH}},
        "tasks": {
            "define": {"asked": {**asked, "output": "right"}}, "source": ["film_verdict"], "target": ["asked"],
            "shots_in_all": 4, "samples": [1], "duplicates": "keep", "dev_set": "none",
        },
        "priming": {"mtl": {"learning_rates": {"prompt": 1e-4}, "budget": {"steps": 1}, "batch": 2, "warmup": 0.0}},
        "strategies": [ZERO, PROMPT, PREFIX, PRIMED],
        "seeds": [1],
        "tuning": {"steps": 2, "batch_sizes": [4], "keep": "last", "dropout": 0.0, "warmup": 0.0, "optimizer": "sgd",
            "weight_decay": 0.0, "clip": None, "schedule": "constant",
            "learning_rates": {"prompt": [1e-4], "prefix": [1e-4]}},
        "scoring": {"decoders": ["ranking"], "arg_baseline": "chance", "length_normalised": True,
            "published": {"wu2022": {"shallow": "T5-XL"}}, "arg_over": "groups"},
    }  # fmt: skip


Made = Mapping[str, Released]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The checkpoints, after the study's PLMs, tasks and tunings were made in the working directory."""
    folder, found = tmp_path_factory.mktemp("released"), {}
    for name in PLMS:
        found[name] = released(folder / f"like-{name}", deep=name == "deep")
        file = checkpoint(found[name].state, folder / f"{name}.ckpt")
        convert(Source(str(found[name].like), None), folder / name, file)
    (folder / "study.yaml").write_text(yaml.safe_dump(study()), encoding="utf-8")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    with chdir(folder):
        for job in graph(load_study(Path("study.yaml"))).jobs.values():
            if job.step in ("pretrain", "prepare", "prime", "tune"):
                steps.run(job.step, Path("study.yaml"), job.out)
        yield found


def sample(plm: str, strategy: str) -> Path:
    return Path("results/released/tuned") / plm / Strategy.parse(strategy).slug / "seed-1/asked/sample-1"


def by_hand(given: Released, input_text: str, choice: str) -> float:
    """The mean log-probability of a choice's tokens and its end, by the plain reference."""
    tokenizer = load_tokenizer(given.like)
    ids, target = (tokenizer(text)["input_ids"] for text in (input_text, choice))
    asked = torch.tensor([ids])
    found = given.logits(asked, torch.ones_like(asked), torch.tensor([[0, *target[:-1]]]))[0].log_softmax(dim=-1)
    return float(found[torch.arange(len(target)), torch.tensor(target)].sum()) / (len(target) + 1e-6)


def assert_scored_with(given: Released, folder: Path) -> None:
    """Every choice of the test rows has the score that the plain reference gives it."""
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if json.loads(line)["part"] == "test"]
    prepared: PreparedTask = read_task(Path("results/released/tasks/asked"))
    examples = prepared.sample(1)[2]
    assert len(rows) == len(examples) == 9
    for row, example in zip(rows, examples, strict=True):
        choices = example.choices  # type: ignore[attr-defined]
        assert row["scores"] == pytest.approx([by_hand(given, example.input, choice) for choice in choices], rel=1e-3)


@pytest.mark.parametrize("plm", PLMS)
def test_at_0_shots_choices_are_scored_with_the_prompt(made: Made, plm: str) -> None:
    assert_scored_with(made[plm], sample(plm, ZERO))
    found = json.loads((sample(plm, ZERO) / "result.json").read_text())["parameters"]
    own = sum(value.numel() for value in made[plm].prompt)
    tables = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    assert found["total"] == own + sum(v.numel() for name, v in made[plm].plain.items() if name not in tables)


@pytest.mark.parametrize(("plm", "strategy"), [("shallow", PROMPT), ("deep", PREFIX)])
def test_tuning_starts_from_the_prompt(made: Made, plm: str, strategy: str) -> None:
    """Two steps of SGD with a small rate end near it, and not at it."""
    tuned = load_file(sample(plm, strategy) / "elements.safetensors")
    for name, start in zip(NAMES[plm], made[plm].prompt, strict=True):
        assert 0 < (tuned[name].reshape(start.shape) - start).abs().max() < 0.05 * start.abs().max()


def test_priming_starts_from_the_prompt(made: Made) -> None:
    """One step of AdamW moves nothing by more than its rate; what it ends at is in place downstream."""
    slug = Strategy.parse(PRIMED).priming.slug  # type: ignore[union-attr]
    primed = load_file(Path("results/released/primed/shallow") / slug / "seed-1/prompt.safetensors")["prompt"]
    assert 0 < (primed - made["shallow"].prompt[0]).abs().max() < 1.1e-4
    assert_scored_with(made["shallow"]._replace(prompt=[primed]), sample("shallow", PRIMED))


@pytest.mark.parametrize("plm", PLMS)
def test_the_result_of_the_plm_says_what_it_brings(made: Made, plm: str) -> None:
    folder, element = Path("results/released/plm") / plm, PLMS[plm]["brings"]
    result = json.loads((folder / "result.json").read_text())
    assert result["brings"] == result["conversion"]["brings"] == {"element": element, "length": LENGTH}
    assert (folder / f"{element}.safetensors").read_bytes() == (Path(plm) / f"{element}.safetensors").read_bytes()


def slots(given: dict[str, Any], step: str) -> dict[str, Result]:
    return {path: r for path, r in graph(Study.model_validate(given)).results.items() if r.step == step}


def test_recipes_know_the_prompt(made: Made) -> None:
    """Its length counts where it is in place, its file among the data; without `brings` all is as it was before."""
    zero = [result for result in slots(study(), "tune").values() if str(result.strategy) == ZERO]
    assert [set(result.settings["elements"]) for result in zero] == [{"prompt"}, {"prefix"}]
    for result, name in zip(zero, ("prompt", "prefix"), strict=True):
        assert f"priming.elements.{name}" in result.modules
    without = study()
    for plm in without["plms"].values():
        del plm["brings"]
    assert all("brings" not in result.settings for result in slots(without, "pretrain").values())
    plain = [result for result in slots(without, "tune").values() if str(result.strategy) == ZERO]
    assert [result.settings["elements"] for result in plain] == [{}, {}]
    path = "results/released/plm/shallow"
    recipes = Recipes(graph(load_study(Path("study.yaml"))), Path(), Path())
    assert recipes.current(path)
    file = Path("shallow/prompt.safetensors")
    before = file.read_bytes()
    file.write_bytes(before[:-4] + b"\0\0\0\0")
    assert not Recipes(recipes.graph, Path(), Path()).current(path)
    file.write_bytes(before)
