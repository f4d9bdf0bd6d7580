"""Published numbers beside ours, for strategies of a study that a paper has numbers for."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from priming.blocks import Block
from priming.evaluation.gains import mean_over_tasks, relative_gains, shared, task_bests, task_means
from priming.published.numbers import NOTES, NOTHING, Number, Way, keeping, numbers
from priming.reporting import wording
from priming.reporting.collect import Row
from priming.reporting.grid import Grid
from priming.reporting.groups import Groups
from priming.strategies import Strategy
from priming.study import Study
from priming.study.baselines import CHANCE

TASKS_A_TABLE = 5
BEST = (
    "Ours are means over samples of what the development sets chose. The best run of each task, the largest of its "
    "test scores, stands beside them, since papers may report such; it is chosen on test scores, so it shows how far "
    "that goes and nothing else."
)
SCORE, MEAN, ARG = "score", "mean", "arg_percent"
COLUMNS = [
    *("paper", "beside", "plm", "strategy", "measure", "task", "tasks", "ours", "published", "difference", "ours_best"),
    *("baseline", "metric", "decoder", "published_metric", "certainty", "table"),
]


def published(grid: Grid, groups: Groups) -> pd.DataFrame:
    """One row per published number with a corresponding strategy: task scores, their mean over common tasks, ARG.

    ARG over chance is a mean over `groups` of tasks.
    """
    chosen = grid.study.scoring.published.chosen
    beside = (_Beside(grid, paper, lots, plm, groups) for paper, lots in chosen.items() for plm in lots)
    rows = [row for one in beside for row in one.rows()]
    return pd.DataFrame(rows, columns=COLUMNS)


def way_of(study: Study, plm: str, strategy: Strategy) -> Way | None:
    """The method under which papers list a strategy of a PLM; None if that PLM brings an element that others primed."""
    priming, tuned = strategy.priming, "+".join(strategy.tuned) or NOTHING
    if study.plms[plm].brings:
        return None
    if strategy.kept:
        tuned = keeping(tuned, "+".join(strategy.kept))
    if priming is None:
        return Way("none", tuned)
    first_order = getattr(study.settings_of(priming.section, plm), "order", "") == "first"
    algorithm = "fomaml" if first_order else priming.algorithm
    if priming.outer == strategy.tuned and priming.inner in ((), strategy.tuned):
        return Way(algorithm, tuned)
    inside = f" | {'+'.join(priming.inner)} x{priming.inner_steps}" if priming.inner else ""
    return Way(algorithm, tuned, "+".join(priming.outer) + inside)


@dataclass(frozen=True)
class _Beside:
    """A PLM of the study, compared with a set of published numbers; `lots` are the sets of all its PLMs."""

    grid: Grid
    paper: str
    lots: dict[str, str]
    plm: str
    groups: Groups

    def rows(self) -> Iterator[Row]:
        """Our numbers beside the published ones, by strategy."""
        theirs = numbers(self.paper, self.lots[self.plm])
        for strategy in self.grid.study.strategies_of(self.plm):
            way = way_of(self.grid.study, self.plm, strategy)
            found = [number for number in theirs if number.way == way]
            yield from self._scores(strategy, {number.task: number for number in found if number.task})
            yield from (self._mean(strategy, number) for number in found if number.over)
            yield from (self._arg(strategy, number) for number in found if number.baseline)
            yield from (self._over_chance(strategy, number) for number in found if number.over_chance)

    def _scores(self, strategy: Strategy, theirs: dict[str, Number]) -> Iterator[Row]:
        scores, targets = self.grid.scores(self.plm, strategy), self.grid.study.tasks.target
        means = dict(zip(targets, task_means(scores), strict=True))
        bests = dict(zip(targets, map(float, task_bests(scores)), strict=True))
        both = {task: float(score) for task, score in means.items() if task in theirs}
        for task, ours in both.items():
            decoder = self.grid.decoders.get(task, self.grid.decoder)
            about = {"measure": SCORE, "tasks": 1, "decoder": decoder, "ours_best": bests[task]}
            yield self._row(strategy, theirs[task], ours) | about
        if there := [task for task, ours in both.items() if not np.isnan(ours)]:
            ours, published_mean = (
                float(np.mean(values)) for values in ([both[t] for t in there], [theirs[t].value for t in there])
            )
            mean = self._row(strategy, theirs[there[0]], ours, published_mean)
            best = float(np.mean([bests[task] for task in there]))
            yield mean | {
                "measure": MEAN,
                "task": "",
                "tasks": len(there),
                "published_metric": "",
                "ours_best": best,
            }

    def _mean(self, strategy: Strategy, number: Number) -> Row:
        """Our mean over the tasks that a published mean is over; NaN if the study lacks one of them."""
        scores, targets = self.grid.scores(self.plm, strategy), self.grid.study.tasks.target
        means, bests = (dict(zip(targets, map(float, of(scores)), strict=True)) for of in (task_means, task_bests))
        ours, best = (float(np.mean([each.get(task, np.nan) for task in number.over])) for each in (means, bests))
        return self._row(strategy, number, ours) | {"measure": MEAN, "tasks": len(number.over), "ours_best": best}

    def _arg(self, strategy: Strategy, number: Number) -> Row:
        """Our ARG over the paper's baseline, on all target tasks; NaN if the study has no such baseline."""
        assert number.baseline
        lot, way = number.baseline
        found = self._baseline(lot, way)
        if not found:
            return self._row(strategy, number, np.nan) | {"measure": ARG, "tasks": 0, "baseline": str(way)}
        plm, reference = found
        ours, baseline = shared(self.grid.scores(self.plm, strategy), self.grid.scores(plm, reference))
        gains = relative_gains(task_means(ours), task_means(baseline))
        of_bests = relative_gains(task_bests(ours), task_bests(baseline))
        name = str(reference) if plm == self.plm else f"{reference} of {plm}"
        counted = int((~np.isnan(gains)).sum())
        return self._row(strategy, number, float(mean_over_tasks(gains))) | {
            "measure": ARG,
            "tasks": counted,
            "baseline": name,
            "ours_best": float(mean_over_tasks(of_bests)),
        }

    def _over_chance(self, strategy: Strategy, number: Number) -> Row:
        """Our ARG over guessing: the mean over groups of the mean over a group's tasks; NaN where a task has no run."""
        targets, scores = self.grid.study.tasks.target, self.grid.scores(self.plm, strategy)
        chance = self.grid.baseline(self.plm, strategy).scores
        found = []
        for of in (task_means, task_bests):
            gains = dict(zip(targets, relative_gains(of(scores), task_means(chance)), strict=True))
            found.append(float(np.mean([np.mean([gains[task] for task in own]) for own in self.groups.values()])))
        about = {"measure": ARG, "tasks": len(targets), "baseline": CHANCE, "ours_best": found[1]}
        return self._row(strategy, number, found[0]) | about

    def _baseline(self, lot: str, way: Way) -> tuple[str, Strategy] | None:
        """The PLM and strategy of the study that correspond to a published baseline."""
        study = self.grid.study
        plms = [self.plm] if lot == self.lots[self.plm] else [plm for plm, named in self.lots.items() if named == lot]
        same = [
            (plm, strategy)
            for plm in plms[:1]
            for strategy in study.strategies_of(plm)
            if way_of(study, plm, strategy) == way
        ]
        return same[0] if same else None

    def _row(self, strategy: Strategy, number: Number, ours: float, theirs: float | None = None) -> Row:
        value = number.value if theirs is None else theirs
        return {
            "paper": self.paper,
            "beside": self.lots[self.plm],
            "plm": self.plm,
            "strategy": str(strategy),
            "task": number.task,
            "ours": ours,
            "published": value,
            "difference": ours - value,
            "ours_best": np.nan,
            "metric": self.grid.metric,
            "decoder": self.grid.decoder,
            "published_metric": number.metric,
            "certainty": number.certainty,
            "table": number.table,
        }


