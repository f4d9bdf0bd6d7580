"""Formatted tables of gains: with tests, their variance components, and gains of single tasks if tasks are few."""

from collections.abc import Iterator

import pandas as pd

from priming.blocks import Block
from priming.evaluation.intervals import FEWEST_PRIMINGS, FEWEST_TASKS
from priming.reporting import wording
from priming.reporting.answer import family, gain
from priming.reporting.collect import Row
from priming.study import Study

Frames = dict[str, pd.DataFrame]

_SOURCES = {"task_sd": "task", "plm_sd": "PLM", "priming_sd": "priming", "sample_sd": "sample", "rest_sd": "rest"}


def effects_blocks(study: Study, frames: Frames, plm: str) -> Iterator[Block]:
    """The tables of a PLM that have rows; the table of gains always."""
    yield _gains(study, frames["effects"], plm)
    if rows := _of(frames["variance"], plm):
        yield _variance(study, rows, plm)
    if "task_gains" in frames and (rows := _of(frames["task_gains"], plm)):
        yield _task_gains(study, rows, plm)


def intervals() -> str:
    """A note on the intervals in brackets."""
    return (
        f"In brackets, {wording.LEVEL} intervals over tasks, each for itself; below {FEWEST_PRIMINGS} primings these "
        "are kept as they are "
        f"(given these primings), from {FEWEST_PRIMINGS} on they vary too; below {FEWEST_TASKS} tasks there is no "
        "interval."
    )


def _of(frame: pd.DataFrame, plm: str) -> list[Row]:
    return frame[frame["plm"] == plm].to_dict("records")


def _gains(study: Study, effects: pd.DataFrame, plm: str) -> Block:
    header = ["strategy", "twin", "gain over twin", "p", "p (Holm)", "detectable", "tasks better", "interval"]
    rows = [
        [
            *(
                row["strategy"],
                row["twin"],
                gain(row),
                wording.p(row["p"]),
                wording.p(row["p_holm"]),
                wording.fixed(row["detectable"]),
            ),
            *(f"{row['tasks_better']} of {row['tasks']}", row["interval"]),
        ]
        for row in _of(effects, plm)
    ]
    notes = ["Gains are paired by task, seed and sample.", intervals()]
    if effects["p"].notna().any():
        notes.append(family(effects))
    notes.append(
        "Detectable: the smallest true gain that the study would have found with probability .8 at .05, uncorrected."
    )
    caption = f"PLM {plm}: what priming brings, over the un-primed twin ({wording.setting(study)})"
    nothing = [["no primed strategy with a twin", *[wording.NOTHING] * (len(header) - 1)]]
    return Block(f"{study.name}-{plm}-effects", caption, header, rows or nothing, " ".join(notes))


def _variance(study: Study, rows: list[Row], plm: str) -> Block:
    cells = [[row["strategy"], *(_deviation(row, source) for source in _SOURCES)] for row in rows]
    note = (
        "Standard deviations of a single run's gain, from expected mean squares; rest: interactions and noise; - the "
        "design does not vary it; "
        "0* an estimate below zero."
    )
    caption = f"PLM {plm}: where gains over the un-primed twin vary ({wording.setting(study)})"
    return Block(f"{study.name}-{plm}-variance", caption, ["strategy", *_SOURCES.values()], cells, note)


def _deviation(row: Row, source: str) -> str:
    return "0*" if source.removesuffix("_sd") in row["negative"].split() else wording.fixed(row[source])


def _task_gains(study: Study, rows: list[Row], plm: str) -> Block:
    cells = [[row["strategy"], row["task"], gain(row), str(row["rows"]), str(row["runs"])] for row in rows]
    note = (
        f"In brackets, {wording.LEVEL} intervals over test rows, for the runs that were made. "
        "With so few tasks nothing can be claimed over tasks."
    )
    caption = f"PLM {plm}: gain on each task over the un-primed twin ({wording.setting(study)})"
    return Block(
        f"{study.name}-{plm}-task-gains",
        caption,
        ["strategy", "task", "gain over twin", "test rows", "pairs of runs"],
        cells,
        note,
    )
