"""A changed leaf of the study file makes stale exactly the results that it matters to, and what is made from them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from priming.elements.adapter import AFTER_LAST
from priming.jobs.graph import Graph, graph
from priming.jobs.recipes import Recipes
from priming.jobs.stages import settings, stages
from priming.study import Study
from tests.tiny_study import RICH, settle, with_value

from .leaves import Leaf, changed, leaves

BEFORE = graph(Study.model_validate(RICH))
LEAVES = {"/".join(leaf): (leaf, annotation, value) for leaf, annotation, value in leaves(BEFORE.study)}
# No other value is allowed: standard Reptile has no optimizer, there is no development split to limit, and a generated
# PLM has its family elsewhere. The family of the other decides what code counts (test_params), and what a PLM leaves
# out what results there are (below).
FIXED = {"priming/reptile/optimizer", "tasks/dev_limit", "plms/own/family", "plms/small/family"}
FIXED |= {"priming/maml/episodes", "priming/reptile/episodes", "priming/reptile/over_tasks"}  # no samples, no optimizer
FIXED |= {f"plms/{plm}/{key}" for plm in ("own", "small", "local") for key in ("leave_out", "package")}
# Generated PLMs bring nothing.
FIXED |= {f"plms/{plm}/brings" for plm in ("own", "small")}
# An adapter after the last layer is for encoders, a head for what is read off them, and a scheme for tags.
FIXED |= {f"elements/adapter/{key}" for key in ("place", *AFTER_LAST)}
FIXED |= {"priming/maml/head", "priming/reptile/head", "tasks/define/mine/scheme"}
OF_CODE = {"plms/local/family"}
# On what and in how large portions it is computed; rates of what no strategy moves; figures that are not drawn; what
# concerns CrossFit's tasks; how a checkpoint is chosen where the last is kept; settings that only a variant can have.
UNUSED = ("lora", "ia3", "bitfit", "head")
"""Elements that no strategy of the study names."""
FEWER = {f"plms/{plm}/prime" for plm in ("own", "small", "local")}
"""Results are gone, and none is new; see the test of what a PLM goes without."""
NOTHING = {
    *(f"elements/lora/{key}" for key in ("rank", "alpha", "attention", "feed_forward")),
    *(f"tuning/learning_rates/{element}" for element in UNUSED),
    *(
        f"priming/{algorithm}/learning_rates/{element}"
        for algorithm in ("mtl", "maml", "reptile")
        for element in UNUSED
    ),
    *(f"priming/{meta}/inner_learning_rates/{element}" for meta in ("maml", "reptile") for element in UNUSED),
    "extensions",
    "elements/head/hidden",
    "tasks/hub_folder",
    "tasks/storycloze",  # none of its tasks is there
    *(f"tasks/{key}" for key in ("fidelity", "partition", "source_rows", "without")),
    "tasks/define/mine/unusable_share",  # own files refuse
    "tuning/chunk",
    "compute/device",
    "compute/gpus",
    *(f"priming/mtl/learning_rates/{element}" for element in ("prompt", "prefix")),
    *(
        f"priming/{meta}/learning_rates/{element}"
        for meta in ("maml", "reptile")
        for element in ("adapter", "prompt", "prefix")
    ),
    *(f"priming/maml/inner_learning_rates/{element}" for element in ("plm", "adapter", "prefix")),
    *(f"priming/reptile/inner_learning_rates/{element}" for element in ("adapter", "prompt", "prefix")),
    *(
        f"priming/{algorithm}/validation/{key}"
        for algorithm in ("mtl", "maml")
        for key in ("every", "steps", "samples")
    ),
    *(f"priming/{meta}/{key}" for meta in ("maml", "reptile") for key in ("normalise_inner", "inner_state")),
    "priming/maml/inner_optimizer",
    "figures/parameter_efficiency/y",
    "figures/convergence/rising",
    "figures/convergence/strategies",
    "figures/tasks/of",
    "figures/tasks/strategies",
    "figures/groups/strategies",
    "figures/charts/panels",
}
EVERYTHING = {"prepare", "pretrain", "prime", "tune", "score", "tables", "figure"}
# The steps whose own settings have the leaf, or that make results that were not asked for before. `prime` in rows on
# tuning and scoring is the priming that keeps its best checkpoint.
MATTERS: dict[str, set[str]] = {
    "name": EVERYTHING,
    "title": {"tables"},
    "question": {"tables"},
    "plms": {"pretrain"},
    "plms/local/max_input": {"prime", "tune"},
    "tasks/define": {"prepare"},
    # Of a task without labels it matters what stands in for ranking.
    **{f"tasks/define/mine/{key}": {"prepare", "tune"} for key in ("kind", "hub", "labels", "threshold")},
    # Questions without templates are a group of their own.
    **{f"tasks/define/mine/{key}": {"prepare", "tables"} for key in ("choices", "counted_from", "group")},
    **{f"tasks/define/mine/{key}": {"prepare", "tune", "score", "tables"} for key in ("templates", "classes")},
    "tasks/generated": {"prepare"},
    "tasks/groups": {"tables"},
    "tasks/source": {"prime", "tables"},
    "tasks/source_limit": {"prepare"},
    "tasks/development": {"prime", "tables"},
    "tasks/target": {"prepare", "tune", "score", "tables"},
    "tasks/shots": {"prepare", "tables"},
    "tasks/shots_in_all": {"prepare", "tables"},
    "tasks/samples": {"prepare", "tune", "score", "tables"},
    **{f"tasks/{key}": {"prepare"} for key in ("test_limit", "draw", "dev_set", "duplicates")},
    "tasks/task_prefix": {"prime", "tune"},
    "elements": {"prime", "tune"},
    "elements/prefix": {"tune"},
    "priming": {"prime"},
    "strategies": {"tune", "score", "tables"},
    "seeds": {"prime", "tune", "score", "tables"},
    "tuning": {"prime", "tune"},
    **{f"tuning/{length}": {"tune"} for length in ("steps", "epochs")},
    "tuning/learning_rates": {"tune"},
    "tuning/learning_rates/adapter": {"prime", "tune"},
    "tuning/bank_tasks": {"tune"},
    "tuning/save_plm": {"tune"},
    # A priming's checkpoints are judged by the best scores, which ties leave as they are.
    "tuning/ties": {"tune"},
    "scoring": {"prime", "tune", "tables"},
    "scoring/decoders": {"tune", "score", "tables"},
    "scoring/metrics": {"score", "tables"},
    **{f"scoring/{key}": {"tables"} for key in ("arg_baseline", "arg_over", "arg_plm", "beam", "compare", "deviation")},
    "scoring/published": {"tables"},
    "compute/precision": {"prime", "tune"},
    "compute/split": {"prime", "tune"},
    "compute/checkpointing": {"prime", "tune"},
    "compute/attention": {"prime", "tune"},
    "compute/compile": {"prime", "tune"},
    "figures/draw": {"figure"},
    "figures/style": {"figure"},
    "figures/strategy_matrix": {"figure"},
    "figures/compute": {"figure"},
    **{f"plms/{name}/max_input": {"pretrain", "prime", "tune"} for name in ("own", "small")},
    # Not generated, `own` keeps inputs of the default length.
    **{f"plms/own/{origin}": {"pretrain", "prime", "tune"} for origin in ("path", "hub", "revision", "convert")},
    **{f"plms/{name}/seeds": {"pretrain", "prime", "tune", "score", "tables"} for name in ("own", "small", "local")},
    **{
        f"plms/{name}/{key}": {"prime", "tune"}
        for name in ("own", "small", "local")
        for key in ("max_output", "end_tokens")
    },
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the rich study, all current, beside the rows of its own task."""
    folder = tmp_path_factory.mktemp("rich")
    for name in ("mine.csv", "test.csv", "mine.csvx", "test.csvx", "else"):
        (folder / name).write_text("text,label\na,b\n")
    settle(Recipes(BEFORE, folder, folder))
    return folder


