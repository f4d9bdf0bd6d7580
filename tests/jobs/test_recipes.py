"""Which results are stale, on results that hold one line each."""

import json
import os
import shutil
from pathlib import Path

import pytest

from priming import digests
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes, write
from priming.study import Study
from tests.tiny_study import TINY, again, put, settle

PRIMED = "results/tiny/primed/mini/mtl-plm+adapter/seed-1"
CELL = "results/tiny/tuned/mini/mtl-plm+adapter--adapter/seed-1/dinner_review"
CHUNK = "results/tiny/tuned/mini/mtl-plm+adapter--adapter/chunks/00"
FIGURES = {"results/tiny/figures/strategy_matrix", "results/tiny/figures/tasks"}
TABLES = "results/tiny/tables"


def stale_results(recipes: Recipes) -> set[str]:
    return {path for path in recipes.graph.results if recipes.stale(path)}


def scores_of(cell: str) -> str:
    return cell.replace("/tuned/", "/scores/")


def stale(recipes: Recipes) -> set[str]:
    return {job.out for job in recipes.graph.jobs.values() if recipes.stale_job(job)}


def asking(study: Study, results: Path, **sections: dict[str, object]) -> Recipes:
    """The recipes over the same results of a study with other values."""
    changed = {name: getattr(study, name).model_copy(update=values) for name, values in sections.items()}
    return again(graph(study.model_copy(update=changed)), results)


def test_what_was_made_as_asked_is_current(settled: Recipes) -> None:
    assert stale(settled) == set()
    assert all(settled.current(path) for path in settled.graph.results)


def test_times_do_not_count(settled: Recipes) -> None:
    for file in settled.root.rglob("*"):
        os.utime(file, (1e9, 1e9))
    assert stale(again(settled.graph, settled.root)) == set()


def test_a_copy_elsewhere_is_current(settled: Recipes, tmp_path: Path) -> None:
    shutil.copytree(settled.root / "results", tmp_path / "elsewhere" / "results")
    copy = again(settled.graph, tmp_path / "elsewhere")
    assert stale(copy) == set()
    assert all(copy.current(path) for path in copy.graph.results)


def test_a_tuning_rate_makes_its_cells_stale(settled: Recipes, tiny: Study) -> None:
    rates = tiny.tuning.learning_rates.model_copy(update={"prompt": [0.1]})
    found = stale_results(asking(tiny, settled.root, tuning={"learning_rates": rates}))
    cells = {
        f"results/tiny/tuned/mini/maml-plm+prompt-prompt.x1--prompt/seed-{s}/{t}"
        for s in (1, 2)
        for t in tiny.tasks.target
    }
    assert found == {*cells, *map(scores_of, cells), TABLES, *FIGURES}


def test_another_list_of_metrics_or_fewer_decoders_score_again_and_tune_nothing(settled: Recipes, tiny: Study) -> None:
    scores = {path for path, result in settled.graph.results.items() if result.step == "score"}
    assert len(scores) == 16
    for change in ({"metrics": ["accuracy", "rouge_l"]}, {"decoders": ["ranking"]}):
        assert stale_results(asking(tiny, settled.root, scoring=change)) == {*scores, TABLES, *FIGURES}


def test_a_decoder_that_has_not_predicted_or_another_that_selects_tunes_again(settled: Recipes, tiny: Study) -> None:
    tuned = {path for path, result in settled.graph.results.items() if result.step == "tune"}
    for change in ({"decoders": ["ranking", "beam"]}, {"decoder": "greedy"}, {"metric": "exact_match"}):
        assert stale_results(asking(tiny, settled.root, scoring=change)) > tuned


def test_more_decoders_make_up_for_nothing_else(settled: Recipes, tiny: Study) -> None:
    """What was predicted by more than is asked for must still be current otherwise."""
    fewer = asking(tiny, settled.root, scoring={"decoders": ["ranking"]}, tuning={"steps": 5})
    assert fewer.stale_reason(CELL) == "setting predicted.greedy {} -> null; setting tuning.steps 4 -> 5"


