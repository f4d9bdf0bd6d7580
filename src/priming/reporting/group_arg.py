"""ARG over chance by group of target tasks, as Wu et al. (2022) average it: tables, and what they say."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from priming.blocks import Block
from priming.evaluation.group_arg import RESAMPLES, Difference, GroupArg, Hits, difference, group_arg
from priming.evaluation.metrics import score
from priming.published.numbers import ARG_CLAIMS, numbers
from priming.reporting import wording
from priming.reporting.collect import Row
from priming.reporting.grid import Grid
from priming.reporting.groups import Groups
from priming.reporting.published import way_of
from priming.reporting.restructured import literal, plain
from priming.reporting.task_gains import Predictions
from priming.strategies import Strategy
from priming.study import Study

ARG_COLUMNS = ["plm", "strategy", "arg_percent", "low", "high", "flat_percent", "groups", "tasks", "seeds"]
GROUP_COLUMNS = [
    *("plm", "strategy", "group", "tasks", "examples", "chance", "accuracy"),
    *("gain_percent", "low", "high", "points"),
]
DIFFERENCE_COLUMNS = [
    *("plm", "strategy", "other", "difference", "low", "high", "p", "arg_p_paper"),
    *("claim", "published_difference"),
]
SMALL, TURNS = 250, 2.0
"""A data set with fewer examples, and with more than so many times its equal part in ARG, is told of (our choice)."""


def group_args(grid: Grid, root: Path, groups: Groups) -> dict[str, pd.DataFrame]:
    """ARG by group of each strategy whose tasks all have runs, its groups, and the differences of the study's pairs.

    Raises DataError for missing or inconsistent predictions.
    """
    hits = {
        (plm, str(strategy)): found
        for plm in grid.study.plms
        for strategy in grid.study.strategies_of(plm)
        if (found := _hits(grid, Predictions(grid, root), plm, strategy, groups))
    }
    args = {key: group_arg(found) for key, found in hits.items()}
    seeds = {plm: len(grid.study.primed_seeds(plm)) for plm in grid.study.plms}
    by_arg = [
        [*key, own.arg, own.low, own.high, own.flat, len(own.groups), len(hits[key]), seeds[key[0]]]
        for key, own in args.items()
    ]
    pairs = [
        [plm, first, second, *_numbers(difference(hits[plm, first], hits[plm, second])), said, theirs]
        for plm in grid.study.plms
        for first, second, said, theirs in _pairs(grid.study, plm)
        if {(plm, first), (plm, second)} <= hits.keys()
    ]
    return {
        "arg_groups": pd.DataFrame(by_arg, columns=ARG_COLUMNS),
        "arg_of_groups": pd.DataFrame(
            [[*key, *row] for key, own in args.items() for row in _rows(own)], columns=GROUP_COLUMNS
        ),
        "arg_differences": pd.DataFrame(pairs, columns=DIFFERENCE_COLUMNS),
    }


def _pairs(study: Study, plm: str) -> Iterator[tuple[str, str, str, float]]:
    """The strategies that are compared: those of the study, and those of a paper's claims, with its difference."""
    for pair in study.scoring.compare:
        yield pair.first, pair.second, "", np.nan
    ways = {way_of(study, plm, strategy): str(strategy) for strategy in study.strategies_of(plm)}
    for paper, lots in study.scoring.published.chosen.items():
        args = {number.way: number.value for number in numbers(paper, lots[plm])} if plm in lots else {}
        for claim in ARG_CLAIMS.get(paper, ()) if args else ():
            if claim.better in ways and claim.worse in ways:
                theirs = args.get(claim.better, np.nan) - args.get(claim.worse, np.nan)
                yield ways[claim.better], ways[claim.worse], claim.said, theirs


