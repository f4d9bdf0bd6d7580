"""Gains from priming by group of target tasks: a table, a formatted block, sentences on the front page."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from priming.blocks import Block
from priming.evaluation.intervals import Comparison, compare
from priming.reporting import wording
from priming.reporting.answer import gain as gain_text
from priming.reporting.collect import Row
from priming.reporting.effects import over_tasks, twins
from priming.reporting.grid import Grid
from priming.reporting.restructured import literal, plain
from priming.strategies import Strategy
from priming.study import Study

Groups = Mapping[str, Sequence[str]]
"""Target tasks by the name of their group."""

COLUMNS = [
    "plm",
    "strategy",
    "twin",
    "group",
    "gain",
    "low",
    "high",
    "tasks",
    "tasks_better",
    "interval",
    "task_names",
    "metric",
    "decoder",
]


def effects_by_group(grid: Grid, groups: Groups) -> pd.DataFrame:
    """Gain of each primed strategy over its un-primed twin on each group of target tasks, paired by task, seed and
    sample.
    """
    rows = [_effect(grid, *pair, name, tasks) for pair in twins(grid) for name, tasks in groups.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _effect(grid: Grid, plm: str, strategy: Strategy, twin: Strategy, group: str, tasks: Sequence[str]) -> Row:
    found = _gain(grid, plm, strategy, twin, tasks)
    return {
        "plm": plm,
        "strategy": str(strategy),
        "twin": str(twin),
        "group": group,
        "gain": found.gain,
        **over_tasks(found),
        "task_names": " ".join(tasks),
        "metric": grid.metric,
        "decoder": grid.decoder,
    }


def _gain(grid: Grid, plm: str, strategy: Strategy, twin: Strategy, tasks: Sequence[str]) -> Comparison:
    """The mean gain over some of the target tasks."""
    places = [grid.study.tasks.target.index(task) for task in tasks]
    return compare(grid.scores(plm, strategy)[places], grid.scores(plm, twin)[places], plms=grid.plm_index(plm))


def group_blocks(study: Study, frames: Mapping[str, pd.DataFrame], plm: str) -> Iterator[Block]:
    """One row per primed strategy, one column per group; nothing if all target tasks are one group."""
    frame = frames["effects_by_group"]
    frame = frame[frame["plm"] == plm]
    names = list(dict.fromkeys(frame["group"]))
    if len(names) < 2:
        return
    rows = []
    for strategy, effects in frame.groupby("strategy", sort=False):
        by_name = {row["group"]: row for row in effects.to_dict("records")}
        rows.append([str(strategy), *(_cell(by_name[name]) for name in names)])
    tasks = dict(zip(frame["group"], frame["task_names"], strict=True))
    header = ["strategy", *names]
    caption = (
        f"PLM {plm}: gain over the un-primed twin, by group of target tasks ({wording.selecting_score(study)}; "
        f"{wording.size(study)})"
    )
    listed = "; ".join(f"{name}: {tasks[name].replace(' ', ', ')}" for name in names)
    note = f"In parentheses, tasks that gain. {_caution(frame)} {listed[0].upper()}{listed[1:]}."
    yield Block(f"{study.name}-{plm}-groups", caption, header, rows, note)


def _caution(frame: pd.DataFrame) -> str:
    kinds = "; ".join(dict.fromkeys(frame.dropna(subset=["low"])["interval"]))
    if not kinds:
        return "No group has tasks enough for an interval."
    return (
        f"Brackets hold intervals ({kinds}), where a group has tasks enough; they are not corrected for the number of "
        "comparisons."
    )


def _cell(row: Row) -> str:
    if not row["tasks"]:
        return wording.NOTHING
    return f"{gain_text(row)} ({row['tasks_better']} of {row['tasks']})"


def group_sentences(study: Study, frames: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """For each PLM and downstream element, the gains by group of the primed strategy with the best dev score."""
    effects = frames["effects_by_group"]
    if effects["group"].nunique() < 2:
        return
    primed = (
        frames["strategies"]
        .merge(effects[["plm", "strategy"]].drop_duplicates(), on=["plm", "strategy"])
        .dropna(subset=["dev"])
    )
    if primed.empty:
        return
    best = primed.loc[primed.groupby(["plm", "downstream"], sort=False)["dev"].idxmax()]
    yield ""
    yield (
        "By group of target tasks, of each downstream element the primed strategy with the best dev score. "
        f"{_caution(effects)}"
    )
    yield ""
    for plm, strategy in zip(best["plm"], best["strategy"], strict=True):
        rows = effects[(effects["plm"] == plm) & (effects["strategy"] == strategy)]
        of_plm = f" of {plain(plm)}" if len(study.plms) > 1 else ""
        yield f"- {literal(strategy)}{of_plm} over its twin: {'; '.join(map(_phrase, rows.to_dict('records')))}."


def _phrase(row: Row) -> str:
    """`+0.304 [+0.190, +0.410] on 8 tasks with a related source task`; other group names in quotation marks."""
    tasks = wording.plural(row["tasks"], "task")
    name = plain(row["group"])
    of = f"{tasks} {name}" if name.startswith(("with ", "without ")) else f"{tasks} in the group '{name}'"
    return f"{gain_text(row)} on {of}"
