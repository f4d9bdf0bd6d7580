"""Published numbers beside ours, in a study small enough to do by hand."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priming.published.numbers import Way
from priming.reporting.published import way_of
from priming.reporting.tables import write_tables
from priming.strategies import Strategy
from priming.study import Study

Made = Callable[..., Path]
Make = Callable[..., Study]
MTL, ADAPTER, MAML, FIRST = (
    "mtl[plm] -> plm",
    "mtl[adapter] -> adapter",
    "maml[plm | plm x1] -> plm",
    "maml:first[plm | plm x1] -> plm",
)
STRATEGIES = [MTL, ADAPTER, MAML, FIRST, "mtl[plm] -> adapter"]
SCORES = {
    ("bart", MTL): {"anli": 0.4, "emo": 0.5, "quiz": 0.8},
    ("bart", ADAPTER): {"anli": 0.5, "emo": 0.6, "quiz": 0.4},
    ("tee", MTL): {"anli": 0.2, "emo": 0.5, "quiz": 0.8},
}


def given(result: dict[str, Any]) -> dict[str, Any]:
    """The scores above, .5 elsewhere; MAML failed on `emo`."""
    if "priming" in result:
        return result
    if result["strategy"] == MAML and result["task"] == "emo":
        return {
            **result,
            "status": "failed",
            "reason": "diverged",
            "winner": None,
            "dev": None,
            "test": None,
            "flops": None,
        }
    value = SCORES.get((result["plm"], result["strategy"]), {}).get(result["task"], 0.5)
    scores = dict.fromkeys(("accuracy", "macro_f1_free", "macro_f1_labels", "exact_match"), value)
    both = {"ranking": scores, "greedy": scores}
    return {**result, "test": both, "dev": both}


def small(make_study: Make, published: dict[str, Any], targets: list[str], strategies: list[str] = STRATEGIES) -> Study:
    return make_study(
        name="small",
        plms={"bart": {"generate": {}}, "tee": {"generate": {}}},
        strategies=strategies,
        tasks={"source": ["copy", "quote"], "target": targets, "samples": [1]},
        seeds=[7],
        scoring={"arg_baseline": strategies[0], "published": published},
    )


@pytest.fixture(scope="module")
def tables(make_study: Make, make_results: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = small(make_study, {"adl2022": {"bart": "BART", "tee": "T5"}}, ["anli", "emo", "quiz"])
    root = make_results(study, tmp_path_factory.mktemp("published"), given)
    write_tables(study, root, root / "tables")
    return root / "tables"


def rows(tables: Path, **where: str) -> list[dict[str, str]]:
    with (tables / "published.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[key] == value for key, value in where.items())]


def numbers(row: dict[str, str]) -> list[float]:
    return [float(row[column]) for column in ("ours", "published", "difference")]


def test_a_score_stands_beside_the_published_one(tables: Path) -> None:
    (row,) = rows(tables, plm="bart", strategy=ADAPTER, measure="score", task="emo")
    assert numbers(row) == pytest.approx([0.6, 0.475, 0.125])
    assert (row["beside"], row["published_metric"], row["certainty"]) == (
        "BART",
        "macro-F1",
        "read off a bar, to 0.006",
    )
    assert not rows(tables, task="quiz")


def test_means_are_over_the_tasks_that_both_have(tables: Path) -> None:
    (row,) = rows(tables, plm="bart", strategy=ADAPTER, measure="mean")
    assert numbers(row) == pytest.approx([0.55, (0.367 + 0.475) / 2, 0.55 - 0.421])
    assert row["tasks"] == "2"
    (failed,) = rows(tables, plm="bart", strategy=MAML, measure="mean")
    assert numbers(failed)[:2] == pytest.approx([0.5, 0.349])
    assert failed["tasks"] == "1"
    (gap,) = rows(tables, plm="bart", strategy=MAML, measure="score", task="emo")
    assert (gap["ours"], gap["published"], gap["difference"]) == ("", "0.499000", "")


def test_arg_is_over_the_baseline_of_the_paper(tables: Path) -> None:
    """Adapter: .5/.4, .6/.5, .4/.8 over the PLM; the other PLM over `bart`: .2/.4 and twice 1."""
    (row,) = rows(tables, plm="bart", strategy=ADAPTER, measure="arg_percent")
    assert numbers(row)[:2] == pytest.approx([100 * (0.25 + 0.2 - 0.5) / 3, 0.7], abs=1e-6)
    assert (row["tasks"], row["baseline"]) == ("3", MTL)
    (other,) = rows(tables, plm="tee", strategy=MTL, measure="arg_percent")
    assert numbers(other)[:2] == pytest.approx([100 * (-0.5 + 0 + 0) / 3, 0.7], abs=1e-6)
    assert other["baseline"] == f"{MTL} of bart"


def test_the_best_sample_stands_beside_the_mean(make_study: Make, make_results: Made, tmp_path: Path) -> None:
    """Samples 1 and 2 of each task; of the adapter's, the second is better by .2 on `anli`, worse by .1 elsewhere."""
    study = small(make_study, {"adl2022": {"bart": "BART", "tee": "T5"}}, ["anli", "emo", "quiz"])
    study = study.model_copy(update={"tasks": study.tasks.model_copy(update={"samples": [1, 2]})})

    def moved(result: dict[str, Any]) -> dict[str, Any]:
        found = given(result)
        if found.get("strategy") == ADAPTER and found["sample"] == 2:
            by = 0.2 if found["task"] == "anli" else -0.1
            scores = {name: value + by for name, value in found["test"]["ranking"].items()}
            found = {**found, "test": dict.fromkeys(("ranking", "greedy"), scores)}
        return found

    root = make_results(study, tmp_path, moved)
    write_tables(study, root, root / "tables")
    (anli,) = rows(root / "tables", plm="bart", strategy=ADAPTER, measure="score", task="anli")
    assert (float(anli["ours"]), float(anli["ours_best"])) == pytest.approx((0.6, 0.7))
    (emo,) = rows(root / "tables", plm="bart", strategy=ADAPTER, measure="score", task="emo")
    assert (float(emo["ours"]), float(emo["ours_best"])) == pytest.approx((0.55, 0.6))
    (mean,) = rows(root / "tables", plm="bart", strategy=ADAPTER, measure="mean")
    assert (float(mean["ours"]), float(mean["ours_best"])) == pytest.approx((0.575, 0.65))
    (arg,) = rows(root / "tables", plm="bart", strategy=ADAPTER, measure="arg_percent")
    assert float(arg["ours_best"]) == pytest.approx(100 * (0.3 / 0.4 + 0.1 / 0.5 - 0.4 / 0.8) / 3)
    assert "it is chosen on test scores" in (root / "tables/published.md").read_text()


