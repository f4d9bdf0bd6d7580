"""The jobs of a study, counted by hand."""

import time
from typing import Any

from priming.jobs.graph import bank_groups, graph
from priming.study import Study
from tests.tiny_study import RICH, with_value


def test_jobs_of_the_tiny_study(tiny: Study) -> None:
    jobs = graph(tiny)
    counts = {
        step: (len(jobs.outs(step)), sum(result.step == step for result in jobs.results.values()))
        for step in ("prepare", "pretrain", "prime", "tune", "score")
    }
    # 3 + 1 + 2 tasks in one chunk; one PLM; 2 primings x 2 seeds; 4 strategies, each 2 targets in one chunk x 2 seeds
    assert counts == {"prepare": (1, 6), "pretrain": (1, 1), "prime": (4, 4), "tune": (4, 16), "score": (4, 16)}
    assert jobs.outs("tables") == ["results/tiny/tables"]
    assert jobs.outs("figure") == ["results/tiny/figures/strategy_matrix", "results/tiny/figures/tasks"]


def test_a_cell_is_made_from_its_own_priming_plm_and_task(tiny: Study) -> None:
    results = graph(tiny).results
    assert results["results/tiny/tuned/mini/none--plm/seed-2/dinner_review"].inputs == (
        "results/tiny/plm/mini",
        "results/tiny/tasks/dinner_review",
    )
    assert results["results/tiny/tuned/mini/mtl-plm+adapter--adapter/seed-2/price_compare"].inputs == (
        "results/tiny/plm/mini",
        "results/tiny/primed/mini/mtl-plm+adapter/seed-2",
        "results/tiny/tasks/price_compare",
    )


def test_scores_are_made_from_a_cell_and_the_rows_of_its_task(tiny: Study) -> None:
    jobs = graph(tiny)
    scores = jobs.results["results/tiny/scores/mini/none--plm/seed-2/dinner_review"]
    cell = "results/tiny/tuned/mini/none--plm/seed-2/dinner_review"
    assert scores.inputs == (cell, "results/tiny/tasks/dinner_review")
    assert {scores.path, cell, "results/tiny/tasks/dinner_review"} < set(jobs.results["results/tiny/tables"].inputs)
    tuned, scored = (
        [result.path.partition(part)[2] for out in jobs.outs(step) for result in jobs.jobs[out].results]
        for step, part in (("tune", "/tuned"), ("score", "/scores"))
    )
    assert tuned == scored


def test_a_metric_is_code_of_the_scores_that_report_it_and_of_the_tunings_that_it_selects(tiny: Study) -> None:
    """With `task` each task's own: accuracy where there are labels."""

    def using(step: str, name: str, **scoring: Any) -> bool:
        changed = tiny.scoring.model_copy(update=scoring)
        results = graph(tiny.model_copy(update={"scoring": changed})).results.values()
        found = {f"priming.evaluation.metrics.{name}" in result.modules for result in results if result.step == step}
        assert len(found) == 1
        return found.pop()

    assert (using("tune", "accuracy"), using("score", "accuracy"), using("tables", "accuracy")) == (True, True, True)
    assert (using("tune", "exact_match"), using("score", "exact_match")) == (False, True)
    assert (using("tune", "rouge_l"), using("score", "rouge_l"), using("prime", "accuracy")) == (False, False, False)
    both = {"metric": "task", "metrics": ["task", "pearson"]}
    assert (using("tune", "accuracy", **both), using("tune", "pearson", **both)) == (True, False)
    assert (using("score", "pearson", **both), using("score", "exact_match", **both)) == (True, False)


def test_a_tuning_job_follows_the_jobs_of_all_its_seeds(tiny: Study) -> None:
    jobs = graph(tiny)
    job = jobs.jobs["results/tiny/tuned/mini/mtl-plm+adapter--adapter/chunks/00"]
    assert jobs.inputs(job) == [
        "results/tiny/plm/mini",
        "results/tiny/primed/mini/mtl-plm+adapter/seed-1",
        "results/tiny/tasks/chunks/00",
        "results/tiny/primed/mini/mtl-plm+adapter/seed-2",
    ]


