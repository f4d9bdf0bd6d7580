"""Figures in documents, drawn from stored tables."""

from pathlib import Path

from priming.quoting.store import FOLDER, read
from priming.reporting.figures import draw
from priming.study.load import load_study


def drawn(study: str, figure: str, out: Path, folder: Path = FOLDER) -> Path:
    """Draw a figure of a stored study into the folder `out`, as SVG, and return its file.

    Raises:
        DataError: the study, or a table that the figure needs, is not stored.
    """
    quote = read(folder / study)
    loaded = load_study(Path(quote.study_file))
    style = loaded.figures.style.model_copy(update={"formats": ["svg"]})
    figures = loaded.figures.model_copy(update={"style": style})
    draw(figure, loaded.model_copy(update={"figures": figures}), folder / study, out)
    return out / f"{figure}.svg"