def published_blocks(study: Study, frames: dict[str, pd.DataFrame]) -> Iterator[Block]:
    """For each paper its tables of ARG; then for each PLM the means, ARG and task scores, ours before theirs."""
    shares = frames["strategies"].set_index(["plm", "strategy"])["share"]
    for paper, lots in study.scoring.published.chosen.items():
        frame = frames["published"][frames["published"]["paper"] == paper]
        yield from _printed(study, paper, frame, shares)
        for plm in lots:
            rows = frame[frame["plm"] == plm]
            about = (
                f"PLM {plm} beside {paper}, {lots[plm]} (ours: {wording.selecting_score(study)}; {wording.size(study)})"
            )
            label = f"{study.name}-{plm}-{paper}"
            yield _overall(rows, label, about)
            yield from _by_task(rows, label, about, shares[plm])


def _printed(study: Study, paper: str, frame: pd.DataFrame, shares: pd.Series) -> Iterator[Block]:
    """A paper's tables of average relative gains, with ours beside theirs: strategies of several PLMs in one table."""
    args = frame[(frame["measure"] == ARG) & (frame["table"] != "")]
    for table, group in sorted(args.groupby("table"), key=lambda pair: str(pair[0])):
        rows = []
        for row in group.to_dict("records"):
            gains = [
                wording.signed(row["ours"], 1),
                wording.signed(row["ours_best"], 1),
                wording.signed(row["published"], 1),
                str(row["tasks"]),
                row["baseline"],
            ]
            rows.append(
                [f"{row['plm']}: {row['strategy']}", wording.percent(shares[row["plm"], row["strategy"]]), *gains]
            )
        caption = (
            f"{table} of {paper}: average relative gain, % (ours: {wording.selecting_score(study)}; "
            f"{wording.size(study)})"
        )
        note = f"{BEST} Theirs: {'; '.join(dict.fromkeys(group['certainty']))}."
        label = f"{study.name}-{paper}-{str(table).replace(' ', '-').lower()}"
        yield Block(
            label, caption, ["strategy", "tuned", "ARG, %", "of best runs", "theirs", "tasks", "baseline"], rows, note
        )