def _hits(grid: Grid, predictions: Predictions, plm: str, strategy: Strategy, groups: Groups) -> dict[str, Hits] | None:
    """The test rows of all target tasks; None if one has no run."""
    group_of = {task: group for group, tasks in groups.items() for task in tasks}
    samples = grid.results.samples.dropna(subset=["chance"]).drop_duplicates("task").set_index("task")["chance"]
    found = {}
    for task in grid.study.tasks.target:
        examples: list[str] = []
        correct: list[float] = []
        runs = 0
        for rows, answers in predictions.of_task(plm, strategy, task):
            examples += [made or f"{task}/{row}" for made, row in zip(rows.made_from, rows.rows, strict=True)]
            correct += [score(grid.metric, [text], [own]) for text, own in zip(answers, rows.references, strict=True)]
            runs += 1
        if not runs or task not in samples.index:
            return None
        found[task] = Hits(group_of[task], float(samples[task]), tuple(examples), np.array(correct), runs)
    return found


def _rows(found: GroupArg) -> Iterator[list[str | float]]:
    for own in found.groups:
        yield [own.group, own.tasks, own.examples, own.chance, own.accuracy, own.gain, own.low, own.high, own.share]


def _numbers(found: Difference) -> list[float]:
    return [found.difference, found.low, found.high, found.p, found.paper]


def group_arg_blocks(study: Study, frames: Mapping[str, pd.DataFrame], plm: str) -> Iterator[Block]:
    """ARG with the accuracy of each group; what each adds to ARG; the differences of the study's pairs."""
    args, groups, pairs = (
        frames[name][frames[name]["plm"] == plm] for name in ("arg_groups", "arg_of_groups", "arg_differences")
    )
    if args.empty:
        return
    label, setting = f"{study.name}-{plm}", wording.setting(study)
    yield _accuracies(f"{label}-arg-groups", f"PLM {plm}: ARG over chance by group ({setting})", args, groups)
    caption = f"PLM {plm}: gain over chance by group, in percent ({setting})"
    yield _gains(f"{label}-arg-gains", caption, args, groups)
    caption = f"PLM {plm}: what each group adds to ARG, in points ({setting})"
    yield _points(f"{label}-arg-points", caption, args, groups)
    if len(pairs):
        yield _differences(label, f"PLM {plm}: differences in ARG by group ({setting})", pairs)


def above_chance(frames: Mapping[str, pd.DataFrame], plm: str) -> Iterator[str]:
    """For each group, the strategies whose mean accuracy is clear of chance; in bold if there is none.

    Beside them, what always giving the most frequent answer of the test set has, and how many are clear of that.
    """
    groups, tasks = frames["arg_of_groups"], frames["groups_of_tasks"]
    own, constant = groups[groups["plm"] == plm], frames["majority"].set_index("task")["score"]
    for group, rows in own.groupby("group", sort=False):
        clear = rows[rows["low"] > 0]
        level = f"{wording.LEVEL} intervals over examples, given these runs"
        if clear.empty:
            yield f"**No strategy of {plain(plm)} is above chance on {plain(group)}** ({level})."
            continue
        bounds = zip(clear["strategy"], clear["gain_percent"], clear["low"], clear["high"], strict=True)
        found = ", ".join(
            f"{literal(name)} {wording.gain_interval(gain, low, high, decimals=1)}" for name, gain, low, high in bounds
        )
        number = f"{len(clear)} of {len(rows)} strategies of {plain(plm)}"
        usual = constant.reindex(tasks.loc[tasks["group"] == group, "task"]).mean()
        gain = 100 * (usual / clear["chance"].iloc[0] - 1)
        most = f"the most frequent answer has {wording.signed(gain, decimals=1)} if always given"
        over = (
            "" if np.isnan(gain) else f"; {most}, and {(clear['low'] > gain).sum()} of {len(clear)} are clear of that"
        )
        yield f"Above chance on {plain(group)}, in percent of it ({level}): {number}; {found}{over}."


