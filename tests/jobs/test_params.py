"""Every key of the study file makes stale what it matters to, and nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from priming.jobs.graph import Graph, Result, graph
from priming.jobs.params import tables_params
from priming.published import numbers
from priming.published.sheets import Sheet
from priming.study import Study
from tests.tiny_study import RICH, with_value

Chosen = Callable[[Result], bool]


def step(*names: str) -> Chosen:
    return lambda result: result.step in names


def task(*names: str) -> Chosen:
    return lambda result: result.step == "prepare" and result.task in names


def plm(*names: str) -> Chosen:
    return lambda result: result.step == "pretrain" and result.plm in names


def primed_by(*sections: str) -> Chosen:
    return lambda result: result.step == "prime" and result.priming is not None and result.priming.section in sections


def cell(*tuned: str) -> Chosen:
    return lambda result: (
        result.step == "tune" and result.strategy is not None and bool(set(tuned) & set(result.strategy.tuned))
    )


def priming_moves(element: str) -> Chosen:
    return lambda result: result.step == "prime" and result.priming is not None and element in result.priming.elements


def using(name: str) -> Chosen:
    """Primings and cells of a PLM."""
    return lambda result: result.step in {"prime", "tune"} and result.plm == name


def figure(name: str) -> Chosen:
    return lambda result: result.figure == name


def either(*chosen: Chosen) -> Chosen:
    return lambda result: any(choose(result) for choose in chosen)


def both(*chosen: Chosen) -> Chosen:
    return lambda result: all(choose(result) for choose in chosen)


def nothing(_: Result) -> bool:
    return False


best = primed_by("reptile")  # keeps the best by tunings of `-> adapter`
scored = either(step("tune"), best, step("tables"))
tuned = either(step("tune"), best)
prompts = either(cell("prompt"), priming_moves("prompt"))
adapters = either(cell("adapter"), priming_moves("adapter"), best)
cases: list[tuple[str, Any, Chosen]] = [
    ("title", "t", step("tables")),
    ("question", "q", step("tables")),
    ("plms/small/generate", {"architecture": {"layers": 1}}, plm("small")),
    ("plms/own/generate", {"pretraining": {"texts": "source_tasks", "seed": 3}}, plm("own")),
    ("plms/local/path", "models/other", plm("local")),
    ("plms/small/max_input", 20, either(plm("small"), using("small"))),
    ("plms/local/max_input", 20, using("local")),
    ("plms/small/max_output", 6, using("small")),
    ("plms/small/end_tokens", "outputs", using("small")),
    ("tasks/define/mine/input", "say {text}", task("mine")),
    ("tasks/define/mine/unusable", "refuse", nothing),
    ("tasks/define/mine/unusable", "drop", task("mine")),
    ("tasks/define/mine/unusable_share", 0.2, nothing),
    ("tasks/hub_folder", "elsewhere", nothing),
    ("tasks/storycloze", {"validation": "mine.csv", "test": "test.csv"}, nothing),
    (
        "tasks/generated",
        {"train": 90},
        task("film_verdict", "day_mood", "hotel_review", "report_time", "price_compare"),
    ),
    ("tasks/source", ["day_mood", "film_verdict"], either(step("prime"), step("tables"))),
    ("tasks/development", ["report_time", "hotel_review"], either(best, step("tables"))),
    ("tasks/target", ["price_compare", "mine"], step("tables")),
    ("tasks/groups", {"mine": ["mine"]}, step("tables")),
    ("tasks/shots", 3, either(task("hotel_review", "report_time", "price_compare"), step("tables"))),
    ("tasks/shots_in_all", 3, either(task("mine"), step("tables"))),
    ("tasks/draw", "in_all", task("hotel_review", "report_time", "price_compare")),
    ("tasks/draw", "per_class", task("mine")),
    ("tasks/dev_set", "split", task("mine", "price_compare", "hotel_review", "report_time")),
    ("tasks/dev_set", "drawn", nothing),
    ("tasks/duplicates", "keep", step("prepare")),
    ("tasks/duplicates", "drop", nothing),
    ("tasks/define/mine/files", {"train": "mine.csv", "test": "test.csv", "dev": "dev.csv"}, task("mine")),
    ("tasks/define/mine/files", {"rows": "mine.csv"}, task("mine")),
    (
        "tasks/samples",
        [13, 21, 7],
        either(task("mine", "price_compare", "hotel_review", "report_time"), step("tune", "score", "tables")),
    ),
    ("tasks/task_prefix", True, step("prime", "tune")),
    ("tasks/source_limit", 1000, task("film_verdict", "day_mood")),
    ("tasks/partition", "random", nothing),
    ("tasks/without", [], nothing),
    ("tasks/fidelity", "fixed", nothing),
    ("tasks/source_rows", "samples", nothing),
    ("tasks/test_limit", 9, task("mine", "price_compare", "hotel_review", "report_time")),
    ("elements/adapter", {"bottleneck": 2}, adapters),
    ("elements/prompt", {"length": 3}, prompts),
    ("elements/prefix", {"length": 3}, cell("prefix")),
    ("priming/mtl/clip", 2.0, primed_by("mtl", "mtl:short")),
    ("priming/mtl/loss", "sum", primed_by("mtl", "mtl:short")),
    ("priming/maml/label_smoothing", 0.1, primed_by("maml")),
    ("priming/reptile/target_space", True, best),
    ("priming/mtl/budget", {"steps": 7}, primed_by("mtl")),
    ("priming/mtl/learning_rates/plm", 0.2, primed_by("mtl", "mtl:short")),
    ("priming/mtl/learning_rates/adapter", 0.2, primed_by("mtl")),
    ("priming/mtl/learning_rates/prefix", 0.2, nothing),
    ("priming/mtl/validation", {"steps": 7}, nothing),
    ("priming/mtl/optimizer", "sgd", primed_by("mtl", "mtl:short")),
    ("priming/maml/optimizer", "adamw", nothing),
    ("priming/maml/order", "second", primed_by("maml")),
    ("priming/maml/inner_learning_rates/prompt", 0.2, primed_by("maml")),
    ("priming/maml/inner_learning_rates/adapter", 0.2, nothing),
    ("priming/reptile/validation", {"steps": 7}, best),
    ("priming/reptile/keep", "last", best),
    ("priming/variants/mtl:short", {"budget": {"steps": 6}}, primed_by("mtl:short")),
    ("priming/plms", {"small": {"mtl": {"clip": 2.0}}}, both(using("small"), primed_by("mtl", "mtl:short"))),
    (
        "tuning/exceptions",
        [{"plms": ["local"], "batch_sizes": [7]}],
        either(both(using("local"), step("tune")), both(using("local"), best)),
    ),
    (
        "tuning/exceptions",
        [{"algorithms": ["none"], "bank": 7}],
        both(step("tune"), lambda result: result.priming is None),
    ),
    ("tuning/exceptions", [{"elements": ["plm"], "learning_rates": {"plm": [0.7]}}], cell("plm")),
    ("tuning/steps", 7, step("tune")),
    ("tuning/epochs", 3, step("tune")),
    ("tuning/keep", "last", tuned),
    ("tuning/keep", "best", nothing),
    ("tuning/optimizer", "sgd", tuned),
    ("tuning/optimizer", "adamw", nothing),
    ("tuning/save_plm", True, cell("plm")),
    ("tuning/evaluate_every", 7, tuned),
    ("tuning/learning_rates", {"prompt": [0.3]}, cell("prompt")),
    ("tuning/learning_rates", {"adapter": [0.3]}, either(cell("adapter"), best)),
    ("tuning/batch_sizes", [8], tuned),
    ("tuning/warmup", 0.2, tuned),
    ("tuning/schedule", "constant", tuned),
    ("tuning/schedule", "linear", nothing),
    ("tuning/group_by_length", 7, tuned),
    ("tuning/group_by_length", 1, nothing),
    ("tuning/weight_decay", 0.2, tuned),
    ("tuning/clip", 0.2, tuned),
    ("tuning/dropout", 0.2, tuned),
    ("tuning/loss", "sum", tuned),
    ("tuning/label_smoothing", 0.1, tuned),
    ("tuning/ties", "first", step("tune")),
    ("tuning/bank", 7, tuned),
    ("tuning/bank_tasks", 2, step("tune")),
    ("tuning/chunk", 1, nothing),
    ("scoring/decoder", "greedy", scored),
    ("scoring/metric", "exact_match", scored),
    ("scoring/decoders", ["ranking"], step("tune", "score", "tables")),
    ("scoring/metrics", ["accuracy"], step("score", "tables")),
    ("scoring/length_normalised", True, scored),
    ("scoring/beam", 2, step("tables")),
    ("scoring/arg_baseline", "none -> prompt", step("tables")),
    ("scoring/arg_plm", "small", step("tables")),
    ("scoring/arg_over", "tasks", nothing),
    ("scoring/deviation", "population", step("tables")),
    ("scoring/compare", [{"first": "none -> plm", "second": "none -> prompt"}], step("tables")),
    ("scoring/published", {"adl2022": {"small": "BART"}}, step("tables")),
    ("compute/precision", "bfloat16", step("prime", "tune")),
    ("compute/split", 2, step("prime", "tune")),
    ("compute/checkpointing", True, step("prime", "tune")),
    ("compute/attention", "fused", step("prime", "tune")),
    ("compute/compile", "on", step("prime", "tune")),
    ("compute/device", "cpu", nothing),
    ("compute/gpus", 2, nothing),
    ("figures/style", {"dpi": 30}, step("figure")),
    ("figures/strategy_matrix", {"value": "gain"}, figure("strategy_matrix")),
    ("elements/lora", {"rank": 2}, nothing),
    ("elements/head", {"hidden": True}, nothing),
    ("extensions", [], nothing),
    ("figures/compute", {"strategies": ["mtl[plm+adapter] -> adapter"]}, figure("compute")),
    ("figures/tasks", {"strategies": ["none -> plm"]}, nothing),
]
ONLY_TOGETHER = {"tasks/dev_limit"}
CHANGED_BY_ITEMS = {"name", "plms", "seeds", "strategies", "figures/draw"}
NOT_DRAWN = {"figures/parameter_efficiency", "figures/convergence", "figures/groups", "figures/tasks", "figures/charts"}


def own_slices(study: dict[str, Any]) -> Graph:
    return graph(Study.model_validate(study))


@pytest.mark.parametrize(("key", "value", "chosen"), cases, ids=[f"{key}={value}" for key, value, _ in cases])
def test_a_key_changes_the_slices_it_matters_to(key: str, value: Any, chosen: Chosen) -> None:
    before, after = own_slices(RICH), own_slices(with_value(RICH, key, value))
    assert before.results.keys() == after.results.keys()
    changed = {path for path in before.results if before.results[path].settings != after.results[path].settings}
    assert changed == {path for path, result in before.results.items() if chosen(result)}


GYM = with_value(
    with_value(RICH, "tasks/source", ["film_verdict", "glue-rte", "xsum"]), "tasks/target", ["price_compare", "piqa"]
)
gym_cases: list[tuple[str, Any, Chosen]] = [
    ("tasks/fidelity", "fixed", task("glue-rte", "xsum", "piqa")),
    ("tasks/source_rows", "samples", task("glue-rte", "xsum")),
    ("tasks/source_limit", 1000, task("film_verdict", "glue-rte", "xsum")),
    ("tasks/shots", 3, either(task("hotel_review", "report_time", "price_compare", "piqa"), step("tables"))),
    ("tasks/shots_in_all", 3, step("tables")),
    ("tasks/generated", {"train": 90}, task("film_verdict", "hotel_review", "report_time", "price_compare")),
]


@pytest.mark.parametrize(("key", "value", "chosen"), gym_cases, ids=[key for key, _, _ in gym_cases])
def test_a_key_changes_the_slices_of_crossfits_tasks_that_it_matters_to(key: str, value: Any, chosen: Chosen) -> None:
    before, after = own_slices(GYM), own_slices(with_value(GYM, key, value))
    changed = {path for path in before.results if before.results[path].settings != after.results[path].settings}
    assert changed == {path for path, result in before.results.items() if chosen(result)}


@pytest.mark.parametrize(
    ("key", "value", "chosen"),
    [("unusable", "drop", nothing), ("unusable", "refuse", task("mine")), ("unusable_share", 0.2, task("mine"))],
)
def test_which_rows_may_be_dropped_matters_where_some_may(key: str, value: Any, chosen: Chosen) -> None:
    study = with_value(RICH, "tasks/define/mine", {"hub": {"id": "a/b"}, "input": "{text}", "output": "label"})
    before, after = own_slices(study), own_slices(with_value(study, f"tasks/define/mine/{key}", value))
    changed = {path for path in before.results if before.results[path].settings != after.results[path].settings}
    assert changed == {path for path, result in before.results.items() if chosen(result)}


def test_the_limit_of_a_development_split_matters_to_what_is_drawn() -> None:
    split = with_value(RICH, "tasks/dev_set", "split")
    before, after = own_slices(split), own_slices(with_value(split, "tasks/dev_limit", 50))
    changed = {path for path in before.results if before.results[path].settings != after.results[path].settings}
    drawn = task("mine", "price_compare", "hotel_review", "report_time")
    assert changed == {path for path, result in before.results.items() if drawn(result)}


def test_keys_that_came_later_add_nothing_at_their_defaults() -> None:
    later = {"draw", "dev_set", "dev_limit", "duplicates", "dev", "epochs", "keep"}
    for path, result in own_slices(RICH).results.items():
        if result.step == "prepare":
            said = {*result.settings, *((result.settings.get("define") or {}).get("files") or {})}
        else:
            said = set(result.settings.get("tuning", {}))
        assert not said & (later | ({"optimizer"} if result.step == "tune" else set())), path


def test_what_tunes_nothing_depends_on_no_setting_of_tuning() -> None:
    study = with_value(RICH, "strategies", ["none -> plm", "none -> nothing", "reptile[plm | plm x2] -> nothing"])
    changes = {"steps": 7, "keep": "last", "optimizer": "sgd", "batch_sizes": [3], "learning_rates": {"plm": [0.1]}}
    changes |= {"bank": 5, "bank_tasks": 2, "chunk": 1, "save_plm": True}
    before, after = own_slices(study), own_slices(with_value(study, "tuning", changes))
    changed = {path for path in before.results if before.results[path].settings != after.results[path].settings}
    assert changed == {path for path, result in before.results.items() if cell("plm")(result)}
    modules = {result.strategy: result.modules for result in before.results.values() if result.step == "tune"}
    tuning = {"priming.runs.update_rules.adamw", "priming.protocol.keeping.best"}
    assert [set(found) & tuning for found in modules.values()] == [tuning, set(), set()]


def test_a_plm_of_known_family_runs_no_code_of_others() -> None:
    for given, families in (({}, {"bart", "t5", "causal", "bert"}), ({"family": "t5"}, {"t5"})):
        found = own_slices(with_value(RICH, "plms", {"mini": {"path": ".", **given}})).results.values()
        named = {module for result in found for module in result.modules}
        assert named & {f"priming.backbones.{name}" for name in ("bart", "t5", "causal", "bert")} == {
            f"priming.backbones.{name}" for name in families
        }
        assert ("priming.forms.label" in named) == ("bert" in families)
    [plm] = [result for result in found if result.step == "pretrain"]
    assert plm.settings["path"] == "."
    assert not {"family", "leave_out"} & set(plm.settings)


def test_a_draw_is_code_of_the_tasks_that_it_draws() -> None:
    study = with_value(RICH, "tasks/draw", "in_all")
    modules = {result.task: set(result.modules) for result in own_slices(study).results.values() if result.task}
    draws = {name: {module for module in found if ".draws." in module} for name, found in modules.items()}
    assert draws["film_verdict"] == set()
    assert draws["hotel_review"] == {"priming.protocol.draws.in_all"}
    usual = {r.task: r.modules for r in own_slices(RICH).results.values() if r.step == "prepare"}
    assert usual["hotel_review"][1:] == ("priming.protocol.draws.per_class", "priming.forms.text")
    assert usual["mine"][1:] == ("priming.protocol.draws.in_all", "priming.forms.text")


def test_a_task_of_own_files_has_the_recipe_that_it_had_before_rows_could_be_dropped() -> None:
    mine = own_slices(RICH).results["results/rich/tasks/mine"]
    keys = ["files", "hub", "input", "kind", "labels", "metric", "output", "threshold"]
    assert sorted(mine.settings["define"]) == keys


def test_a_task_of_crossfit_depends_on_its_own_entry_and_code() -> None:
    results = {result.task: result for result in own_slices(GYM).results.values() if result.step == "prepare"}
    assert results["piqa"].settings["entry"]["input"] == "goal: {goal} [SEP] solution 1{sol1} [SEP] solution 2{sol2}"
    assert "rte" not in str(results["piqa"].settings)
    assert {
        name: result.modules[0] for name, result in results.items() if "crossfit" in result.modules[0]
    } == dict.fromkeys(("glue-rte", "xsum", "piqa"), "priming.tasks.crossfit.prepare")


def keys(value: Any, prefix: str = "") -> Iterator[str]:
    """Keys of sections, two or three deep as the cases give them."""
    for name, part in value.items():
        path = f"{prefix}/{name}" if prefix else name
        yield path
        if isinstance(part, dict) and path.count("/") < 2:
            yield from keys(part, path)


def test_every_key_is_in_a_case(rich: Study) -> None:
    cased = {key for key, _, _ in cases} | ONLY_TOGETHER
    shared = {f"priming/{algorithm}" for algorithm in ("mtl", "maml", "reptile")}
    for key in keys(rich.model_dump()):
        parents = {key.rsplit("/", n)[0] for n in range(key.count("/") + 1)}
        covered = parents & cased or any(case.startswith(f"{key}/") for case in cased)
        # The settings of an algorithm go into its slice as a whole, with the exceptions that have cases of their own.
        assert covered or parents & (CHANGED_BY_ITEMS | NOT_DRAWN | shared), key


def test_an_algorithm_without_a_strategy_matters_to_nothing() -> None:
    without = with_value(RICH, "strategies", ["none -> plm", "mtl[plm+adapter] -> adapter"])
    before, after = own_slices(without), own_slices(with_value(without, "priming/maml/budget", {"steps": 3}))
    assert {path: result.settings for path, result in before.results.items()} == {
        path: result.settings for path, result in after.results.items()
    }


def test_another_published_number_changes_the_slice_of_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study.model_validate(with_value(RICH, "scoring/published", {"adl2022": {"small": "BART"}}))
    before = tables_params(study)
    known = {name: numbers.sheet(name) for name in ("adl2022_scores", "adl2022_arg")}
    first, *others = known["adl2022_arg"].rows
    changed = known | {"adl2022_arg": Sheet("", ({**first, "arg_percent": "-3.4"}, *others))}
    monkeypatch.setattr(numbers, "sheet", changed.__getitem__)
    assert tables_params(study) != before
    monkeypatch.setattr(numbers, "sheet", known.__getitem__)
    assert tables_params(study) == before


@pytest.mark.parametrize(
    ("scoring", "chosen"),
    [
        ({"decoder": "beam", "decoders": ["beam", "ranking"]}, scored),
        ({"decoder": "ranking", "decoders": ["ranking", "beam"]}, scored),
        ({"decoder": "greedy", "decoders": ["greedy", "beam"]}, either(step("tune"), step("tables"))),
    ],
    ids=["selects", "generates for tasks without labels", "is reported"],
)
def test_the_width_of_beams_matters_where_beams_are_used(scoring: dict[str, Any], chosen: Chosen) -> None:
    study = with_value(RICH, "scoring", scoring)
    before, after = own_slices(study), own_slices(with_value(study, "scoring/beam", 2))
    changed = {path for path in before.results if before.results[path].settings != after.results[path].settings}
    assert changed == {path for path, result in before.results.items() if chosen(result)}


def test_a_variant_holds_the_merged_settings() -> None:
    results = own_slices(RICH).results
    short = results["results/rich/primed/small/mtl.short-plm/seed-1"].settings["algorithm"]
    assert short["budget"] == {"steps": 5, "examples": None, "flops": None, "executed_flops": None}
    assert short["learning_rates"] == {"plm": 1e-3}
