"""The layout of every figure: no label over another or outside, and panels that keep their size."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from priming.reporting.tables import write_tables
from priming.study import Study
from priming.study.figures import FIGURES
from priming.tasks.groups import groups

from .figure_studies import STUDIES, Corners, boxes, drawn


@pytest.fixture(scope="module", params=STUDIES)
def figures(
    request: pytest.FixtureRequest,
    make_study: Callable[..., Study],
    make_results: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Figure]:
    """All figures of a study."""
    study, root = make_study(**STUDIES[request.param]), tmp_path_factory.mktemp("made")
    write_tables(study, make_results(study, root), root / "tables", groups(study.tasks))
    return {name: drawn(name, study, root / "tables") for name in FIGURES}


def overlap(one: Corners, other: Corners) -> bool:
    """Whether two rectangles share a point (separating axes)."""
    for box in (one, other):
        for edge in (box[1] - box[0], box[3] - box[0]):
            a, b = one @ edge, other @ edge
            if a.max() <= b.min() or b.max() <= a.min():
                return False
    return True


def test_overlap_sees_turned_boxes() -> None:
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    diamond = np.array([[1.9, 0.9], [2.4, 1.4], [1.9, 1.9], [1.4, 1.4]])
    assert overlap(square, square + 0.5)
    assert not overlap(square, square + np.array([1.5, 0]))
    assert not overlap(square + np.array([0.45, 0]), diamond)
    assert overlap(square + 0.8, diamond)


@pytest.mark.parametrize("name", FIGURES)
def test_labels_neither_overlap_nor_leave_the_figure(name: str, figures: dict[str, Figure]) -> None:
    figure = figures[name]
    found = boxes(figure)
    assert found
    width, height = figure.get_size_inches() * figure.dpi
    for text, box in found:
        assert box.min() >= -2, text
        assert box[:, 0].max() <= width + 2, text
        assert box[:, 1].max() <= height + 2, text
    clashes = [(a, b) for (a, box), (b, other) in itertools.combinations(found, 2) if overlap(box, other)]
    assert not clashes


@pytest.mark.parametrize("name", FIGURES)
def test_panels_keep_their_size(name: str, figures: dict[str, Figure]) -> None:
    for ax in figures[name].axes:
        if ax.get_label() != "<colorbar>" and ax.axison:
            assert ax.get_window_extent().height > 0.5 * 200


def test_no_axes_are_empty(figures: dict[str, Figure]) -> None:
    for figure in figures.values():
        for ax in figure.axes:
            assert ax.lines or ax.collections or ax.patches or ax.texts
