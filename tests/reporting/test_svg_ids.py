"""A figure has the same bytes whatever was in memory when it was drawn."""

import re
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Circle

from priming.reporting.figures.style import save
from priming.study.figures import Style


def drawn(stem: Path) -> str:
    """With a clipping path that is no rectangle, which matplotlib names by its place in memory."""
    figure = Figure(figsize=(2, 2))
    axes = figure.subplots()
    (line,) = axes.plot([0, 1], [0, 1], "o-")
    line.set_clip_path(Circle((0.5, 0.5), 0.3, transform=axes.transData))
    save(figure, stem, Style(formats=["svg"]))
    return stem.with_suffix(".svg").read_text(encoding="utf-8")


def test_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    kept = [drawn(tmp_path / str(number)) for number in range(3)]
    assert len(set(kept)) == 1
    named, asked = set(re.findall(r'\bid="(\w+)"', kept[0])), set(re.findall(r"url\(#(\w+)\)", kept[0]))
    assert asked
    assert asked <= named
