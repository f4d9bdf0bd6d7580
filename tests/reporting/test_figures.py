"""Every figure: what it shows, and the same bytes on every drawing."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from priming.errors import DataError
from priming.reporting.figures import bar_rows, draw
from priming.reporting.figures.charts import COLOURS
from priming.reporting.figures.convergence import late_rise
from priming.reporting.figures.looks import looks
from priming.reporting.tables import write_tables
from priming.study import Study
from priming.study.figures import FIGURES
from priming.tasks.groups import groups

from .figure_studies import STUDIES, boxes, drawn


@pytest.fixture(scope="module")
def tables(study: Study, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the made-up study with failures."""
    out = tmp_path_factory.mktemp("tables")
    write_tables(study, root, out)
    return out


@pytest.fixture(scope="module")
def budgets(
    make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Study, Path]:
    """A study of one priming at three budgets, and its tables."""
    study, root = make_study(**STUDIES["budgets"]), tmp_path_factory.mktemp("budgets")
    write_tables(study, make_results(study, root), root / "tables")
    return study, root / "tables"


@pytest.mark.parametrize("name", FIGURES)
def test_same_bytes_again(name: str, budgets: tuple[Study, Path], tmp_path: Path) -> None:
    for turn in ("first", "second"):
        draw(name, *budgets, tmp_path / turn)
    for ending in ("svg", "pdf", "png"):
        first = (tmp_path / "first" / f"{name}.{ending}").read_bytes()
        assert first == (tmp_path / "second" / f"{name}.{ending}").read_bytes()
        assert len(first) > 5000
    assert "<dc:date>" not in (tmp_path / "first" / f"{name}.svg").read_text()
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(
        f"{name}.{e}" for e in ("svg", "pdf", "png")
    )


def test_parameter_efficiency_joins_each_primed_strategy_to_its_twin(study: Study, tables: Path) -> None:
    figure = drawn("parameter_efficiency", study, tables)
    strategies = pd.read_csv(tables / "strategies.csv", keep_default_na=False, na_values=[""]).set_index("strategy")
    arrows = [t for t in figure.axes[0].texts if getattr(t, "arrow_patch", None) is not None]
    ends = sorted((float(a.xyann[1]), float(a.xy[1])) for a in arrows)
    expected = [
        (strategies["mean"][str(twin)], strategies["mean"][str(s)])
        for s, twin in study.twins.items()
        if strategies["done"][str(s)]
    ]
    np.testing.assert_allclose(ends, sorted(expected))


def test_parameter_efficiency_marks_stay_in_the_band_of_their_share(study: Study, tables: Path) -> None:
    ax = drawn("parameter_efficiency", study, tables).axes[0]
    bands = sorted((p.get_x(), p.get_x() + p.get_width()) for p in ax.patches if hasattr(p, "get_width"))
    assert len(bands) == 4
    assert all(high < low for (_, high), (low, _) in itertools.pairwise(bands))
    places = [line.get_xdata()[0] for line in ax.lines]
    assert all(any(low < x < high for low, high in bands) for x in places)


def test_matrix_writes_each_value_and_names_what_is_missing(study: Study, tables: Path) -> None:
    texts = [t.get_text() for t in drawn("strategy_matrix", study, tables).axes[0].texts if t.get_text()]
    strategies = pd.read_csv(tables / "strategies.csv", keep_default_na=False, na_values=[""])
    shown = [
        f"{row['mean']:.3f}" + ("*" if row["failed"] + row["not_primed"] else "")
        for _, row in strategies.iterrows()
        if row["done"]
    ]
    assert sorted(texts) == sorted([*shown, "not primed"])


def test_convergence_draws_the_mean_curves(study: Study, tables: Path) -> None:
    figure = drawn("convergence", study, tables)
    assert [ax.get_title() for ax in figure.axes] == ["tuning plm", "tuning adapter", "tuning prompt", "tuning prefix"]
    curves = pd.read_csv(tables / "curves.csv")
    expected = curves[curves["strategy"] == "mtl[plm] -> prefix"].groupby("step")["dev"].mean()
    lines = [line for line in figure.axes[3].lines if len(line.get_xdata()) > 2]
    np.testing.assert_allclose(lines[1].get_ydata(), expected)
    assert list(lines[1].get_xdata()) == list(range(0, 61, 10))
    assert len(figure.axes[3].collections) == len(lines) == 2


def test_bars_stand_for_cells_and_the_line_for_the_majority(study: Study, tables: Path) -> None:
    axes = drawn("tasks", study, tables).axes
    cells = pd.read_csv(tables / "per_task.csv")
    bars = [bar.get_height() for ax in axes for bar in ax.containers[0].patches]
    np.testing.assert_allclose(bars, cells[cells["strategy"] == "none -> plm"]["mean"])
    assert [label.get_text() for ax in axes for label in ax.get_xticklabels()] == study.tasks.target


