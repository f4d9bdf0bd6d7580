"""Studies whose figures are drawn, and the texts of a figure with their boxes."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from priming.reporting.figures import style
from priming.study import Study

Corners = np.ndarray[Any, np.dtype[np.float64]]
RATES = {"plm": 1e-3, "adapter": 5e-3, "prompt": 3e-2, "prefix": 1e-2}
ALL_BARS = [("tiny", "plm"), ("small", "plm"), ("large", "plm"), ("tiny", "adapter"), ("large", "adapter")]


def panel(title: str, *bars: tuple[str, str]) -> dict[str, Any]:
    """A panel of bars, each of a PLM and a strategy."""
    return {"title": title, "bars": [{"plm": plm, "strategy": strategy} for plm, strategy in bars]}


STUDIES: dict[str, dict[str, Any]] = {
    "embedded": {},
    "two PLMs": {"plms": {"tiny": {"generate": {}}, "small": {"generate": {}}}},
    "pretraining seeds": {
        "plms": {"tiny": {"generate": {}, "seeds": [1, 2, 3]}, "small": {"generate": {}}},
        "tasks": {"source": ["copy", "quote"], "target": ["good", "bad"], "samples": [13]},
        "strategies": ["none -> adapter", "mtl[plm+adapter] -> adapter", "mtl[plm] -> adapter"],
        "scoring": {"arg_baseline": "none -> adapter"},
    },
    "four groups": {
        "tasks": {
            "source": ["copy", "quote"],
            "target": [f"task_{n}" for n in range(11)],
            "samples": [13],
            "groups": {
                "with a related source task": [f"task_{n}" for n in range(6)],
                "a group with a long name, of two tasks": ["task_6", "task_7"],
                "tense": ["task_8"],
            },
        },
        "strategies": [
            "none -> plm",
            "none -> adapter",
            "mtl[plm+adapter] -> adapter",
            "maml[plm+adapter | adapter x1] -> adapter",
        ],
    },
    "small type": {
        "figures": {
            "style": {"width": 5.5, "font_size": 7},
            "parameter_efficiency": {"y": "arg"},
            "strategy_matrix": {"value": "gain"},
        }
    },
    "forty tasks": {
        "tasks": {
            "source": ["copy", "quote"],
            "target": [f"task_with_a_long_name_{n}" for n in range(40)],
            "samples": [13],
        },
        "seeds": [1],
        "strategies": ["none -> plm", "none -> adapter", "mtl[plm] -> adapter", "maml[plm | plm x1] -> adapter"],
    },
    "zero-shot too": {
        "strategies": [
            *("none -> plm", "none -> adapter", "none -> nothing", "mtl[plm] -> plm", "mtl[plm] -> nothing"),
            *("mtl[plm+adapter] -> adapter", "mtl[plm+adapter] -> nothing (with adapter)"),
        ]
    },
    "zero-shot alone": {"strategies": ["none -> nothing", "mtl[plm] -> nothing"]},
    "no development sets": {
        "tasks": {"source": ["copy", "quote"], "target": ["good", "bad"], "samples": [13], "dev_set": "none"},
        "strategies": [
            "none -> plm",
            "none -> adapter",
            "mtl[plm+adapter] -> adapter",
            "mtl[plm] -> nothing",
            "none -> nothing",
        ],
        "tuning": {"keep": "last", "batch_sizes": [8], "learning_rates": {"plm": [1e-3], "adapter": [5e-3]}},
    },
    "longest metric": {"scoring": {"metric": "macro_f1_labels"}},
    "charts": {
        "plms": {"tiny": {"generate": {}}, "small": {"generate": {}}},
        "figures": {
            "charts": {
                "panels": [
                    panel("Two PLMs", *((plm, "mtl[plm] -> plm") for plm in ("tiny", "small"))),
                    panel("One", *(("tiny", f"mtl[plm] -> {tuned}") for tuned in ("plm", "adapter", "prompt"))),
                ]
            }
        },
    },
    "three PLMs over the longest baseline": {
        "plms": {name: {"generate": {}} for name in ("tiny", "small", "large")},
        "strategies": [
            *("none -> plm", "none -> adapter"),
            *(f"{p} -> {e}" for e in ("plm", "adapter") for p in (f"mtl[{e}]", f"maml[{e} | {e} x1]")),
        ],
        "scoring": {"arg_baseline": "same algorithm", "arg_plm": "large"},
        "figures": {
            "parameter_efficiency": {"y": "arg"},
            "strategy_matrix": {"value": "arg"},
            "charts": {
                "panels": [
                    panel(p, *((plm, f"{p}[{e}{inner.format(e)}] -> {e}") for plm, e in ALL_BARS))
                    for p, inner in (("mtl", ""), ("maml", " | {} x1"))
                ]
            },
        },
    },
    "no ARG": {
        "strategies": ["none -> adapter", "mtl[plm] -> adapter"],
        "figures": {"parameter_efficiency": {"y": "arg"}, "strategy_matrix": {"value": "arg"}},
    },
    "one strategy": {"strategies": ["none -> plm"]},
    "budgets": {
        "figures": {
            "strategy_matrix": {"value": "arg"},
            "style": {"dpi": 80},
            "charts": {"panels": [panel("Budgets", *(("tiny", f"{p}[plm] -> adapter") for p in ("mtl", "mtl:half")))]},
        },
        "strategies": [
            "none -> plm",
            "none -> adapter",
            *(f"{p}[plm] -> adapter" for p in ("mtl", "mtl:half", "mtl:double")),
        ],
        "priming": {
            "mtl": {"learning_rates": RATES},
            "variants": {"mtl:half": {"budget": {"steps": 350}}, "mtl:double": {"budget": {"steps": 1400}}},
        },
    },
}


def drawn(name: str, study: Study, tables: Path) -> Figure:
    """The figure after its layout, on a canvas of the study's resolution."""
    with style.applied(study.figures.style):
        figure: Figure = importlib.import_module(f"priming.reporting.figures.{name}").figure(study, tables)
        FigureCanvasAgg(figure)
        figure.set_dpi(study.figures.style.dpi)
        figure.draw_without_rendering()
    return figure


