"""Figures, one module each, drawn only from the tables of a study."""

import importlib
from pathlib import Path

from priming.entries import module_of
from priming.study import Study


def draw(figure: str, study: Study, tables: Path, out: Path) -> None:
    """Draw `figure` from the folder `tables` into the folder `out`, in the formats of the study; raises DataError.

    The module of a figure is loaded by name, so that changing one figure affects no other.
    """
    from priming.reporting.figures import style

    module = importlib.import_module(module_of("figure", __name__, figure))
    out.mkdir(parents=True, exist_ok=True)
    with style.applied(study.figures.style):
        style.save(module.figure(study, tables), out / figure, study.figures.style)