def test_bars_of_groups_are_means_over_their_tasks(
    make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path
) -> None:
    study = make_study(**STUDIES["four groups"], figures={"tasks": {"of": "groups"}})
    write_tables(study, make_results(study, tmp_path), tmp_path / "tables", groups(study.tasks))
    (axes,) = drawn("tasks", study, tmp_path / "tables").axes
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == list(groups(study.tasks))
    cells = pd.read_csv(tmp_path / "tables" / "per_task.csv")
    first = cells[cells["strategy"] == "none -> plm"].set_index("task")["mean"]
    for group, bar in zip(shown, axes.containers[0].patches, strict=True):
        members = [first[task] for task in groups(study.tasks)[group]]
        assert bar.get_height() == pytest.approx(sum(members) / len(members))
    notes = " ".join(text.get_text() for text in axes.figure.findobj(Text))
    assert "over the tasks of a group" in notes


def test_tasks_shows_the_twin_of_every_strategy_before_it_and_pale(study: Study, tables: Path) -> None:
    figure = drawn("tasks", study, tables)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    shown = [name for name in names if "->" in name]
    primed = [name for name in shown if not name.startswith("none")]
    assert len(primed) == 4
    bars = [container.patches[0] for container in figure.axes[0].containers if hasattr(container, "patches")]
    assert len(bars) == len(shown) == len({(bar.get_facecolor(), bar.get_hatch()) for bar in bars})
    for place, name in enumerate(shown):
        if name in primed:
            assert shown[place - 1] == f"none -> {name.partition('-> ')[2]}"
            assert sum(bars[place - 1].get_facecolor()) > sum(bars[place].get_facecolor())
            assert bars[place - 1].get_hatch() == bars[place].get_hatch()


def test_named_strategies_stand_beside_their_twins(
    make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path
) -> None:
    study = make_study(
        figures={"tasks": {"strategies": ["mtl[plm] -> prompt", "none -> prefix", "mtl[prompt] -> prompt"]}}
    )
    write_tables(study, make_results(study, tmp_path), tmp_path / "tables")
    names = [text.get_text() for text in drawn("tasks", study, tmp_path / "tables").legends[0].get_texts()]
    assert names[:4] == ["none -> prompt", "mtl[plm] -> prompt", "mtl[prompt] -> prompt", "none -> prefix"]


@pytest.mark.parametrize(
    ("steps", "curve", "rise"),
    [
        ([0, 10, 20, 30, 40, 50], [0, 0.1, 0.2, 0.3, 0.4, 0.55], 0.15),
        ([0, 10, 20, 30, 40, 50, 60], [0, 0, 0, 0, 0.3, 0.4, 0.45], 0.05),
        ([0, 50, 100], [0.1, 0.5, 0.3], -0.2),  # the end itself is no earlier evaluation
        ([0, 70, 100], [0.1, 0.5, 0.3], -0.2),
        ([0], [0.4], 0),
        ([0, 60, 100], [0.1, 0.2, 0.5], 0.3),  # 60 and 100 are equally near to 80
    ],
)
def test_the_late_rise_of_a_curve(steps: list[int], curve: list[float], rise: float) -> None:
    assert late_rise(pd.Series(curve, index=steps)) == pytest.approx(rise)


def test_convergence_marks_and_names_what_still_rises(study: Study, tables: Path) -> None:
    """Un-primed curves rise as 1 - exp(-step/25), primed ones as 1 - exp(-step/8), which has settled after 60 steps."""
    figure = drawn("convergence", study, tables)
    curves = pd.read_csv(tables / "curves.csv").groupby(["strategy", "step"])["dev"].mean().unstack()
    rising = {name for name, rise in (curves[60] - curves[50]).items() if rise > 0.01}
    assert {"none -> plm", "none -> adapter"} <= rising
    assert all(name.startswith("none") for name in rising)
    arrows = [line for ax in figure.axes for line in ax.lines if "arrow" in str(line.get_marker())]
    assert len(arrows) == len(rising)
    note = " ".join(figure.texts[0].get_text().split())
    assert f"Still rising at the end (by more than 0.01 over the last fifth of the steps), {len(rising)} of 16" in note
    assert f"plm: none, un-primed ({curves[60]['none -> plm'] - curves[50]['none -> plm']:+.3f})" in note


def test_convergence_says_that_nothing_rises(make_study: Callable[..., Study], tables: Path) -> None:
    figure = drawn("convergence", make_study(figures={"convergence": {"rising": 0.5}}), tables)
    assert "At the end no curve still rises (by more than 0.5 over the last fifth of the steps)." in " ".join(
        figure.texts[0].get_text().split()
    )
    assert not [line for ax in figure.axes for line in ax.lines if "arrow" in str(line.get_marker())]