def other(name: str) -> Study:
    leaf, annotation, value = LEAVES[name]
    return changed(BEFORE.study, RICH, leaf, annotation, value)


@pytest.mark.parametrize(("key", "value"), [("leave_out", ["adapter"]), ("prime", False)])
def test_what_a_plm_leaves_out_is_gone_and_only_tables_and_figures_know(results: Path, key: str, value: Any) -> None:
    after = graph(Study.model_validate(with_value(RICH, f"plms/small/{key}", value)))
    assert after.results.keys() < BEFORE.results.keys()
    gone = {BEFORE.results[path].strategy for path in BEFORE.results.keys() - after.results.keys()} - {None}
    assert gone
    assert all("adapter" in strategy.moved if key == "leave_out" else strategy.priming for strategy in gone if strategy)
    recipes = Recipes(after, results, results)
    stale = {path for path in after.results if not recipes.current(path)}
    assert {after.results[path].step for path in stale} == {"tables", "figure"}


def expected(leaf: Leaf) -> set[str]:
    """The row of the longest part of the leaf that has one."""
    return next((MATTERS[name] for n in range(len(leaf), 0, -1) if (name := "/".join(leaf[:n])) in MATTERS), set())


def own(before: Graph, after: Graph) -> set[str]:
    """The results that are new, or whose own settings differ."""
    return {
        path
        for path, result in after.results.items()
        if path not in before.results or before.results[path].settings != result.settings
    }


def followed(jobs: Graph, paths: Iterable[str]) -> set[str]:
    """Results with all that are made from them, directly or through others."""
    found = set(paths)
    for path, result in jobs.results.items():  # each after those it is made from
        if found & set(result.inputs):
            found.add(path)
    return found


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - FIXED - OF_CODE - FEWER))
def test_another_value(name: str, results: Path) -> None:
    before, after = BEFORE, graph(other(name))
    changed_itself = own(before, after)
    steps = {after.results[path].step for path in changed_itself}
    assert steps == (set() if name in NOTHING else expected(LEAVES[name][0]))
    assert bool(steps) is (name not in NOTHING)

    # The texts of PLM `own` are those of the source tasks, in their order.
    reordered = {"results/rich/plm/own"} if name == "tasks/source" else set()
    recipes = Recipes(after, results, results)
    stale = {path for path in after.results if not recipes.current(path)}
    assert stale == followed(after, changed_itself | reordered)
    assert {
        job.out for job in after.jobs.values() if any(not recipes.current(result.path) for result in job.results)
    } == {after.maker[p] for p in stale}

    # DVC is told of exactly the stages that have such results themselves.
    told_before, told_after = (
        {found.out: settings(found) for found in stages(jobs).values()} for jobs in (before, after)
    )
    told = {out for out in told_after if told_after[out] != told_before.get(out)}
    assert told == {
        found.out
        for found in stages(after).values()
        if {result.path for result in found.results} & (changed_itself | reordered)
    }


@pytest.mark.parametrize("name", sorted(FIXED))
def test_a_leaf_with_one_value(name: str) -> None:
    with pytest.raises(LookupError):
        other(name)


def test_the_lists_name_leaves() -> None:
    assert LEAVES.keys() >= FIXED | NOTHING | OF_CODE
    for name in MATTERS:
        assert any(leaf == name or leaf.startswith(f"{name}/") for leaf in LEAVES), name
