"""Scores of parts of the test rows beside those of all: of rows that training did not see, of each type of entity."""

from collections.abc import Iterator

import pandas as pd

from priming.blocks import Block
from priming.evaluation.answered import UNSEEN
from priming.evaluation.gains import spread
from priming.reporting import wording
from priming.study import Study

ALL, SPLITS = "all", {"test": "test", "dev": "development"}


def part_blocks(study: Study, frames: dict[str, pd.DataFrame], plm: str) -> Iterator[Block]:
    """For each split one row a strategy and task, one column a part, by the selecting metric and decoder."""
    for split, name in SPLITS.items():
        own = frames["parts"]
        own = own[(own["plm"] == plm) & (own["split"] == split) & (own["metric"] == study.scoring.metric)]
        parts = list(dict.fromkeys(own["part"]))
        if not parts:
            continue
        whole = _whole(study, frames, plm) if split == "test" else {}
        rows = []
        for strategy in map(str, study.strategies_of(plm)):
            for task in study.tasks.target:
                cell = own[(own["strategy"] == strategy) & (own["task"] == task)]
                cells = [_mean(study, cell[cell["part"] == part]) for part in parts]
                rows.append([strategy, task, *([whole[strategy, task]] if whole else []), *cells])
        note = (
            f"Mean ± {wording.deviation(study)} over pairs of seed and sample. Unseen rows are those whose input is "
            f"not among those that the sample trains on{_counted(own)}; other parts are types of entity."
        )
        header = ["strategy", "task", *([ALL] if whole else []), *parts]
        caption = f"PLM {plm}: parts of the {name} rows ({wording.selecting_score(study)}; {wording.size(study)})"
        yield Block(f"{study.name}-{plm}-parts-{split}", caption, header, rows, note)


def _counted(own: pd.DataFrame) -> str:
    """How many rows of each task are unseen."""
    first = own[own["part"] == UNSEEN].drop_duplicates("task")
    counts = ", ".join(f"{task} {int(rows):,}" for task, rows in zip(first["task"], first["rows"], strict=True))
    return f" ({counts})" if counts else ""


def _whole(study: Study, frames: dict[str, pd.DataFrame], plm: str) -> dict[tuple[str, str], str]:
    cells = frames["per_task"]
    return {
        (row["strategy"], row["task"]): wording.mean_deviation(row["mean"], row["deviation"])
        for row in cells[cells["plm"] == plm].to_dict("records")
    }


def _mean(study: Study, cell: pd.DataFrame) -> str:
    """Of the selecting decoder, or of the one that stands in for it."""
    chosen = cell[cell["decoder"] == study.scoring.decoder]
    scores = (chosen if len(chosen) else cell)["score"].to_numpy(dtype=float)
    found = spread(scores, study.scoring.freedom)
    return wording.mean_deviation(found.mean, found.deviation)
