"""The study of promptability: differences between its rows, and its ARG over chance recomputed from accuracies."""

import itertools
from collections.abc import Iterator

import numpy as np

from priming.blocks import Block
from priming.evaluation.gains import Scores, mean_over_tasks, relative_gains
from priming.published.checks import Check, check_block, count_check, noted, number_check, signed
from priming.published.sheets import sheet

Cell = tuple[str, str, str]
BOTH, OURS, OFFICIAL = "MTL-T{trained}P{trained}", "MTL-T{trained}P{absent}", "MTL-T{trained}P{absent}, official T0"
META = ("FOMAML", "Reptile")
SIZES = {"T5-Large": "L", "T5-XL": "XL"}
CELLS: list[Cell] = list(itertools.product(SIZES, ("shallow", "deep"), ("0", "16")))
ROUNDING, DIGIT = 0.05, 0.0005


def blocks() -> list[Block]:
    """Differences between the rows of Table 1, statements of the paper, and ARG from accuracies."""
    return [
        _rows(),
        _tuning(),
        check_block("wu2022-checks", "Statements", [*_statements(), *_recomputed()], *_note()),
        _by_dataset(),
    ]


def arg(method: str) -> dict[Cell, float]:
    """The ARG of a row of Table 1 by model, prompt and shots, in percent over chance."""
    rows = sheet("wu2022_table1").rows
    return {(row["model"], row["prompt"], row["shots"]): float(row["arg"]) for row in rows if row["method"] == method}


def accuracies(method: str) -> Scores:
    """Mean accuracy over the templates of each dataset [N]: T5-XL, deep prompt, 16 shots."""
    return np.array([float(row[method]) for row in sheet("wu2022_accuracies").rows])


def chance() -> Scores:
    """Accuracy of guessing [N]."""
    return np.array([1 / float(row["choices"]) for row in sheet("wu2022_accuracies").rows])


def _rows() -> Block:
    pairs = [
        (BOTH, OURS),
        (BOTH, OFFICIAL),
        (OURS, OFFICIAL),
        *((BOTH, method) for method in META),
        (META[0], META[1]),
        (BOTH, "none"),
    ]
    rows = [
        [f"{_short(a)} over {_short(b)}", *(_difference(arg(a).get(cell), arg(b).get(cell)) for cell in CELLS)]
        for a, b in pairs
    ]
    header = ["points of ARG", *(f"{SIZES[model]} {prompt} {shots}" for model, prompt, shots in CELLS)]
    note = noted(
        f"Source: {sheet('wu2022_table1').source}",
        "Recomputed: every difference. MTL-TP is MTL-T{trained}P{trained}, "
        "T0 the authors' own MTL-T{trained}P{absent};",
        "L and XL are T5-Large and T5-XL, 0 and 16 shots. One seed; with CB's 56 examples below 2 points "
        "are no evidence.",
    )
    return Block("wu2022-rows", "Table 1: row over row", header, rows, note)


def _tuning() -> Block:
    methods = list(dict.fromkeys(row["method"] for row in sheet("wu2022_table1").rows))
    settings = list(itertools.product(SIZES, ("shallow", "deep")))
    rows = [
        [method, *(_difference(arg(method).get((*s, "16")), arg(method).get((*s, "0"))) for s in settings)]
        for method in methods
    ]
    header = ["points of ARG", *(f"{SIZES[model]} {prompt}" for model, prompt in settings)]
    return Block(
        "wu2022-tuning",
        "Table 1: 16 shots over none",
        header,
        rows,
        "Recomputed: what prompt tuning on 16 examples adds to no tuning.",
    )


def _statements() -> list[Check]:
    both, ours, official = arg(BOTH), arg(OURS), arg(OFFICIAL)
    few = [cell for cell in CELLS if cell[2] == "16"]
    large = ("T5-Large", "shallow", "16")
    worse = [
        t0[size, "shallow", "16"] < t0[size, "shallow", "0"]
        for t0 in (ours, official)
        for size in SIZES
        if (size, "shallow", "0") in t0
    ]
    return [
        number_check(
            "MTL-TP over T0, Large, shallow, 16 shots, relative %", 31, 100 * (both[large] / ours[large] - 1), 1.0
        ),
        count_check("MTL-TP above T0", "all", [both[cell] > ours[cell] for cell in CELLS]),
        count_check("T0 above the official T0", "all", [ours[cell] > official[cell] for cell in official]),
        count_check(
            "FOMAML and Reptile below MTL-TP, 16 shots",
            "all",
            [arg(method)[cell] < both[cell] for method in META for cell in few],
        ),
        count_check("T0 worse with 16 shots than none, shallow", "all", worse),
        count_check(
            "MTL-TP without shots: shallow above deep",
            "all",
            [both[s, "shallow", "0"] > both[s, "deep", "0"] for s in SIZES],
        ),
    ]


def recomputed_arg(method: str) -> float:
    """ARG over chance in percent, counting each dataset once."""
    return float(mean_over_tasks(relative_gains(accuracies(method), chance())))


def _recomputed() -> Iterator[Check]:
    within = ROUNDING + float(mean_over_tasks(100 * DIGIT / chance()))
    for method in (OURS, BOTH):
        statement = f"ARG of {_short(method)}, XL, deep, 16 shots, from accuracies"
        yield number_check(statement, arg(method)["T5-XL", "deep", "16"], recomputed_arg(method), within)


def _by_dataset() -> Block:
    guess = chance()
    found = {method: (accuracies(method), relative_gains(accuracies(method), guess)) for method in (OURS, BOTH)}
    rows = []
    for n, row in enumerate(sheet("wu2022_accuracies").rows):
        numbers = [
            cell
            for accuracy, gain in found.values()
            for cell in (f"{accuracy[n]:.3f}", signed(gain[n]), f"{gain[n] / guess.size:.1f}")
        ]
        rows.append([row["dataset"], f"{guess[n]:.3f}", *numbers])
    rows.append(
        [
            "ARG",
            "-",
            *(
                cell
                for method in found
                for cell in ("-", signed(recomputed_arg(method)), f"{recomputed_arg(method):.1f}")
            ),
        ]
    )
    header = [
        "dataset",
        "chance",
        *(f"{_short(method)}{part}" for method in found for part in ("", ", gain %", ", share")),
    ]
    note = noted(
        f"Source: {sheet('wu2022_accuracies').source}", "Recomputed: the gain over chance, and what it gives to ARG."
    )
    return Block("wu2022-datasets", "ARG over chance by dataset: T5-XL, deep prompt, 16 shots", header, rows, note)


def _note() -> list[str]:
    return [
        "The paper says that ARG is a mean over all templates; its numbers come out when the nine datasets "
        "count once each.",
        "A flat mean over the 116 templates would be 38.7 and 39.4 (of the unrounded accuracies, "
        "which are not in this package).",
        "Accuracies rounded to three digits move ARG by 0.1.",
    ]


def _short(method: str) -> str:
    return {BOTH: "MTL-TP", OURS: "T0", OFFICIAL: "official T0", "none": "no priming"}.get(method, method)


def _difference(a: float | None, b: float | None) -> str:
    return "-" if a is None or b is None else signed(a - b)
