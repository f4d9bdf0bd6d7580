"""What is carried as a whole, and what it depends on in the study."""

from pathlib import Path

from priming.jobs.graph import graph
from priming.jobs.stages import settings, stages
from priming.study import Study
from tests.tiny_study import RICH, Checkout


def test_every_result_is_in_the_folder_of_one_unit(rich: Study) -> None:
    jobs = graph(rich)
    found = stages(jobs)
    carried = [(result.path, stage.out) for stage in found.values() for result in stage.results]
    assert [path for path, _ in carried] == list(jobs.results)
    assert all(Path(path).is_relative_to(out) for path, out in carried)
    outs = [stage.out for stage in found.values()]
    assert not [(a, b) for a in outs for b in outs if a != b and Path(a).is_relative_to(b)]


def test_names(tiny: Study) -> None:
    assert {name: stage.out for name, stage in stages(graph(tiny)).items()} == {
        "tasks": "results/tiny/tasks",
        "plm@mini": "results/tiny/plm/mini",
        "primed@mini/mtl-plm+adapter": "results/tiny/primed/mini/mtl-plm+adapter",
        "primed@mini/maml-plm+prompt-prompt.x1": "results/tiny/primed/mini/maml-plm+prompt-prompt.x1",
        "tuned@mini/none--plm": "results/tiny/tuned/mini/none--plm",
        "tuned@mini/none--adapter": "results/tiny/tuned/mini/none--adapter",
        "tuned@mini/mtl-plm+adapter--adapter": "results/tiny/tuned/mini/mtl-plm+adapter--adapter",
        "tuned@mini/maml-plm+prompt-prompt.x1--prompt": "results/tiny/tuned/mini/maml-plm+prompt-prompt.x1--prompt",
        "scores@mini/none--plm": "results/tiny/scores/mini/none--plm",
        "scores@mini/none--adapter": "results/tiny/scores/mini/none--adapter",
        "scores@mini/mtl-plm+adapter--adapter": "results/tiny/scores/mini/mtl-plm+adapter--adapter",
        "scores@mini/maml-plm+prompt-prompt.x1--prompt": "results/tiny/scores/mini/maml-plm+prompt-prompt.x1--prompt",
        "tables": "results/tiny/tables",
        "figures": "results/tiny/figures",
    }


def test_settings_say_once_what_is_the_same(tiny: Study) -> None:
    jobs = graph(tiny)
    primed = settings(stages(jobs)["primed@mini/mtl-plm+adapter"])
    params_ = jobs.results["results/tiny/primed/mini/mtl-plm+adapter/seed-1"].settings
    assert primed == params_ | {"seed": [{"value": 1, "results": 1}, {"value": 2, "results": 1}]}
    tuned = settings(stages(jobs)["tuned@mini/none--plm"])
    assert tuned["seed"] == [{"value": 1, "results": 2}, {"value": 2, "results": 2}]
    assert tuned["together"] == [
        {"value": [task], "results": 1} for _ in (1, 2) for task in ("dinner_review", "price_compare")
    ]


def test_the_order_of_tasks_matters_to_a_plm_that_is_trained_on_them_alone() -> None:
    turned = {**RICH, "tasks": {**RICH["tasks"], "source": RICH["tasks"]["source"][::-1]}}
    before, after = (
        {name: settings(stage) for name, stage in stages(graph(Study.model_validate(file))).items()}
        for file in (RICH, turned)
    )
    changed = {name.partition("@")[0] for name in before if before[name] != after[name]}
    assert changed == {"plm", "primed", "tables"}
    assert {name for name in before if name.startswith("plm") and before[name] != after[name]} == {"plm@own"}


def test_a_unit_is_a_target(checkout: Checkout) -> None:
    assert checkout.wanted("primed@mini/mtl-plm+adapter") == {"prepare": 1, "pretrain": 1, "prime": 2}
    assert checkout.wanted("plm@mini", "tasks") == {"prepare": 1, "pretrain": 1}
