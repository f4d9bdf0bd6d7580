"""What was left by processes that were killed just after their results were in place."""

from pathlib import Path

import pytest

from priming.jobs.recipes import Recipes
from priming.running.killed_attempts import folder, killed
from priming.running.leftovers import clear_done


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_notes_on_jobs_that_are_done_are_removed(settled: Recipes, tmp_path: Path) -> None:
    """Two jobs were killed, one of them after its results were in place."""
    done, unfinished = "results/tiny/primed/mini/mtl-plm+adapter/seed-1", "results/tiny/figures/tasks"
    (settled.folder(unfinished) / "recipe.json").unlink()
    for out in (done, unfinished):
        folder("tiny", out).mkdir(parents=True)
        (folder("tiny", out) / "1-here-1.started").touch()
    clear_done(settled, tmp_path)
    assert (killed("tiny", done), killed("tiny", unfinished)) == (0, 1)
    assert not folder("tiny", done).exists()


def test_states_of_results_that_are_there_are_removed(settled: Recipes, tmp_path: Path) -> None:
    done, unfinished = (f"primed/mini/mtl-plm+adapter/seed-{seed}" for seed in (1, 2))
    (settled.folder(f"results/tiny/{unfinished}") / "recipe.json").unlink()
    places = [tmp_path / "work/tiny/state" / name.replace("/", "~") for name in (done, unfinished, "no/result")]
    for place in places:
        place.mkdir(parents=True)
        (place / "state.json").write_text("{}")
    (tmp_path / "away").mkdir()
    clear_done(settled, tmp_path / "away")
    assert [place.exists() for place in places] == [False, True, True]
    assert list((tmp_path / "away").iterdir()) == []
