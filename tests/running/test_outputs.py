"""The outputs of a study."""

from pathlib import Path

import pytest

from priming.running.outputs import left_over, outputs_of
from tests.tiny_study import Checkout


def test_figures_that_are_no_longer_drawn_are_not_among_the_outputs(
    made: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made.folder)
    study = made.recipes().graph.study
    drawn = [Path(f"results/tiny/figures/{name}/{name}.svg") for name in ("strategy_matrix", "tasks")]
    assert outputs_of(study) == drawn
    assert left_over(study) == []
    made.edit("config.yaml", "draw: [strategy_matrix, tasks]", "draw: [tasks]")
    study = made.recipes().graph.study
    assert outputs_of(study) == drawn[1:]
    assert left_over(study) == [drawn[0].parent]