def test_only_strategies_with_published_numbers_are_there(tables: Path) -> None:
    assert {(row["plm"], row["strategy"]) for row in rows(tables)} == {
        ("bart", MTL),
        ("bart", ADAPTER),
        ("bart", MAML),
        ("tee", MTL),
        ("tee", MAML),
    }


def test_a_study_is_compared_with_the_published_means_in_words(tables: Path) -> None:
    text = (tables / "published.md").read_text()
    (line,) = [
        line for line in text.splitlines() if line.startswith(f"| {ADAPTER}") and "2" in line and " / " not in line
    ]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        ADAPTER,
        "0.550",
        "0.550",
        "0.421",
        "2",
        "-1.7",
        "+0.7",
        MTL,
    ]
    assert "0.600 / 0.475" in text
    assert "Theirs by macro-F1 (anli, emo)." in text
    assert "PLM tee beside adl2022, T5" in text
    assert "where the two MAML rows are swapped" in text
    for ending in ("tex", "html"):
        assert "read off a bar" in (tables / f"published.{ending}").read_text()
    assert (tables / "published.tex").read_text().isascii()


def test_the_papers_tables_are_filled_with_ours(tables: Path) -> None:
    """Its Table 2 compares PLMs, its Table 3 elements; a strategy of ours stands in the row of its own."""
    text = (tables / "published.md").read_text()
    second, third = (text.partition(f"**Table {n} of adl2022")[2].partition("\n**")[0] for n in (2, 3))
    cells = {
        n: [[cell.strip() for cell in line.strip("|").split(" | ")] for line in part.splitlines() if ": m" in line]
        for n, part in ((2, second), (3, third))
    }
    assert [row[0] for row in cells[2]] == [f"tee: {MTL}", f"tee: {MAML}".replace("|", r"\|")]
    assert cells[2][0][2:] == ["-16.7", "-16.7", "+0.7", "3", f"{MTL} of bart"]
    assert [row[0] for row in cells[3]] == [f"bart: {ADAPTER}"]
    assert cells[3][0][2:] == ["-1.7", "-1.7", "+0.7", "3", MTL]
    assert all(row[1].endswith("%") for rows in cells.values() for row in rows)
    assert "printed in Table 2, where the two MAML rows are swapped" in second


