"""Running one job: what is refused, what is made, and what is left as it was."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from priming.errors import DataError, StudyError
from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.running import steps
from priming.study import Study
from tests.tiny_study import TINY

CHUNK = "results/tiny/tasks/chunks/00"
TASKS = ("film_verdict", "day_mood", "age_compare", "hotel_review", "dinner_review", "price_compare")


@pytest.fixture
def study_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(TINY, tmp_path / "tiny.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRIMING_RUNLOG", str(tmp_path / "runlog"))
    return Path("tiny.yaml")


def executed() -> list[str]:
    lines = Path("runlog").read_text().splitlines()
    Path("runlog").unlink()
    return [line.rpartition("/")[2] for line in lines]


def test_a_job_makes_its_items_and_says_so(study_file: Path, tiny: Study) -> None:
    steps.run("prepare", study_file, CHUNK)
    assert executed() == list(TASKS)
    recipes = Recipes(graph(tiny), Path())
    assert all(recipes.current(f"results/tiny/tasks/{task}") for task in TASKS)
    assert Path(CHUNK, "recipe.json").is_file()
    assert {path.as_posix() for path in Path("work/tiny").rglob("*")} == {
        f"work/tiny/{folder}" for folder in ("attempts", "locks", "running")
    }


def test_only_what_is_not_current_is_made_again(study_file: Path) -> None:
    steps.run("prepare", study_file, CHUNK)
    executed()
    before = {path: path.stat().st_mtime_ns for path in Path("results").rglob("*.jsonl")}
    (Path("results/tiny/tasks/day_mood") / "recipe.json").unlink()
    shutil.rmtree(CHUNK)
    steps.run("prepare", study_file, CHUNK)
    assert executed() == ["day_mood"]
    changed = {path.parent.name for path, modified in before.items() if path.stat().st_mtime_ns != modified}
    assert changed == {"day_mood"}


def test_what_hard_links_share_is_never_written_into(study_file: Path) -> None:
    steps.run("prepare", study_file, CHUNK)
    file = Path("results/tiny/tasks/day_mood/pool.jsonl")
    os.link(file, "cache")
    Path("results/tiny/tasks/day_mood/recipe.json").unlink()
    steps.run("prepare", study_file, CHUNK)
    assert Path("cache").stat().st_nlink == 1
    assert Path("cache").read_bytes() == file.read_bytes()


def test_a_failed_step_leaves_the_former_result(study_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.run("prepare", study_file, CHUNK)
    Path("results/tiny/tasks/day_mood/recipe.json").unlink()

    def fail(contexts: Sequence[steps.JobContext]) -> None:
        (contexts[0].out / "half").write_text("made")
        raise DataError("no rows")

    monkeypatch.setitem(steps.STEPS, "prepare", fail)
    with pytest.raises(DataError, match="no rows"):
        steps.run("prepare", study_file, CHUNK)
    assert sorted(path.name for path in Path("results/tiny/tasks/day_mood").iterdir()) == ["pool.jsonl", "task.json"]


def test_a_task_that_cannot_be_had_leaves_the_others_of_its_job_prepared(
    study_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PRIMING_HUB", raising=False)
    text = study_file.read_text()
    study_file.write_text(text.replace("film_verdict", "eli5-askh", 1))
    with pytest.raises(
        DataError,
        match=r"^task eli5-askh: the data set defunct-datasets/eli5 was withdrawn by its publisher; exclude the task",
    ):
        steps.run("prepare", study_file, CHUNK)
    assert all(Path("results/tiny/tasks", task, "recipe.json").is_file() for task in TASKS[1:])
    assert not Path(CHUNK).exists()


def test_a_job_without_what_it_is_made_from_says_how_to_make_it(study_file: Path) -> None:
    out = "results/tiny/primed/mini/mtl-plm+adapter/seed-1"
    build = r"build it first: snakemake results/tiny/plm/mini --cores 1 --configfile \S+$"
    with pytest.raises(DataError, match=rf"is made from results/tiny/plm/mini, which is missing; {build}"):
        steps.run("prime", study_file, out)
    Path("results/tiny/plm/mini").mkdir(parents=True)
    Path("results/tiny/plm/mini/recipe.json").write_text("{")
    with pytest.raises(DataError, match=rf"is made from .*, whose recipe\.json is missing or damaged; {build}"):
        steps.run("prime", study_file, out)


@pytest.mark.parametrize("step", ["prime", "tune"])
def test_an_unknown_job_is_answered_with_the_nearest(study_file: Path, step: str) -> None:
    with pytest.raises(
        StudyError,
        match=r"tiny\.yaml: no prime makes .*seed-7; did you mean '.*seed-1'" if step == "prime" else "no tune makes",
    ):
        steps.run(step, study_file, "results/tiny/primed/mini/mtl-plm+adapter/seed-7")