def test_development_tasks_matter_only_where_they_choose(rich: Study) -> None:
    results = graph(rich).results
    development = "results/rich/tasks/hotel_review"
    chosen = {
        result.priming.section
        for result in results.values()
        if result.step == "prime" and result.priming and development in result.inputs
    }
    assert chosen == {"reptile"}


def test_a_plm_trained_on_source_tasks_is_made_from_them(rich: Study) -> None:
    results = graph(rich).results
    assert results["results/rich/plm/own"].inputs == ("results/rich/tasks/film_verdict", "results/rich/tasks/day_mood")
    assert results["results/rich/plm/small"].inputs == ()


def test_a_new_target_changes_no_other_item(tiny: Study) -> None:
    more = tiny.model_copy(
        update={"tasks": tiny.tasks.model_copy(update={"target": [*tiny.tasks.target, "plan_time"]})}
    )
    before, after = graph(tiny).results, graph(more).results
    assert {path for path, result in after.items() if before.get(path) != result} == {
        "results/tiny/tasks/plan_time",
        *(
            f"results/tiny/{part}/mini/{strategy.slug}/seed-{seed}/plan_time"
            for part in ("tuned", "scores")
            for strategy in tiny.parsed_strategies
            for seed in (1, 2)
        ),
        "results/tiny/tables",
    }


def test_tasks_that_share_banks_are_full_groups_and_those_left_over_are_alone(tiny: Study) -> None:
    names = ["dinner_review", "price_compare", "plan_time", "plant_kind", "parcel_kind"]

    def with_targets(number: int) -> Study:
        tuning = tiny.tuning.model_copy(update={"bank_tasks": 2, "chunk": 3})
        return tiny.model_copy(
            update={"tasks": tiny.tasks.model_copy(update={"target": names[:number]}), "tuning": tuning}
        )

    assert bank_groups(with_targets(5)) == [
        ("dinner_review", "price_compare"),
        ("plan_time", "plant_kind"),
        ("parcel_kind",),
    ]
    assert bank_groups(tiny) == [("dinner_review",), ("price_compare",)]
    before, after = graph(with_targets(4)).results, graph(with_targets(5)).results
    changed = {result.task for path, result in after.items() if before.get(path) != result and result.step == "tune"}
    assert changed == {"parcel_kind"}
    cell = after["results/tiny/tuned/mini/none--plm/seed-1/plan_time"]
    assert cell.inputs == ("results/tiny/plm/mini", "results/tiny/tasks/plan_time", "results/tiny/tasks/plant_kind")
    assert cell.settings["together"] == ["plan_time", "plant_kind"]
    # A chunk of three holds one group of two: no group is divided between jobs.
    assert [len(graph(with_targets(5)).jobs[out].results) for out in graph(with_targets(5)).outs("tune")[:3]] == [
        4,
        4,
        2,
    ]


def test_chunks_hold_consecutive_targets(tiny: Study) -> None:
    ones = tiny.model_copy(update={"tuning": tiny.tuning.model_copy(update={"chunk": 1})})
    jobs = graph(ones)
    folder = "results/tiny/tuned/mini/none--plm/chunks"
    assert {
        out: {result.task for result in jobs.jobs[out].results} for out in jobs.outs("tune") if out.startswith(folder)
    } == {
        f"{folder}/00": {"dinner_review"},
        f"{folder}/01": {"price_compare"},
    }


def test_only_the_study_decides() -> None:
    changed: dict[str, Any] = with_value(RICH, "title", "another")
    assert graph(Study.model_validate(RICH)).results == graph(Study.model_validate(RICH)).results
    assert graph(Study.model_validate(changed)).results != graph(Study.model_validate(RICH)).results


def test_five_thousand_cells_are_described_in_a_moment(rich: Study) -> None:
    targets = [f"t{n}" for n in range(140)]
    define = dict.fromkeys(targets, rich.tasks.define["mine"])
    tasks = rich.tasks.model_copy(update={"define": define, "target": targets})
    many = rich.model_copy(update={"tasks": tasks, "seeds": [1, 2]})
    start = time.process_time()
    jobs = graph(many)
    assert sum(result.step == "tune" for result in jobs.results.values()) == 3 * 6 * 140 * 2
    assert sum(len(jobs.inputs(job)) for job in jobs.jobs.values()) > 0
    assert time.process_time() - start < 5
