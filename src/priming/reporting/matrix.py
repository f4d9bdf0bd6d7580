"""The scores of a study as a formatted matrix: one row per priming, one column per downstream element."""

from collections.abc import Iterator

import pandas as pd

from priming.blocks import Block
from priming.reporting import wording
from priming.study import Study


def matrix(study: Study, frames: dict[str, pd.DataFrame], plm: str) -> Iterator[Block]:
    """Mean and deviation of the score: a row per priming, a column per tuned elements with their fraction of
    parameters.
    """
    frame = frames["strategies"]
    rows = frame[frame["plm"] == plm]
    cells = {
        (row["priming"], row["downstream"]): wording.mean_deviation(row["mean"], row["deviation"])
        for row in rows.to_dict("records")
    }
    shares = dict(zip(rows["downstream"], rows["share"], strict=True))
    primings = dict.fromkeys(rows["priming"])
    body = [
        [priming, *(cells.get((priming, downstream), wording.NOTHING) for downstream in shares)] for priming in primings
    ]
    header = ["priming", *(f"{downstream} ({wording.percent(share)})" for downstream, share in shares.items())]
    caption = (
        f"PLM {plm}: {wording.selecting_score(study)}, by priming and by what is tuned after it ({wording.size(study)})"
    )
    note = (
        f"Mean ± {wording.deviation(study)} over crossed pairs of seed and sample; "
        "in brackets the share of the parameters that are tuned."
    )
    yield Block(f"{study.name}-{plm}-matrix", caption, header, body, note)


def grid_points(study: Study, frames: dict[str, pd.DataFrame], plm: str) -> Iterator[Block]:
    """One row per strategy and grid point, with its mean development score, by which settings are chosen."""
    frame = frames["grid"]
    lengths = [key for key in ("length",) if key in frame]
    rows = [
        [
            str(row["strategy"]),
            str(row["learning_rates"]),
            str(row["batch_size"]),
            *(row[key] for key in lengths),
            wording.mean_deviation(row["dev"], row["deviation"]),
            str(row["won"]),
        ]
        for row in frame[frame["plm"] == plm].to_dict("records")
    ]
    caption = f"PLM {plm}: best development score at each point of the grid ({wording.size(study)})"
    note = (
        f"Mean ± {wording.deviation(study)} over tasks, samples and seeds; `won`: "
        "sweeps in which the point was the best."
    )
    yield Block(
        f"{study.name}-{plm}-grid",
        caption,
        ["strategy", "learning rates", "batch", *lengths, "development score", "won"],
        rows,
        note,
    )