def _accuracies(label: str, caption: str, args: pd.DataFrame, groups: pd.DataFrame) -> Block:
    names = list(dict.fromkeys(groups["group"]))
    rows = []
    for row in args.to_dict("records"):
        own = groups[groups["strategy"] == row["strategy"]].set_index("group")
        arg = wording.gain_interval(row["arg_percent"], row["low"], row["high"], decimals=1)
        flat = wording.signed(row["flat_percent"], decimals=1)
        rows.append([row["strategy"], arg, flat, *(wording.fixed(own.loc[name, "accuracy"]) for name in names)])
    first = groups[groups["strategy"] == groups["strategy"].iloc[0]].set_index("group")
    sizes = "; ".join(f"{name}: {_size(first.loc[name].to_dict())}" for name in names)
    note = (
        "ARG: the mean over groups of the mean relative gain of a group's tasks over chance, in percent; beside it the "
        f"mean over all tasks, and the mean accuracy of each group. In brackets, {wording.LEVEL} intervals over "
        f"examples ({RESAMPLES} resamples, given these runs). {sizes}."
    )
    return Block(label, caption, ["strategy", "ARG, %", "all tasks", *names], rows, note)


def _gains(label: str, caption: str, args: pd.DataFrame, groups: pd.DataFrame) -> Block:
    names = list(dict.fromkeys(groups["group"]))
    rows = []
    for row in args.to_dict("records"):
        own = groups[groups["strategy"] == row["strategy"]].set_index("group").loc[names]
        bounds = zip(own["gain_percent"], own["low"], own["high"], strict=True)
        rows.append([row["strategy"], *(wording.gain_interval(*one, decimals=1) for one in bounds)])
    note = f"The mean over a group's tasks. In brackets, {wording.LEVEL} intervals over its examples, given these runs."
    return Block(label, caption, ["strategy", *names], rows, note)


def _points(label: str, caption: str, args: pd.DataFrame, groups: pd.DataFrame) -> Block:
    names = list(dict.fromkeys(groups["group"]))
    rows = []
    for row in args.to_dict("records"):
        own = groups[groups["strategy"] == row["strategy"]].set_index("group")
        points = (wording.signed(own.loc[name, "points"], decimals=1) for name in names)
        rows.append([row["strategy"], wording.signed(row["arg_percent"], decimals=1), *points])
    return Block(label, caption, ["strategy", "ARG, %", *names], rows, " ".join(_turns(groups, args)))


def _size(row: Row) -> str:
    tasks = wording.plural(row["tasks"], "task")
    return f"{tasks}, {row['examples']} examples, chance {wording.fixed(row['chance'])}"


def _turns(groups: pd.DataFrame, args: pd.DataFrame) -> Iterator[str]:
    """A sentence for each strategy whose ARG turns on one small group."""
    whole = args.set_index("strategy")
    for row in groups[groups["examples"] < SMALL].to_dict("records"):
        arg, number = whole.loc[row["strategy"], "arg_percent"], whole.loc[row["strategy"], "groups"]
        if arg > 0 and row["points"] > TURNS * arg / number:
            part = f"its {row['examples']} examples add {wording.signed(row['points'], decimals=1)} points"
            yield f"ARG of {row['strategy']}, {wording.signed(arg, decimals=1)}, turns on {row['group']}: {part}."


def _differences(label: str, caption: str, pairs: pd.DataFrame) -> Block:
    claims = bool(pairs["claim"].any())
    rows = [
        [
            row["strategy"],
            row["other"],
            wording.gain_interval(row["difference"], row["low"], row["high"], decimals=1),
            wording.p(row["p"]),
            wording.p(row["arg_p_paper"]),
            *([row["claim"] or wording.NOTHING, wording.signed(row["published_difference"], 1)] if claims else []),
        ]
        for row in pairs.to_dict("records")
    ]
    note = (
        "The first strategy minus the other, in points of ARG, paired by example. p: two-sided, by the same resamples; "
        "beside it the authors' own, one-sided for the better of the two, which knows accuracies alone."
    )
    header = ["strategy", "other", "difference", "p", "their p", *(["claim", "theirs"] if claims else [])]
    return Block(f"{label}-arg-differences", caption, header, rows, note)
