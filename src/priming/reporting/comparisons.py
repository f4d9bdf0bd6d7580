"""The differences between strategies listed in `scoring.compare`, as a frame and as a formatted table."""

from collections.abc import Iterator

import pandas as pd

from priming.blocks import Block
from priming.evaluation.permutation import sign_flip_p
from priming.reporting import wording
from priming.reporting.effects import detectable, over_tasks
from priming.reporting.grid import Grid
from priming.strategies import Strategy
from priming.study import Study

COMPARISONS = [
    *("plm", "strategy", "other", "difference", "low", "high", "tasks", "tasks_better", "interval"),
    *("p", "detectable", "seeds", "runs", "metric", "decoder"),
]


def comparisons(grid: Grid) -> pd.DataFrame:
    """For each pair and PLM, the first strategy minus the second, paired by task, seed and sample; `p` uncorrected."""
    rows = []
    for plm in grid.study.plms:
        for pair in grid.study.scoring.compare:
            found = grid.gain(plm, Strategy.parse(pair.first), Strategy.parse(pair.second))
            rows.append(
                {
                    "plm": plm,
                    "strategy": pair.first,
                    "other": pair.second,
                    "difference": found.gain,
                    **over_tasks(found),
                    "p": sign_flip_p(found.gains),
                    "detectable": detectable(found),
                    "seeds": found.seeds,
                    "runs": found.runs,
                    "metric": grid.metric,
                    "decoder": grid.decoder,
                }
            )
    return pd.DataFrame(rows, columns=COMPARISONS)


def comparison_blocks(study: Study, frames: dict[str, pd.DataFrame], plm: str) -> Iterator[Block]:
    """The table of a PLM, if the study compares strategies."""
    frame = frames["comparisons"]
    cells = [
        [
            *(
                row["strategy"],
                row["other"],
                wording.gain_interval(row["difference"], row["low"], row["high"]),
                wording.p(row["p"]),
            ),
            *(wording.fixed(row["detectable"]), f"{row['tasks_better']} of {row['tasks']}", row["interval"]),
        ]
        for row in frame[frame["plm"] == plm].to_dict("records")
    ]
    if cells:
        header = ["strategy", "other", "difference", "p", "detectable", "tasks better", "interval"]
        note = (
            "The first strategy minus the other, paired by task, seed and sample; "
            "each comparison for itself, p is not corrected for the others."
        )
        caption = f"PLM {plm}: differences between strategies ({wording.setting(study)})"
        yield Block(f"{study.name}-{plm}-comparisons", caption, header, cells, note)