def test_a_priming_setting_passes_on_to_its_cells(settled: Recipes, tiny: Study) -> None:
    mtl = tiny.priming.mtl.model_copy(update={"clip": 2.0})
    found = stale_results(asking(tiny, settled.root, priming={"mtl": mtl}))
    own = {path for path in settled.graph.results if "/mtl-plm+adapter" in path}
    assert len(own) == 2 + 4 + 4
    assert found == {*own, TABLES, *FIGURES}


def test_a_style_makes_figures_stale_and_nothing_else(settled: Recipes, tiny: Study) -> None:
    style = tiny.figures.style.model_copy(update={"dpi": 30})
    assert stale_results(asking(tiny, settled.root, figures={"style": style})) == FIGURES


def test_the_size_of_chunks_makes_nothing_stale(settled: Recipes, tiny: Study) -> None:
    assert stale(asking(tiny, settled.root, tuning={"chunk": 1})) == set()


def test_a_new_target_leaves_other_cells_current(settled: Recipes, tiny: Study) -> None:
    found = asking(tiny, settled.root, tasks={"target": [*tiny.tasks.target, "plan_time"]})
    assert stale_results(found) == {TABLES, *FIGURES}
    assert {path for path in found.graph.results if not found.here(path)} == {
        path for path in found.graph.results if path.endswith("/plan_time")
    }


def test_a_result_without_recipe_is_unfinished(settled: Recipes) -> None:
    (settled.folder(PRIMED) / "recipe.json").unlink()
    found = again(settled.graph, settled.root)
    assert found.stale_reason(PRIMED) == "unfinished"
    cells = {CELL, CELL.replace("dinner_review", "price_compare")}
    assert stale_results(found) == {PRIMED, *cells, *map(scores_of, cells), TABLES, *FIGURES}


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"format": 1}', '{"format": 99}'])
def test_a_broken_recipe_is_none(settled: Recipes, broken: str) -> None:
    (settled.folder(CELL) / "recipe.json").write_text(broken)
    assert again(settled.graph, settled.root).stale_reason(CELL) == "unfinished"


def test_a_partial_copy_is_taken_on_trust(settled: Recipes) -> None:
    for part in ("plm", "primed", "tasks"):
        shutil.rmtree(settled.root / "results" / "tiny" / part)
    found = again(settled.graph, settled.root)
    assert stale(found) == set()
    assert found.current(CELL)
    assert not found.current(PRIMED)


def test_a_removed_cell_makes_its_job_and_what_follows_stale(settled: Recipes) -> None:
    shutil.rmtree(settled.folder(CELL))
    found = again(settled.graph, settled.root)
    assert found.stale_reason(CELL) == "removed"
    assert stale(found) == {CHUNK, scores_of(CHUNK), TABLES, *FIGURES}


def test_cells_without_the_folder_of_their_chunk_are_not_missed(settled: Recipes) -> None:
    shutil.rmtree(settled.folder(CELL))
    shutil.rmtree(settled.folder(CHUNK))
    assert stale(again(settled.graph, settled.root)) == set()


def test_an_input_made_again_with_the_same_content_changes_nothing(settled: Recipes) -> None:
    put(settled, PRIMED, PRIMED)
    assert stale(again(settled.graph, settled.root)) == set()


def test_an_input_that_holds_something_else_makes_its_cells_stale(settled: Recipes) -> None:
    put(settled, PRIMED, "other weights")
    found = again(settled.graph, settled.root)
    assert found.stale_reason(PRIMED) is None
    assert found.stale_reason(CELL) == f"the content of {PRIMED}"
    assert found.stale_reason(CELL.replace("seed-1", "seed-2")) is None


def test_a_result_of_another_study_copied_over_is_stale(settled: Recipes, tiny: Study, tmp_path: Path) -> None:
    mtl = tiny.priming.mtl.model_copy(update={"clip": 2.0})
    other = tmp_path / "other"
    settle(
        Recipes(
            graph(tiny.model_copy(update={"priming": tiny.priming.model_copy(update={"mtl": mtl})})), TINY.parent, other
        )
    )
    shutil.rmtree(settled.folder(PRIMED))
    shutil.copytree(other / PRIMED, settled.folder(PRIMED))
    assert again(settled.graph, settled.root).stale_reason(PRIMED) == "setting algorithm.clip 2.0 -> 1.0"


