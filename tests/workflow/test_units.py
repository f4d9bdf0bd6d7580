"""What is carried as a whole, and what it depends on in the study."""

from pathlib import Path

from priming.jobs import graph
from priming.study import Study
from priming.units import settings, units

from .conftest import RICH, Checkout


def test_every_result_is_in_the_folder_of_one_unit(rich: Study) -> None:
    jobs = graph(rich)
    found = units(jobs)
    carried = [(item.path, unit.out) for unit in found.values() for item in unit.items]
    assert [path for path, _ in carried] == list(jobs.items)
    assert all(Path(path).is_relative_to(out) for path, out in carried)
    outs = [unit.out for unit in found.values()]
    assert not [(a, b) for a in outs for b in outs if a != b and Path(a).is_relative_to(b)]


def test_names(tiny: Study) -> None:
    assert {name: unit.out for name, unit in units(graph(tiny)).items()} == {
        "tasks": "results/tiny/tasks",
        "plm@mini": "results/tiny/plm/mini",
        "primed@mini/mtl-plm+adapter": "results/tiny/primed/mini/mtl-plm+adapter",
        "primed@mini/maml-plm+prompt-prompt.x1": "results/tiny/primed/mini/maml-plm+prompt-prompt.x1",
        "tuned@mini/none--plm": "results/tiny/tuned/mini/none--plm",
        "tuned@mini/none--adapter": "results/tiny/tuned/mini/none--adapter",
        "tuned@mini/mtl-plm+adapter--adapter": "results/tiny/tuned/mini/mtl-plm+adapter--adapter",
        "tuned@mini/maml-plm+prompt-prompt.x1--prompt": "results/tiny/tuned/mini/maml-plm+prompt-prompt.x1--prompt",
        "tables": "results/tiny/tables",
        "figures": "results/tiny/figures",
    }


def test_settings_say_once_what_is_the_same(tiny: Study) -> None:
    jobs = graph(tiny)
    primed = settings(units(jobs)["primed@mini/mtl-plm+adapter"])
    slice_ = jobs.items["results/tiny/primed/mini/mtl-plm+adapter/seed-1"].settings
    assert primed == slice_ | {"seed": [{"value": 1, "results": 1}, {"value": 2, "results": 1}]}
    tuned = settings(units(jobs)["tuned@mini/none--plm"])
    assert tuned["seed"] == [{"value": 1, "results": 2}, {"value": 2, "results": 2}]
    assert tuned["together"] == [{"value": [task], "results": 1} for _ in (1, 2) for task in ("dinner_review", "price_compare")]


def test_the_order_of_tasks_matters_to_a_plm_that_is_trained_on_them_alone() -> None:
    turned = {**RICH, "tasks": {**RICH["tasks"], "source": RICH["tasks"]["source"][::-1]}}
    before, after = ({name: settings(unit) for name, unit in units(graph(Study.model_validate(file))).items()} for file in (RICH, turned))
    changed = {name.partition("@")[0] for name in before if before[name] != after[name]}
    assert changed == {"plm", "primed", "tables"}
    assert {name for name in before if name.startswith("plm") and before[name] != after[name]} == {"plm@own"}


def test_a_unit_is_a_target(checkout: Checkout) -> None:
    assert checkout.wanted("primed@mini/mtl-plm+adapter") == {"prepare": 1, "pretrain": 1, "prime": 2}
    assert checkout.wanted("plm@mini", "tasks") == {"prepare": 1, "pretrain": 1}