def texts_of(ax: Axes) -> list[Text]:
    """Every text of a panel that is drawn; ticks outside the view are kept by matplotlib, but not drawn."""
    if not ax.axison:
        return list(ax.texts)
    ticks = [tick for axis in (ax.xaxis, ax.yaxis) for tick in axis._update_ticks()]
    labels = [label for tick in ticks for label in (tick.label1, tick.label2)]
    around = [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label, ax.xaxis.offsetText, ax.yaxis.offsetText]  # type: ignore[attr-defined]
    return [*ax.texts, *labels, *around]


def boxes(figure: Figure) -> list[tuple[str, Corners]]:
    """Every text that is seen, with the corners of its (turned) box in pixels."""
    legends = [text for legend in figure.legends for text in legend.get_texts()]
    above = [text for text in (figure._supxlabel, figure._suptitle) if text]  # type: ignore[attr-defined]
    texts = [*figure.texts, *above, *legends, *(text for ax in figure.axes for text in texts_of(ax))]
    unique = {id(text): text for text in texts if text.get_visible() and text.get_text().strip()}
    return [(text.get_text(), corners(text, figure)) for text in unique.values()]


def corners(text: Text, figure: Figure) -> Corners:
    """The corners of the text's box [4 x 2], turned as the text is, a pixel inside."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    box, turned = text.get_window_extent(renderer), text.get_rotation()
    text.set_rotation(0)
    flat = text.get_window_extent(renderer)
    text.set_rotation(turned)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [flat.width / 2 - 1, flat.height / 2 - 1]
    angle = np.deg2rad(turned)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(half @ turn + [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
