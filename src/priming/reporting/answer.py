"""Front-page text on the gains of priming, and which claims they support."""

from collections.abc import Iterator

import pandas as pd

from priming.evaluation.intervals import FEWEST_TASKS, TOO_FEW_TASKS
from priming.reporting import wording
from priming.reporting.collect import Row
from priming.reporting.effects import ALPHA, clear
from priming.reporting.restructured import list_table, literal, plain

Frames = dict[str, pd.DataFrame]


def gains(frames: Frames) -> Iterator[str]:
    """Every gain over a twin as a table, the meaning of its columns, and gains of single tasks if tasks are few."""
    effects = frames["effects"]
    if effects.empty:
        yield "No strategy of this study is primed and has an un-primed twin."
        return
    if "task_gains" in frames:
        yield from _few_tasks(frames["task_gains"], effects)
    if (effects["interval"] == TOO_FEW_TASKS).all():
        return
    yield f"Gains over the un-primed twin, paired by task, seed and sample; brackets hold {wording.LEVEL} intervals."
    yield ""
    rows = [["PLM", "strategy", "gain over twin", "p", "p (Holm)", "tasks better", "interval"]]
    for row in effects.to_dict("records"):
        cells = [plain(row["plm"]), literal(row["strategy"]), gain(row), wording.p(row["p"]), wording.p(row["p_holm"])]
        rows.append([*cells, f"{row['tasks_better']} of {row['tasks']}", row["interval"]])
    yield from list_table(rows, header=True)
    yield ""
    yield family(effects)


def gain(effect: Row) -> str:
    """`+0.304 [+0.190, +0.410]`."""
    return wording.gain_interval(effect["gain"], effect["low"], effect["high"])


def family(effects: pd.DataFrame) -> str:
    """The test behind p, its correction, and the smallest possible p."""
    known = effects.dropna(subset=["p"])
    least = known["least_p"].min()
    text = (
        "p is that of a sign-flip permutation test over tasks, given these primings. p (Holm) is corrected for "
        f"{_comparisons(len(known))}. "
        f"The least p that {wording.plural(int(known['tasks'].max()), 'task')} can give is {wording.p(least)}, "
        f"corrected {wording.p(min(1.0, least * len(known)))}."
    )
    if least * len(known) >= ALPHA:
        text += f" So no gain of this study can have a corrected p below {ALPHA:g}."
    return text


def _comparisons(number: int) -> str:
    return "the one gain of this study" if number == 1 else f"all {number} gains of this study"


def count_clear(effects: list[Row]) -> str:
    """The number of gains clear of zero, if there are intervals; otherwise nothing."""
    known = [row for row in effects if not pd.isna(row["low"])]
    found = [clear(row) for row in known]
    if not known:
        return ""
    return (
        f" Primed strategies clear of zero (p (Holm) below {ALPHA:g}): {found.count(1)} of {len(known)} gain, "
        f"{found.count(-1)} lose."
    )


def _few_tasks(task_gains: pd.DataFrame, effects: pd.DataFrame) -> Iterator[str]:
    """The gain of each task, with a sentence that nothing follows for other tasks."""
    most = int(effects.loc[effects["interval"] == TOO_FEW_TASKS, "tasks"].max())
    yield (
        f"**Nothing can be claimed over tasks**: an interval over tasks needs {FEWEST_TASKS}, these gains are over "
        f"{most}. "
        "Below is the gain on each task over the un-primed twin, for the runs that were made; "
        f"brackets hold {wording.LEVEL} intervals over its test rows, so they say nothing about other primings, "
        "samples or tasks."
    )
    yield ""
    tasks = list(dict.fromkeys(task_gains["task"]))
    rows = [["PLM", "strategy", *(literal(task) for task in tasks), "mean"]]
    means = {(row["plm"], row["strategy"]): row["gain"] for row in effects.to_dict("records")}
    for (plm, strategy), group in task_gains.groupby(["plm", "strategy"], sort=False):
        cells = {row["task"]: gain(row) for row in group.to_dict("records")}
        row = [plain(str(plm)), literal(str(strategy)), *(cells[task] for task in tasks)]
        rows.append([*row, wording.signed(means[plm, strategy])])
    yield from list_table(rows, header=True)
    yield ""