def test_groups_draws_each_gain_with_its_interval(study: Study, root: Path, tmp_path: Path) -> None:
    targets = study.tasks.target
    write_tables(study, root, tmp_path, {"one": targets[:9], "two": targets[9:]})
    figure = drawn("groups", study, tmp_path)
    effects = pd.read_csv(tmp_path / "effects_by_group.csv").dropna(subset=["gain"])
    effects["tuned"] = effects["strategy"].str.extract(r"-> (\w+)")
    assert [ax.get_title("left") for ax in figure.axes] == [
        "tuning plm",
        "tuning adapter",
        "tuning prompt",
        "tuning prefix",
    ]
    for ax in figure.axes:
        ours = effects[effects["tuned"] == ax.get_title("left").split()[1]]
        marks = sorted(float(line.get_xdata()[0]) for line in ax.lines if len(line.get_xdata()) == 1)
        np.testing.assert_allclose(marks, sorted(ours["gain"]))
        bars = sorted(tuple(segment[:, 0]) for lines in ax.collections for segment in lines.get_segments())
        np.testing.assert_allclose(bars, sorted(zip(ours["low"].dropna(), ours["high"].dropna(), strict=True)))
    hollow = [line for ax in figure.axes for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == (effects["group"] == "two").sum() > 0
    assert "No gain (failed or not primed): reptile[plm | plm x5] -> adapter." in " ".join(
        figure.texts[0].get_text().split()
    )


def test_compute_joins_budgets_only(budgets: tuple[Study, Path], study: Study, tables: Path) -> None:
    lines = [line for line in drawn("compute", *budgets).axes[0].lines if len(line.get_xdata()) == 3]
    assert len(lines) == 1
    assert not [line for ax in drawn("compute", study, tables).axes for line in ax.lines if len(line.get_xdata()) > 2]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("convergence", "No strategy of this study is primed"),
        ("groups", "No primed strategy of this study has a gain"),
        ("compute", "No strategy of this study is primed"),
    ],
)
def test_nothing_to_draw_is_said(
    name: str, text: str, make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path
) -> None:
    study = make_study(strategies=["none -> plm", "none -> adapter"])
    write_tables(study, make_results(study, tmp_path), tmp_path / "tables")
    assert text in boxes(drawn(name, study, tmp_path / "tables"))[0][0]


def test_a_study_without_arg_says_so_where_arg_was_to_be_drawn(
    make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path
) -> None:
    study = make_study(**STUDIES["no ARG"])
    write_tables(study, make_results(study, tmp_path), tmp_path / "tables")
    for name in ("parameter_efficiency", "strategy_matrix"):
        [text] = drawn(name, study, tmp_path / "tables").axes[0].texts
        assert "No average relative gain (ARG) is given" in text.get_text()
    bars = drawn("tasks", study, tmp_path / "tables").findobj(Text)
    assert not [text for text in bars if "the ARG baseline" in text.get_text()]
    assert [text for text in bars if "Shown: of each tuned element" in text.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_a_study_in_which_all_failed_still_draws(
    name: str, make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path
) -> None:
    study = make_study(strategies=["none -> plm", "mtl[plm] -> plm"])
    empty = {"winner": None, "dev": None, "test": None, "flops": None, "reason": "loss is nan at step 1"}

    def failed(result: dict[str, Any]) -> dict[str, Any]:
        return result if "priming" in result else {**result, **empty, "status": "failed"}

    write_tables(study, make_results(study, tmp_path, failed), tmp_path / "tables")
    (only,) = boxes(drawn(name, study, tmp_path / "tables"))
    assert only[0].startswith("No ")


def test_looks_differ_without_colour(study: Study) -> None:
    found = looks(study)
    assert set(found) == {"none", *map(str, study.primings)}
    assert len({(look.marker, look.fill) for look in found.values()}) == len(found)


@pytest.mark.parametrize("number", [1, 7, 8, 9, 20, 40])
def test_no_two_bars_look_alike(number: int) -> None:
    found = bar_rows.faces((f"strategy {n}", COLOURS[n % len(COLOURS)]) for n in range(number))
    assert len({(face["facecolor"], face["hatch"]) for face in found.values()}) == number
    assert list(found) == [f"strategy {n}" for n in range(number)]


def test_missing_table_is_named(study: Study, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"curves\.csv is missing; run snakemake"):
        draw("convergence", study, tmp_path, tmp_path / "out")


def test_charts_show_what_the_study_lays_out(
    make_study: Callable[..., Study], make_results: Callable[..., Path], tmp_path: Path
) -> None:
    study = make_study(**STUDIES["charts"])
    write_tables(study, make_results(study, tmp_path), tmp_path / "tables")
    figure = drawn("charts", study, tmp_path / "tables")
    first, second = figure.axes
    assert (first.get_title("left"), second.get_title("left")) == ("Two PLMs", "One")
    cells = pd.read_csv(tmp_path / "tables/per_task.csv")
    tasks = study.tasks.target
    ours = (
        cells[(cells["plm"] == "small") & (cells["strategy"] == "mtl[plm] -> plm")]
        .set_index("task")["mean"]
        .reindex(tasks)
    )
    heights = [
        bar.get_height()
        for bar in first.containers[2 if len(first.containers) == 4 else 1]
        if hasattr(bar, "get_height")
    ]
    assert heights == pytest.approx(list(ours))
    assert len([c for c in second.containers if hasattr(c[0], "get_height")]) == 3