def test_without_the_baseline_there_is_no_arg_of_ours(make_study: Make, make_results: Made, tmp_path: Path) -> None:
    study = small(make_study, {"ye2021": {"bart": "random"}}, ["quoref", "circa"], [MTL, FIRST])
    write_tables(study, make_results(study, tmp_path, given), tmp_path / "tables")
    (arg,) = rows(tmp_path / "tables", strategy=MTL, measure="arg_percent")
    assert (arg["ours"], arg["published"], arg["tasks"], arg["baseline"]) == ("", "35.060000", "0", "none -> plm")
    (first,) = rows(tmp_path / "tables", strategy=FIRST)
    assert (first["measure"], first["published"], first["certainty"]) == (
        "arg_percent",
        "22.690000",
        "from memory, not confirmed",
    )
    (quoref,) = rows(tmp_path / "tables", task="quoref")
    assert numbers(quoref) == pytest.approx([0.5, 0.412, 0.088])


def test_a_study_that_matches_nothing_says_so(make_study: Make, make_results: Made, tmp_path: Path) -> None:
    study = small(make_study, {"adl2022": {"tee": "mT5"}}, ["quiz"], ["none -> prompt"])
    write_tables(study, make_results(study, tmp_path, given), tmp_path / "tables")
    assert rows(tmp_path / "tables") == []
    assert "no strategy of this study has numbers there" in (tmp_path / "tables" / "published.md").read_text()


def test_a_study_that_names_no_paper_has_no_such_table(study: Study, root: Path, tmp_path: Path) -> None:
    write_tables(study, root, tmp_path)
    assert not list(tmp_path.glob("published*"))


@pytest.mark.parametrize(
    ("strategy", "way"),
    [
        ("none -> prompt", Way("none", "prompt")),
        ("mtl[adapter] -> adapter", Way("mtl", "adapter")),
        ("mtl[plm] -> adapter", Way("mtl", "adapter", "plm")),
        ("mtl[plm+adapter] -> adapter", Way("mtl", "adapter", "plm+adapter")),
        ("mtl[plm+adapter] -> plm+adapter", Way("mtl", "plm+adapter")),
        ("mtl[plm+head] -> nothing (with head)", Way("mtl", "nothing (with head)", "plm+head")),
        ("maml[plm | plm x5] -> plm", Way("maml", "plm")),
        ("maml[plm | adapter x1] -> plm", Way("maml", "plm", "plm | adapter x1")),
        ("maml:first[plm | plm x1] -> plm", Way("fomaml", "plm")),
        ("reptile[plm | plm x5] -> plm", Way("reptile", "plm")),
    ],
)
def test_ways(study: Study, strategy: str, way: Way) -> None:
    assert way_of(study, next(iter(study.plms)), Strategy.parse(strategy)) == way


