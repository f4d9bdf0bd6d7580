"""Comparison of two strategies of one or two finished studies, on request."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from priming.errors import DataError, StudyError, nearest
from priming.evaluation.gains import tasks_better
from priming.evaluation.intervals import POWER, Comparison, compare
from priming.evaluation.permutation import EXACT_UP_TO, least_p, sign_flip_p
from priming.reporting import wording
from priming.reporting.effects import ALPHA, detectable
from priming.reporting.figures.stored import stored
from priming.strategies import Strategy
from priming.study import Study
from priming.study.load import load_study
from priming.study.paths import kept, tables

_PAIRED = ("task", "plm_seed", "seed", "sample")


@dataclass(frozen=True)
class Side:
    """A strategy of a PLM in a study, and the file of the study."""

    study: Study
    file: Path
    plm: str
    strategy: str
    kept: str = ""
    """The name under which its tables were kept; those of now without one."""

    @property
    def folder(self) -> Path:
        """The folder of its tables."""
        return Path(kept(self.study, self.kept) if self.kept else tables(self.study))

    @property
    def scores(self) -> pd.Series:
        """The test score of each run that has one, by task, pretraining seed, priming seed and sample."""
        scoring, frame = self.study.scoring, stored(self.folder, "scores")
        frame = frame[
            (frame["plm"] == self.plm) & (frame["strategy"] == self.strategy) & (frame["metric"] == scoring.metric)
        ]
        ours = frame[frame["decoder"] == scoring.decoder]
        generated = frame[(frame["decoder"] == scoring.generator) & ~frame["task"].isin(ours["task"])]
        found = pd.concat([ours, generated]).fillna({"plm_seed": ""})
        return found.set_index(list(_PAIRED))["score"].dropna()


def sides(
    first: str, second: str | None, study_file: Path, other_file: Path | None, plm: str | None
) -> list[tuple[Side, Side]]:
    """The pairs to compare, for `plm` or for each PLM: two strategies of a study, or strategies of two studies.

    Raises StudyError for a strategy or PLM that a study does not have.
    """
    if second is None and other_file is None:
        raise StudyError(f"{first!r} is compared with nothing; give a second strategy, or another study: --in FILE")
    study = load_study(study_file)
    other = load_study(other_file) if other_file else study
    other_file = other_file or study_file
    ours, theirs = _strategy(study, study_file, first), _strategy(other, other_file, second or first)
    if (study_file, ours) == (other_file, theirs):
        raise StudyError(f"{ours!r} is compared with itself; give another strategy, or another study: --in FILE")
    by, other_by = (f"{wording.selecting_score(one)} (or {one.scoring.generator})" for one in (study, other))
    if by != other_by:
        raise StudyError(f"{study_file} selects by {by}, {other_file} by {other_by}: these scores are not comparable")
    names = [_plm(study, study_file, plm)] if plm else [name for name in study.plms if name in other.plms]
    if not names:
        raise StudyError(
            f"{study_file} and {other_file} have no PLM in common: {', '.join(study.plms)}; {', '.join(other.plms)}"
        )
    return [
        (Side(study, study_file, name, ours), Side(other, other_file, _plm(other, other_file, name), theirs))
        for name in names
    ]


def with_kept(first: str, second: str | None, study_file: Path, name: str, plm: str | None) -> list[tuple[Side, Side]]:
    """A strategy as it is now beside another, or itself, in the tables kept under a name; raises StudyError."""
    study = load_study(study_file)
    there = sorted(folder.name for folder in Path(kept(study, name)).parent.glob("*"))
    if name not in there:
        have = f"kept are: {', '.join(there)}" if there else "none are; keep some by: priming run --keep-as NAME"
        raise StudyError(f"no tables of study {study.name} are kept as {name!r}{nearest(name, there)}; {have}")
    ours, theirs = _strategy(study, study_file, first), _strategy(study, study_file, second or first)
    plms = [_plm(study, study_file, plm)] if plm else list(study.plms)
    return [(Side(study, study_file, one, ours), Side(study, study_file, one, theirs, name)) for one in plms]


def difference(ours: Side, theirs: Side) -> tuple[Comparison, list[str]]:
    """The first minus the second, paired by task, sample and seed, with task names; raises DataError without common
    runs.
    """
    both = pd.concat([ours.scores.rename("ours"), theirs.scores.rename("theirs")], axis=1).dropna()
    if both.empty:
        where = f"{ours.strategy} of {ours.file} and {theirs.strategy} of {theirs.file}"
        raise DataError(f"{where} have no run of the same task, seed and sample, for PLM {ours.plm}")
    named = both.reset_index()
    tasks = [task for task in ours.study.tasks.target if task in set(named["task"])]
    primings = list(dict.fromkeys(named[["plm_seed", "seed"]].itertuples(index=False, name=None)))
    samples = list(dict.fromkeys(named["sample"]))
    index = pd.MultiIndex.from_tuples(
        [(t, *p, s) for t in tasks for p in primings for s in samples], names=both.index.names
    )
    shape = (len(tasks), len(primings), len(samples))
    first, second = (both[side].reindex(index).to_numpy(dtype=float).reshape(shape) for side in ("ours", "theirs"))
    pretrained = list(dict.fromkeys(plm_seed for plm_seed, _ in primings))
    return compare(first, second, plms=np.array([pretrained.index(plm_seed) for plm_seed, _ in primings])), tasks


def described(ours: Side, theirs: Side) -> str:
    """The difference in words and numbers."""
    found, tasks = difference(ours, theirs)
    names = [tasks[n] for n in found.tasks]
    primings = found.seeds
    counts = (
        f"{wording.plural(len(names), 'task')}, {wording.plural(primings, 'priming')}, "
        f"{wording.plural(found.runs, 'pair')} of runs"
    )
    lines = [
        f"{_named(ours, theirs)} minus {_named(theirs, ours)}, PLM {ours.plm}",
        f"{wording.selecting_score(ours.study)}; paired by task, sample and seed: {counts}",
        f"difference    {wording.gain_interval(found.gain, found.low, found.high)}  ({_interval(found)})",
        f"p             {wording.p(sign_flip_p(found.gains))}  ({_test(len(names))})",
    ]
    if (smallest := detectable(found)) is not None:
        found_with = f"the smallest true difference that would have been found with probability {POWER:g} at {ALPHA:g}"
        lines.append(f"detectable    {wording.fixed(smallest)}  ({found_with})")
    lines.append(f"tasks better  {tasks_better(found.gains)} of {len(names)}")
    if found.low is None:
        lines.append(
            "by task       "
            + ", ".join(f"{name} {wording.signed(gain)}" for name, gain in zip(names, found.gains, strict=True))
        )
        lines.append("Nothing can be claimed over tasks from this.")
    return "\n".join(lines)


def _interval(found: Comparison) -> str:
    return f"{wording.LEVEL} interval {found.interval}" if found.low is not None else f"interval: {found.interval}"


def _test(tasks: int) -> str:
    kind = "exact" if tasks <= EXACT_UP_TO else "Monte Carlo"
    least = f"the least that {wording.plural(tasks, 'task')} can give is {wording.p(least_p(tasks))}"
    return f"{kind} sign-flip test over tasks, given these primings; not corrected for other comparisons; {least}"


def _named(side: Side, other: Side) -> str:
    if side.kept or other.kept:
        return f"{side.strategy} ({f'kept as {side.kept}' if side.kept else 'now'})"
    return side.strategy if side.file == other.file else f"{side.strategy} of {side.study.name}"


def _strategy(study: Study, file: Path, text: str) -> str:
    """The strategy in the study's spelling; raises StudyError if the study does not have it."""
    name = str(Strategy.parse(text))
    known = [str(strategy) for strategy in study.parsed_strategies]
    if name not in known:
        raise StudyError(
            f"{file}: {name!r} is not a strategy of study {study.name}{nearest(name, known)}; "
            f"allowed: {'; '.join(known)}"
        )
    return name


def _plm(study: Study, file: Path, name: str) -> str:
    if name not in study.plms:
        raise StudyError(
            f"{file}: {name!r} is not a PLM of study {study.name}{nearest(name, study.plms)}; "
            f"allowed: {', '.join(study.plms)}"
        )
    return name
