"""Figures, a module each, drawn from the tables of a study alone."""

import importlib
from pathlib import Path

from priming.study import Study


def draw(figure: str, study: Study, tables: Path, out: Path) -> None:
    """Draw `figure` from the folder `tables` into the folder `out`, in the formats of the study; raises DataError.

    The module of a figure is loaded by its name, so that a change of one figure concerns no other.
    """
    from priming.reporting.figures import style

    module = importlib.import_module(f"{__name__}.{figure}")
    out.mkdir(parents=True, exist_ok=True)
    with style.applied(study.figures.style):
        style.save(module.figure(study, tables), out / figure, study.figures.style)