def test_a_plm_that_others_have_primed_is_listed_under_no_method(study: Study) -> None:
    name, plm = next(iter(study.plms.items()))
    brings = plm.model_copy(update={"brings": "prompt"})
    assert way_of(study.model_copy(update={"plms": {name: brings}}), name, Strategy.parse("none -> prompt")) is None


LANGUAGES = ["hi", "af", "az", "lt", "et", "nl"]
NER = {
    "3": "none -> adapter+head",
    "4": "maml:first[plm+adapter | adapter+head x5] -> adapter+head",
    "8": "maml:first[plm+adapter | adapter+head x5] -> plm+adapter+head",
}


def ner(make_study: Make, targets: list[str]) -> Study:
    rates = {"plm": 1e-3, "adapter": 1e-3, "head": 1e-3}
    maml = {"order": "first", "head": "per_task", "learning_rates": rates, "inner_learning_rates": rates}
    encoder = {"architecture": {"family": "bert"}}
    return make_study(
        name="ner",
        plms={"mini": {"generate": encoder}},
        strategies=list(NER.values()),
        tasks={"source": ["norda", "zulma"], "target": targets, "samples": [1]},
        priming={"variants": {"maml:first": maml}},
        seeds=[7],
        scoring={"decoders": ["ranking"], "arg_baseline": "none", "published": {"gheini2022": {"mini": "mBERT"}}},
    )


def test_entities_beside_ours(make_study: Make, make_results: Made, tmp_path: Path) -> None:
    """Setting 4 by language, printed 88.97 for nl; setting 8 only as the mean over all six, printed 90.33."""
    study = ner(make_study, LANGUAGES)
    write_tables(study, make_results(study, tmp_path, given), tmp_path / "tables")
    found = {(row["strategy"], row["measure"], row["task"]): row for row in rows(tmp_path / "tables")}
    nl = found[NER["4"], "score", "nl"]
    assert (float(nl["published"]), float(nl["ours"]), nl["certainty"]) == (0.8897, 0.5, "printed in Table 1")
    mean = found[NER["8"], "mean", ""]
    assert (float(mean["published"]), float(mean["ours"]), mean["tasks"]) == (0.9033, 0.5, "6")
    assert [key for key in found if key[0] == NER["8"]] == [(NER["8"], "mean", "")]
    assert float(found[NER["3"], "mean", ""]["published"]) == pytest.approx(0.82493, abs=1e-5)
    text = (tmp_path / "tables" / "published.md").read_text()
    assert re.search(r"\| strategy +\| +tuned \| +hi \| +af ", text)
    assert "by shape they are 0.059 % of mBERT" in text


def test_a_mean_over_languages_that_the_study_lacks_has_none_of_ours(
    make_study: Make, make_results: Made, tmp_path: Path
) -> None:
    study = ner(make_study, ["nl"])
    write_tables(study, make_results(study, tmp_path, given), tmp_path / "tables")
    found = {(row["strategy"], row["measure"], row["task"]): row for row in rows(tmp_path / "tables")}
    assert (found[NER["8"], "mean", ""]["ours"], found[NER["8"], "mean", ""]["published"]) == ("", "0.903300")
    assert float(found[NER["4"], "mean", ""]["published"]) == 0.8897


def test_claims_have_a_table_by_task(make_study: Make, make_results: Made, tmp_path: Path) -> None:
    """Both settings have the same predictions in the made results, so no gain; one seed has no interval."""
    study = ner(make_study, ["nl"])
    write_tables(study, make_results(study, tmp_path, given), tmp_path / "tables")
    with (tmp_path / "tables" / "claim_tasks.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert {(row["strategy"], row["twin"], row["task"], row["low"]) for row in found} == {
        (NER["4"], NER["3"], "nl", "")
    }
    assert "the same by task" in (tmp_path / "tables" / "claims.md").read_text()
