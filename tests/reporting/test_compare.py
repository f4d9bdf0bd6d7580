"""Comparisons asked for singly: numbers from the scores themselves, and one message for each mistake."""

import itertools
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy import stats

from priming.cli.app import app
from priming.errors import DataError, StudyError
from priming.reporting.compare import described, difference, sides
from priming.reporting.tables import write_tables
from priming.study import Study

Made = Callable[..., Path]
STRATEGIES = ["none -> plm", "none -> adapter", "mtl[plm] -> adapter", "mtl[plm+adapter] -> adapter"]
FIRST, SECOND = "mtl[plm] -> adapter", "none -> plm"


@pytest.fixture(scope="module")
def place(make_study: Callable[..., Study], make_results: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies with results: `one`; `longer`, with adapters .05 better; `few` tasks; `other` seeds; and `unmade`."""
    folder = tmp_path_factory.mktemp("compared")

    def longer(result: dict[str, Any]) -> dict[str, Any]:
        if "priming" in result or not result["strategy"].endswith("adapter"):
            return result
        scores = {
            decoder: {metric: value + 0.05 for metric, value in found.items()}
            for decoder, found in result["test"].items()
        }
        return {**result, "test": scores}

    (folder / "rows.csv").write_text("text,label\n")
    tasks = {"source": ["copy", "quote"], "development": ["negation"], "samples": [13, 21]}
    few = {"tasks": {**tasks, "target": ["tense", "topic", "plural"]}}
    greedy = {"scoring": {"decoder": "greedy"}}
    variants = {"one": {}, "longer": {}, "few": few, "other": {"seeds": [5]}, "greedy": greedy, "unmade": {}}
    for name, changes in variants.items():
        study = make_study(name=name, **{"strategies": STRATEGIES, **changes})
        with (folder / f"{name}.yaml").open("w") as file:
            YAML(typ="safe").dump(study.model_dump(mode="json", exclude_unset=True), file)
        if name != "unmade":
            root = make_results(study, folder / "results" / name, longer if name == "longer" else lambda result: result)
            write_tables(study, root, root / "tables")
    return folder


@pytest.fixture(autouse=True)
def there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def test_difference_of_two_strategies(place: Path) -> None:
    (pair,) = sides(FIRST, "mtl[plm+adapter] -> adapter", Path("one.yaml"), None, None)
    found, tasks = difference(*pair)
    ours, theirs = (side.scores for side in pair)
    means = [
        statistics.fmean(
            ours[task, "", seed, sample] - theirs[task, "", seed, sample]
            for seed, sample in itertools.product((1, 2), (13, 21))
        )
        for task in tasks
    ]
    assert len(tasks) == 12
    assert found.gain == pytest.approx(statistics.fmean(means))
    assert found.error == pytest.approx(stats.sem(means))
    text = described(*pair)
    assert text.startswith(
        "mtl[plm] -> adapter minus mtl[plm+adapter] -> adapter, PLM tiny\naccuracy, label ranking; "
        "paired by task, sample and seed: 12 tasks"
    )
    p = stats.permutation_test((means,), np.mean, permutation_type="samples", n_resamples=10_000).pvalue
    assert 0.001 < p < 0.999
    assert (
        f"p             {p:.3f}  (exact sign-flip test over tasks, given these primings; "
        "not corrected for other comparisons" in text
    )
    detectable = float(re.search(r"detectable +(\S+)", text)[1])  # type: ignore[index]
    power = stats.nct.sf(stats.t.ppf(0.975, 11), 11, detectable / found.error)
    assert power == pytest.approx(0.8, abs=0.03)
    assert f"tasks better  {sum(mean > 0 for mean in means)} of 12" in text


def test_the_other_way_round_is_the_negative() -> None:
    (pair,) = sides(FIRST, SECOND, Path("one.yaml"), None, None)
    forth, back = difference(*pair)[0], difference(*pair[::-1])[0]
    negative = (-forth.gain, -forth.high, -forth.low)  # type: ignore[operator]
    assert (back.gain, back.low, back.high) == pytest.approx(negative)


def test_one_strategy_in_two_studies() -> None:
    (pair,) = sides(FIRST, None, Path("longer.yaml"), Path("one.yaml"), None)
    found, _ = difference(*pair)
    assert (found.gain, found.low, found.high) == pytest.approx((0.05, 0.05, 0.05), abs=1e-6)
    assert described(*pair).startswith("mtl[plm] -> adapter of longer minus mtl[plm] -> adapter of one, PLM tiny")


def test_two_studies_are_compared_on_what_both_have() -> None:
    (pair,) = sides(FIRST, None, Path("few.yaml"), Path("one.yaml"), None)
    found, tasks = difference(*pair)
    assert (tasks, found.gains) == (["tense", "topic", "plural"], (0.0, 0.0, 0.0))
    text = described(*pair)
    assert "interval: none, fewer than 6 tasks" in text
    assert "by task       tense +0.000, topic +0.000, plural +0.000\nNothing can be claimed over tasks" in text
    assert "tasks better  0 of 3" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (FIRST, None, "one.yaml", None, None),
            r"compared with nothing; give a second strategy, or another study: --in FILE",
        ),
        ((FIRST, FIRST, "one.yaml", None, None), r"compared with itself"),
        (
            ("mtl[plm] -> prompt", SECOND, "one.yaml", None, None),
            r"one\.yaml: 'mtl\[plm\] -> prompt' is not a strategy of study one; did you mean 'mtl",
        ),
        (("mtl[plm] > prompt", SECOND, "one.yaml", None, None), r"cannot be read: write"),
        ((FIRST, SECOND, "one.yaml", None, "large"), r"one\.yaml: 'large' is not a PLM of study one; allowed: tiny"),
        (
            (FIRST, None, "one.yaml", "greedy.yaml", None),
            r"one\.yaml selects by accuracy, label ranking .*, greedy\.yaml by accuracy, greedy",
        ),
    ],
)
def test_a_mistake_is_one_message(arguments: tuple[str | None, ...], message: str) -> None:
    first, second, file, other, plm = arguments
    with pytest.raises(StudyError, match=message):
        sides(str(first), second, Path(str(file)), Path(other) if other else None, plm)


def test_tables_that_are_missing_are_said() -> None:
    (pair,) = sides(FIRST, SECOND, Path("unmade.yaml"), None, None)
    with pytest.raises(DataError, match=r"results/unmade/tables/scores\.csv is missing; run snakemake"):
        described(*pair)


def test_studies_without_runs_in_common_are_said() -> None:
    (pair,) = sides(FIRST, None, Path("one.yaml"), Path("other.yaml"), None)
    with pytest.raises(DataError, match=r"have no run of the same task, seed and sample, for PLM tiny"):
        described(*pair)


def test_the_command_prints_it() -> None:
    from typer.testing import CliRunner

    done = CliRunner().invoke(app, ["compare", FIRST, SECOND, "--study", "one.yaml"])
    (pair,) = sides(FIRST, SECOND, Path("one.yaml"), None, None)
    assert (done.exit_code, done.output) == (0, described(*pair) + "\n")
