"""Keeping the tables of a finished study for documents, and noticing when they no longer fit the checkout."""

import json
import subprocess
from pathlib import Path

import pytest

from priming.errors import DataError
from priming.quoting import store
from priming.study.load import load_study
from tests.tiny_study import Checkout

CONFIG = Path("config.yaml")
BLOCKS = {"mini-effects": {"caption": "c", "header": ["strategy"], "rows": [["none -> prompt"]], "note": ""}}


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    return subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def finished(made: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A finished study in a clone whose code is committed; every task's rows have a digest."""
    monkeypatch.chdir(made.folder)
    tables = Path("results/tiny/tables")
    (tables / "blocks.json").write_text(json.dumps(BLOCKS))
    (tables / "effects.csv").write_text("strategy,gain\n")
    for recipe in Path("results/tiny/tasks").glob("*/recipe.json"):
        (recipe.parent / "task.json").write_text(json.dumps({"sha256": {"pool.jsonl": recipe.parent.name}}))
    git("init", "-q")
    git("add", "src", "workflow")
    git("commit", "-q", "-m", "all")
    return made


def test_what_was_kept_is_what_the_checkout_asks_for(finished: Checkout) -> None:
    folder = store.keep(CONFIG)
    quote = store.read(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["blocks.json", "effects.csv", "quote.json", "recipe.json"]
    assert (quote.study_file, quote.study, quote.made.how, quote.made.commit) == (
        "config.yaml",
        "tiny",
        "run",
        git("rev-parse", "HEAD"),
    )
    assert set(quote.data) == {path.parent.name for path in Path("results/tiny/tasks").glob("*/task.json")}
    assert store.differences(folder) == []
    assert list(store.quotes()) == [folder]


def test_another_setting_is_a_difference(finished: Checkout) -> None:
    folder = store.keep(CONFIG)
    finished.edit("config.yaml", "seeds: [1, 2]", "seeds: [1, 3]")
    assert store.differences(folder) == ["the settings of the study"]


def test_other_rows_are_a_difference(finished: Checkout) -> None:
    folder = store.keep(CONFIG)
    kept = store.read(folder).data
    first = min(kept)
    assert store.differences(folder, kept) == []
    assert store.differences(folder, {**kept, first: "other"}) == [f"the rows of {first}"]


def test_rows_prepared_anew_are_those_that_the_workflow_prepares(finished: Checkout) -> None:
    study = load_study(CONFIG)
    found = store.prepared_data(study, Path())
    assert set(found) == {*study.tasks.source, *study.tasks.development, *study.tasks.target}
    assert found == store.prepared_data(study, Path())
    more = study.tasks.generated.model_copy(update={"test": study.tasks.generated.test + 1})
    other = study.model_copy(update={"tasks": study.tasks.model_copy(update={"generated": more})})
    assert store.prepared_data(other, Path()) != found


def test_other_code_is_a_difference_until_somebody_compared(
    finished: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store.keep(CONFIG)
    monkeypatch.setattr(store, "code_digest", lambda recipes: "other")
    assert store.differences(folder) == [
        "the code, without a record that the numbers were reproduced or compared equal,"
    ]
    store.confirm(folder, "compared equal", "ten steps, bit by bit")
    assert store.differences(folder) == []
    assert [check.how for check in store.read(folder).checks] == ["run", "compared equal"]


def test_an_unfinished_study_is_not_kept(finished: Checkout) -> None:
    finished.edit("config.yaml", "seeds: [1, 2]", "seeds: [1, 3]")
    with pytest.raises(
        DataError, match="its tables are not finished or not current; type: snakemake --configfile config.yaml"
    ):
        store.keep(CONFIG)


def test_code_that_is_not_committed_is_refused(finished: Checkout) -> None:
    (finished.folder / "src" / "new.py").write_text("")
    with pytest.raises(DataError, match="src/ or workflow/ has uncommitted changes"):
        store.keep(CONFIG)
