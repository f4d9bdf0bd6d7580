"""What a result is."""

import json
from pathlib import Path

import pytest

from priming.cli.printing import plain
from priming.errors import DataError
from priming.inspection.result import shown

CELL = Path("results/tiny/tuned/mini/mtl-plm+adapter--adapter/seed-1/dinner_review")


def test_a_sample_with_its_scores(inside: Path) -> None:
    page = shown(CELL / "sample-13")
    (part,) = page.data["parts"]
    scores = json.loads(Path("results/tiny/scores", *CELL.parts[3:], "sample-13.json").read_text())
    assert part["scores"]["test"] == scores["test"]
    said = plain(page)
    for text in ("mtl[plm+adapter] -> adapter", "dinner_review", f"{scores['test']['ranking']['accuracy']:.3f}"):
        assert text in said
    assert page.data["made_of"].keys() == {
        *("results/tiny/plm/mini", "results/tiny/tasks/dinner_review"),
        "results/tiny/primed/mini/mtl-plm+adapter/seed-1",
    }


def test_a_cell_has_all_its_samples(inside: Path) -> None:
    assert [part["sample"] for part in shown(CELL).data["parts"]] == [13, 21]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("plm/mini", "generate.architecture.d_model"),
        ("primed/mini/mtl-plm+adapter/seed-2", "mtl[plm+adapter]"),
        ("tasks/price_compare", "dearer, cheaper"),
        ("scores/mini/none--plm/seed-2/dinner_review/sample-13.json", "none -> plm"),
        ("tables", "scoring.arg_baseline"),
        ("figures/tasks/tasks.svg", "results/tiny/figures/tasks"),
    ],
)
def test_every_kind_of_result(inside: Path, place: str, said: str) -> None:
    assert said in plain(shown(Path("results/tiny", place)))


def test_a_folder_above_results_names_one(inside: Path) -> None:
    with pytest.raises(DataError, match=r"results: no result is here.*; a result inside is results/tiny/"):
        shown(Path("results"))


def test_damage_is_said(copied: Path) -> None:
    file = CELL / "sample-13" / "predictions.jsonl"
    file.write_text(file.read_text() + "\n")
    assert f"damaged: {file} is damaged" in plain(shown(CELL))
