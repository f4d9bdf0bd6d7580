"""The study of cross-lingual NER: means, gains, and the gap to full tuning that priming closes."""

import numpy as np

from priming.blocks import Block
from priming.evaluation.gains import Scores, absolute_gains, mean_over_tasks, relative_gains
from priming.published.checks import Check, check_block, count_check, noted, number_check, signed
from priming.published.sheets import sheet

FULL, HEAD, ADAPTER, META, FT, MAML_LOOP, ONE_STEP = "1234567"
HUNDREDTH = 0.005
MBERT, HEAD_SIZE, ADAPTER_SIZE, POOLER = 177_853_440, 5_383, 99_136, 590_592


def blocks() -> list[Block]:
    """Table 1 with values recomputed from it, and the statements of the paper checked against it."""
    return [_settings(), check_block("gheini2022-checks", "Statements", [*_statements(), *_shares()], *_note())]


def f1() -> dict[str, Scores]:
    """The F1 of each setting [N], N the six languages, in percent."""
    languages = ("hi", "af", "az", "lt", "et", "nl")
    return {
        row["setting"]: np.array([float(row[language]) for language in languages])
        for row in sheet("gheini2022_table1").rows
    }


def figure4() -> dict[tuple[str, str], float]:
    """The mean F1 by what the inner loop moves and what is fine-tuned (PE or Full)."""
    return {(row["inner_loop"], row["fine_tuning"]): float(row["mean_f1"]) for row in sheet("gheini2022_matrix").rows}


def _settings() -> Block:
    found = f1()
    full, adapter = found[FULL], found[ADAPTER]
    rows = []
    for row in sheet("gheini2022_table1").rows:
        ours = found[row["setting"]]
        over = absolute_gains(ours, adapter)
        arg = signed(float(mean_over_tasks(relative_gains(ours, full))), 2)
        rows.append(
            [
                f"{row['setting']}/{row['name']}",
                *_means(float(ours.mean())),
                signed(over.min(), 2),
                signed(over.max(), 2),
                arg,
            ]
        )
    for number, inner in (("8", "PE"), ("9", "Full")):
        rows.append(
            [f"{number}/{inner} inner loop -> Full (Figure 4)", *_means(figure4()[inner, "Full"]), "-", "-", "-"]
        )
    header = ["F1", "mean", "over 3", "over 1", "gap closed, %", "least over 3", "most over 3", "ARG over 1, %"]
    note = noted(
        f"Source: {sheet('gheini2022_table1').source} One number a cell, no deviation.",
        "Recomputed: means over six languages, their differences to 3/AT and 1/Full FT, "
        "the share of the gap between those two that is closed,",
        "and the average relative gain (ARG) over 1/Full FT, which the paper does not print.",
    )
    return Block("gheini2022-settings", "Table 1 (and the right column of Figure 4)", header, rows, note)


def _means(mean: float) -> list[str]:
    full, adapter = float(f1()[FULL].mean()), float(f1()[ADAPTER].mean())
    closed = 100 * (mean - adapter) / (full - adapter)
    return [f"{mean:.2f}", signed(mean - adapter, 2), signed(mean - full, 2), f"{closed:.0f}"]


def _statements() -> list[Check]:
    found, cells = f1(), figure4()
    meta = found[META]
    diagonal = [cells["PE", "PE"] > cells["Full", "PE"], cells["Full", "Full"] > cells["PE", "Full"]]
    return [
        number_check("Figure 4, PE -> PE: mean of 4", cells["PE", "PE"], float(meta.mean()), 2 * HUNDREDTH, 2),
        number_check(
            "Figure 4, Full -> PE: mean of 6", cells["Full", "PE"], float(found[MAML_LOOP].mean()), 2 * HUNDREDTH, 2
        ),
        number_check("4 gains up to, over 3/AT", 5.08, float((meta - found[ADAPTER]).max()), 2 * HUNDREDTH, 2),
        number_check("4 gains up to, over 5/FT Priming", 1.7, float((meta - found[FT]).max()), 0.05 + 2 * HUNDREDTH),
        count_check("4 above 5, by language", "all", list(meta > found[FT])),
        count_check("4 above 6/MAML Loop, by language", "all", list(meta > found[MAML_LOOP])),
        count_check("4 above 7/1 Inner Step, by language", "all", list(meta > found[ONE_STEP])),
        count_check("best of a column of Figure 4 on its diagonal", "both", diagonal),
    ]


def _shares() -> list[Check]:
    tuned = HEAD_SIZE + ADAPTER_SIZE
    return [
        number_check("tuned by HT, % of mBERT", 3e-3, 100 * HEAD_SIZE / MBERT, 0.5e-3, 5),
        number_check("tuned by AT, % of mBERT", 0.4, 100 * tuned / MBERT, 0.05, 3),
        number_check("the same with mBERT's pooler", 0.4, 100 * (tuned + POOLER) / MBERT, 0.05, 3),
    ]


def _note() -> list[str]:
    lead = f1()[META] - f1()[FT]
    below = [name for name, setting in (("6", MAML_LOOP), ("7", ONE_STEP)) if f1()[setting].mean() < f1()[FT].mean()]
    return [
        f"The lead of 4 over plain fine-tuning (5) is {lead.min():.2f} to {lead.max():.2f} by language;",
        f"{' and '.join(below)}, meta-learning with another inner loop, stay below 5 on average.",
        f"Sizes: head {HEAD_SIZE:,}, adapter of 64 {ADAPTER_SIZE:,}, mBERT {MBERT:,} with its pooler of {POOLER:,};",
        "nothing in the paper says that the pooler is tuned.",
    ]