def _overall(frame: pd.DataFrame, label: str, about: str) -> Block:
    rows = []
    for strategy, group in frame.groupby("strategy", sort=False):
        by_measure = {row["measure"]: row for row in group.to_dict("records") if row["measure"] != SCORE}
        mean, arg = by_measure.get(MEAN, {}), by_measure.get(ARG, {})
        scores = [
            wording.fixed(mean.get("ours")),
            wording.fixed(mean.get("ours_best")),
            wording.fixed(mean.get("published")),
            str(mean.get("tasks", wording.NOTHING)),
        ]
        gains = [
            wording.signed(arg.get("ours"), 1),
            wording.signed(arg.get("published"), 1),
            arg.get("baseline", wording.NOTHING),
        ]
        rows.append([str(strategy), *scores, *gains])
    header = ["strategy", "mean score", "best run", "theirs", "tasks", "ARG, %", "theirs", "ARG baseline"]
    certainties = "; ".join(dict.fromkeys(frame["certainty"]))
    note = (
        f"Means are over the tasks that both have. {BEST} "
        f"Theirs: {certainties or 'no strategy of this study has numbers there'}."
    )
    return Block(label, f"{about}: means", header, rows or [["none", *[wording.NOTHING] * 7]], note)


def _by_task(frame: pd.DataFrame, label: str, about: str, shares: pd.Series) -> Iterator[Block]:
    """One row a strategy with its share of tuned parameters, one column a task."""
    scores = frame[frame["measure"] == SCORE]
    cells = {
        (row["strategy"], row["task"]): f"{wording.fixed(row['ours'])} / {wording.fixed(row['published'])}"
        for row in scores.to_dict("records")
    }
    tasks, strategies = list(dict.fromkeys(scores["task"])), list(dict.fromkeys(scores["strategy"]))
    for first in range(0, len(tasks), TASKS_A_TABLE):
        part = tasks[first : first + TASKS_A_TABLE]
        rows = [
            [name, wording.percent(shares[name]), *(cells.get((name, task), wording.NOTHING) for task in part)]
            for name in strategies
        ]
        said = NOTES.get(frame["paper"].iloc[0], "")
        note = f"Ours / theirs. Theirs by {_metrics(scores, part)}. {said}".rstrip()
        header = ["strategy", "tuned", *part]
        yield Block(f"{label}-{first // TASKS_A_TABLE + 1}", f"{about}: tasks", header, rows, note)


def _metrics(scores: pd.DataFrame, tasks: list[str]) -> str:
    """`macro-F1 (anli, emo), accuracy (superglue-cb)`."""
    metrics = dict(zip(scores["task"], scores["published_metric"], strict=True))
    names = dict.fromkeys(metrics[task] for task in tasks)
    return ", ".join(f"{name} ({', '.join(task for task in tasks if metrics[task] == name)})" for name in names)