def test_a_changed_module_is_named(settled: Recipes) -> None:
    file = settled.folder(CELL) / "recipe.json"
    recipe = json.loads(file.read_text())
    recipe["code"]["priming.training.sweep"] = "another"
    recipe["chain"] = "another"
    file.write_text(json.dumps(recipe))
    assert again(settled.graph, settled.root).stale_reason(CELL) == "unfinished"  # its own digest is another
    write(file.parent, recipe)
    assert again(settled.graph, settled.root).stale_reason(CELL) == "code priming.training.sweep"


def test_a_result_that_has_lost_a_file_is_stale(settled: Recipes) -> None:
    (settled.folder(CELL) / "result.json").unlink()
    recipes = again(settled.graph, settled.root)
    assert recipes.stale_reason(CELL) == "it has lost result.json"
    assert recipes.stale_job(recipes.graph.jobs[recipes.graph.maker[CELL]])


def test_recipes_are_replaced_not_written_into(settled: Recipes) -> None:
    link = settled.root / "cache"
    os.link(settled.folder(CELL) / "recipe.json", link)
    before = link.read_text()
    put(settled, CELL, "new")
    assert link.read_text() == before
    assert (settled.folder(CELL) / "recipe.json").read_text() != before


def raw(tmp_path: Path, study: Study, text: str | None) -> Recipes:
    """The recipes of a study one of whose targets comes from a file with this text, over the same results."""
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    for name in ("train.csv", "test.csv"):
        (data / name).unlink(missing_ok=True)
        if text is not None:
            (data / name).write_text(text)
    return Recipes(graph(study), data, tmp_path)


@pytest.fixture
def filed(tiny: Study) -> Study:
    """The tiny study with a target task of the user's own."""
    fields = tiny.model_dump(exclude_unset=True)
    definition = {"files": {"train": "train.csv", "test": "test.csv"}, "input": "{text}", "output": "label"}
    fields["tasks"] |= {"define": {"mine": definition}, "target": ["dinner_review", "mine"]}
    return Study.model_validate(fields)


def test_raw_data_make_stale_what_they_went_into(filed: Study, tmp_path: Path) -> None:
    settle(raw(tmp_path, filed, "text,label\na,b\n"))
    found = raw(tmp_path, filed, "text,label\na,c\n")
    os.utime(found.base / "train.csv", (1e9, 1e9))
    assert found.stale_reason("results/tiny/tasks/mine") == "data of task mine"
    assert stale_results(found) == {path for path in found.graph.results if path.endswith("/mine")} | {TABLES, *FIGURES}


def test_the_same_raw_data_elsewhere_are_the_same(filed: Study, tmp_path: Path) -> None:
    settle(raw(tmp_path, filed, "text,label\na,b\n"))
    shutil.copytree(tmp_path / "data", tmp_path / "moved")
    assert stale(Recipes(graph(filed), tmp_path / "moved", tmp_path)) == set()


def test_content_ignores_when_and_where(tmp_path: Path) -> None:
    result = {
        "status": "done",
        "seconds": 1.0,
        "runs": [{"best_dev": 0.5, "seconds": 3}],
        "device": "cpu",
        "written": "2026",
    }
    (tmp_path / "result.json").write_text(json.dumps(result))
    (tmp_path / "weights").write_bytes(b"w")
    first = digests.content(tmp_path)
    (tmp_path / "recipe.json").write_text("{}")
    (tmp_path / "result.json").write_text(
        json.dumps({**result, "seconds": 2.0, "device": "cuda", "runs": [{"best_dev": 0.5, "seconds": 4}]})
    )
    assert digests.content(tmp_path) == first
    (tmp_path / "result.json").write_text(json.dumps({**result, "runs": [{"best_dev": 0.6}]}))
    assert digests.content(tmp_path) != first


def test_content_tells_names_and_bytes_apart(tmp_path: Path) -> None:
    found = set()
    for number, (name, text) in enumerate([("a", "x"), ("b", "x"), ("a", "y"), ("d/a", "x")]):
        file = tmp_path / str(number) / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
        found.add(digests.content(tmp_path / str(number)))
    assert len(found) == 4
