"""ARG over chance by data set (Wu et al., 2022), with a bootstrap over examples.

The gain of a task over chance is relative, 100 (accuracy - chance) / chance. ARG is the mean over data sets of the mean
over a data set's tasks, which are its templates. The paper says that it is the mean over all templates; this is how its
numbers come out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from priming.digests import of_json
from priming.evaluation.gains import TOLERANCE
from priming.evaluation.intervals import LEVEL

RESAMPLES = 2000
PAPER_RESAMPLES = 1000
_AT_ONCE = 100

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hits:
    """A task's test rows, those of several runs one after the other: what each is made from, whether it is answered
    correctly [rows].
    """

    group: str
    chance: float
    examples: tuple[str, ...]
    correct: Floats
    runs: int = 1


@dataclass(frozen=True)
class GroupGain:
    """A data set's part in ARG: its tasks, their mean accuracy, its mean relative gain in percent, examples.

    `low` and `high` are bounds of the gain's interval over examples; `share` is what it adds to ARG, in points.
    """

    group: str
    tasks: int
    accuracy: float
    chance: float
    gain: float
    share: float
    examples: int
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class GroupArg:
    """ARG by data set, bounds of its interval over examples, the mean over all tasks, and what each data set adds."""

    arg: float
    low: float
    high: float
    flat: float
    groups: tuple[GroupGain, ...]


@dataclass(frozen=True)
class Difference:
    """ARG of one method minus that of another on the same examples; its interval, and a two-sided p.

    `paper` is the one-sided p of the authors, see `paper_p`.
    """

    difference: float
    low: float
    high: float
    p: float
    paper: float


def group_arg(tasks: Mapping[str, Hits]) -> GroupArg:
    """ARG of a method, by its tasks."""
    by_group = _by_group(tasks)
    drawn = {name: _of_group(name, [tasks[task] for task in own], RESAMPLES) for name, own in by_group.items()}
    gains = []
    for name, own in by_group.items():
        low, high = map(float, np.quantile(drawn[name], _bounds()))
        gains.append(replace(_gain(name, [tasks[task] for task in own], len(by_group)), low=low, high=high))
    low, high = np.quantile(np.mean(list(drawn.values()), axis=0), _bounds())
    flat = float(np.mean([_relative(one.correct.mean(), one.chance) for one in tasks.values()]))
    return GroupArg(sum(gain.share for gain in gains), float(low), float(high), flat, tuple(gains))


def difference(ours: Mapping[str, Hits], theirs: Mapping[str, Hits]) -> Difference:
    """ARG of `ours` minus that of `theirs`, both with the same tasks and examples; resamples are the same for both."""
    found = resampled(ours) - resampled(theirs)
    low, high = np.quantile(found, _bounds())
    beyond = min(float((found <= TOLERANCE).mean()), float((found >= -TOLERANCE).mean()))
    whole = _whole(ours) - _whole(theirs)
    better, worse = (ours, theirs) if whole >= 0 else (theirs, ours)
    return Difference(whole, float(low), float(high), min(1.0, 2 * beyond), paper_p(better, worse))


def resampled(tasks: Mapping[str, Hits], number: int = RESAMPLES) -> Floats:
    """ARG on `number` resamples of the examples [number].

    All rows that are made from one example are drawn or left out together, whatever their tasks; a data set's resamples
    depend on its examples alone, so methods that are compared have the same. A task of which no row is drawn has the
    gain of its rows as they are.
    """
    by_group = _by_group(tasks)
    return np.mean([_of_group(name, [tasks[task] for task in own], number) for name, own in by_group.items()], axis=0)


def paper_p(better: Mapping[str, Hits], worse: Mapping[str, Hits], seed: int = 0) -> float:
    """The authors' p: the share of resamples in which ARG of the method called better is below that of the other.

    They knew accuracies alone: each task's rows are taken to be its hits, then its misses, for either method, and are
    resampled for each task by itself.
    """
    random, totals = np.random.default_rng(seed), []
    for own in _by_group(better).values():
        of_group = []
        for task in own:
            rows = len(better[task].examples) // better[task].runs
            drawn = random.integers(rows, size=(PAPER_RESAMPLES, rows))
            hits = [(drawn < round(one[task].correct.mean() * rows)).mean(axis=1) for one in (better, worse)]
            of_group.append((hits[0] - hits[1]) / better[task].chance)
        totals.append(np.mean(of_group, axis=0))
    return float((np.mean(totals, axis=0) < -TOLERANCE).mean())


def _gain(name: str, own: Sequence[Hits], groups: int) -> GroupGain:
    gains = [_relative(one.correct.mean(), one.chance) for one in own]
    accuracy, gain = float(np.mean([one.correct.mean() for one in own])), float(np.mean(gains))
    examples = len({example for one in own for example in one.examples})
    chance = float(np.mean([one.chance for one in own]))
    return GroupGain(name, len(own), accuracy, chance, gain, gain / groups, examples)


def _of_group(name: str, own: Sequence[Hits], number: int) -> Floats:
    """The mean relative gain of a data set's tasks on resamples [number]."""
    examples = sorted({example for one in own for example in one.examples})
    place = {example: index for index, example in enumerate(examples)}
    correct, rows = (np.zeros((len(examples), len(own))) for _ in range(2))
    for task, one in enumerate(own):
        at = [place[example] for example in one.examples]
        np.add.at(correct[:, task], at, one.correct)
        np.add.at(rows[:, task], at, 1)
    chance, whole = np.array([one.chance for one in own]), correct.sum(axis=0) / rows.sum(axis=0)
    random, found = np.random.default_rng(int(of_json([name, len(examples)])[:15], 16)), []
    for start in range(0, number, _AT_ONCE):
        times = random.multinomial(
            len(examples), np.full(len(examples), 1 / len(examples)), size=min(_AT_ONCE, number - start)
        )
        hits, drawn = times @ correct, times @ rows
        accuracy = np.divide(hits, drawn, out=np.broadcast_to(whole, hits.shape).copy(), where=drawn > 0)
        found.append((100 * (accuracy - chance) / chance).mean(axis=1))
    return np.concatenate(found)


def _whole(tasks: Mapping[str, Hits]) -> float:
    by_group = _by_group(tasks)
    return sum(_gain(name, [tasks[task] for task in own], len(by_group)).share for name, own in by_group.items())


def _relative(accuracy: float, chance: float) -> float:
    return float(100 * (accuracy - chance) / chance)


def _by_group(tasks: Mapping[str, Hits]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task, one in tasks.items():
        found.setdefault(one.group, []).append(task)
    return found


def _bounds() -> list[float]:
    return [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
