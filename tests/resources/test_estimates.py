"""What jobs need: how it follows from the study, and that it is in order for published sizes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.jobs.graph import Graph, Job, graph
from priming.resources.estimates import Resources, needs
from priming.study import Study

TINY = Path(__file__).parents[1] / "tiny_study.yaml"
BASE = {"hub": "facebook/bart-base", "revision": "abc", "max_input": 128, "max_output": 16}


def tiny(**changes: Any) -> Graph:
    data = yaml.safe_load(TINY.read_text())
    return graph(Study.model_validate({**data, **changes}))


def of(study: Graph, step: str, slug: str = "") -> Job:
    return next(job for job in study.jobs.values() if job.step == step and slug in job.out)


def asked(study: Graph, step: str, slug: str = "", gpus: bool = True) -> Resources:
    return needs(study, of(study, step, slug), TINY.parent, gpus)


@pytest.mark.parametrize("step", ["pretrain", "prime", "tune"])
def test_gpus_where_study_and_cluster_have_them(step: str) -> None:
    assert asked(tiny(), step).gpus == 1
    assert asked(tiny(), step, gpus=False).gpus == 0
    assert asked(tiny(compute={"device": "cpu"}), step).gpus == 0
    assert asked(tiny(compute={"device": "cpu"}), step) == asked(tiny(), step, gpus=False)


@pytest.mark.parametrize("step", ["prepare", "tables", "figure"])
def test_the_rest_needs_no_gpu(step: str) -> None:
    assert asked(tiny(), step).gpus == 0
    assert asked(tiny(), step).memory < 1000


def test_only_primings_share_gpus() -> None:
    two = tiny(compute={"gpus": 2})
    one = asked(tiny(), "prime")
    assert (asked(two, "prime").gpus, asked(two, "prime").cores) == (2, 2)
    assert asked(two, "prime").memory > 1.8 * one.memory
    assert asked(two, "tune") == asked(tiny(), "tune")
    assert asked(tiny(compute={"gpus": 2, "device": "cpu"}), "prime").cores == 1


def test_tuning_the_plm_takes_a_plm_for_each_run() -> None:
    """BART-base, one sample of two tasks: weights, gradients and moments of 139 M parameters, 2 runs side by side."""
    study = tiny(plms={"base": BASE}, tuning={"bank_tasks": 2, "chunk": 2}, tasks=tasks(samples=[13]))
    plm, adapter = (asked(study, "tune", slug, gpus=False).memory for slug in ("none--plm", "none--adapter"))
    assert plm - adapter > 2 * 16 * 139
    assert plm < 40_000


def tasks(**changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load(TINY.read_text())["tasks"], **changes}


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({}, {"plms": {"base": BASE}}),
        ({"plms": {"base": BASE}}, {"plms": {"large": {**BASE, "hub": "facebook/bart-large"}}}),
        ({"plms": {"base": BASE}}, {"plms": {"base": {**BASE, "max_input": 512}}}),
        ({"plms": {"base": BASE}}, {"plms": {"base": BASE}, "tuning": {"batch_sizes": [64]}}),
        (
            {"plms": {"base": BASE}},
            {"plms": {"base": BASE}, "tuning": {"batch_sizes": [16], "bank_tasks": 2, "bank": 2}},
        ),
        ({"plms": {"base": BASE}}, {"plms": {"base": BASE}, "tasks": tasks(samples=[1, 2, 3, 4, 5])}),
    ],
    ids=["plm", "large", "length", "batch", "bank", "samples"],
)
def test_more_work_needs_more(less: dict[str, Any], more: dict[str, Any]) -> None:
    tuning = {"tuning": {"batch_sizes": [4], "bank_tasks": 1, "chunk": 2, "bank": 2}}
    one, other = (
        asked(tiny(**{**tuning, **less}), "tune", gpus=False),
        asked(tiny(**{**tuning, **more}), "tune", gpus=False),
    )
    assert (one.memory, one.minutes) < (other.memory, other.minutes)
    assert one.memory <= other.memory
    assert one.minutes <= other.minutes


def test_time_follows_the_budget() -> None:
    def minutes(budget: dict[str, float]) -> int:
        return asked(
            tiny(
                priming={
                    "mtl": {"batch": 4, "budget": budget, "learning_rates": {"plm": 1e-3, "adapter": 1e-2}},
                    "maml": MAML,
                }
            ),
            "prime",
            "mtl",
        ).minutes

    assert minutes({"flops": 1e15}) > minutes({"flops": 1e12}) >= 15
    # 6e15 operations at 6e12 a second are 1000 s; three times as long, and a quarter of an hour.
    assert minutes({"flops": 6e15}) == 15 + 50
    assert minutes({"steps": 100_000_000}) > minutes({"steps": 10})
    assert minutes({"examples": 400_000_000}) == minutes({"steps": 100_000_000})


MAML = {"learning_rates": {"plm": 1e-3, "prompt": 1e-2}, "inner_learning_rates": {"prompt": 0.1}}


def test_second_order_keeps_every_inner_step() -> None:
    first, second = (
        asked(
            tiny(
                plms={"base": BASE},
                priming={"mtl": {"learning_rates": {"plm": 1e-3, "adapter": 1e-2}}, "maml": {**MAML, "order": order}},
            ),
            "prime",
            "maml",
            gpus=False,
        )
        for order in ("first", "second")
    )
    assert second.memory > first.memory
    assert second.minutes > first.minutes


def test_choosing_a_checkpoint_takes_tunings() -> None:
    def mtl(keep: str) -> Resources:
        settings = {"keep": keep, "budget": {"steps": 2000}, "learning_rates": {"plm": 1e-3, "adapter": 1e-2}}
        return asked(tiny(plms={"base": BASE}, priming={"mtl": settings, "maml": MAML}), "prime", "mtl", gpus=False)

    assert mtl("best").minutes > mtl("last").minutes


def test_raw_data_need_memory() -> None:
    def prepared(**origin: Any) -> Resources:
        define = {"mine": {**origin, "input": "{text}", "output": "label"}}
        return asked(tiny(tasks={**tasks(), "define": define, "target": ["mine", "dinner_review"]}), "prepare")

    generated = asked(tiny(), "prepare")
    files, hub = prepared(files={"train": "a.csv", "test": "b.csv"}), prepared(hub={"id": "some/data"})
    assert generated.memory < files.memory < hub.memory
    assert generated.minutes <= files.minutes < hub.minutes
