"""Scores of a study as arrays [tasks x primings x samples] over its target tasks, one per PLM and strategy.

The primings are those of `Study.primed_seeds`: the priming seeds, or every priming seed on every pretraining seed.
"""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from priming.evaluation.gains import ABSOLUTE, RELATIVE, Measure, Scores, shared
from priming.evaluation.intervals import Comparison, compare
from priming.reporting.collect import Results, plm_seed
from priming.strategies import Strategy
from priming.study import Study
from priming.study.baselines import CONSTANT


@dataclass(frozen=True)
class Baseline:
    """A baseline of gains: name, scores [tasks x primings x samples], and whether it is the strategy itself."""

    name: str
    scores: Scores
    of_itself: bool


@dataclass(frozen=True)
class Grid:
    """The scores of all strategies by one metric and decoder.

    For a task without labels, scores by generation replace those by ranking.
    """

    study: Study
    results: Results
    metric: str
    decoder: str

    @classmethod
    def selecting(cls, study: Study, results: Results) -> "Grid":
        """The scores by the selecting metric and decoder."""
        return cls(study, results, study.scoring.metric, study.scoring.decoder)

    @cached_property
    def _by_strategy(self) -> dict[tuple[str, str], Scores]:
        return {(plm, strategy): scores for plm in self.study.plms for strategy, scores in self._of_plm(plm).items()}

    def _of_plm(self, plm: str) -> dict[str, Scores]:
        """The scores of every strategy of a PLM."""
        study, known = self.study, self._chosen[self._chosen["plm"] == plm]
        primings = [(plm_seed(member), seed) for member, seed in study.primed_seeds(plm)]
        index = pd.MultiIndex.from_tuples(
            [
                (s, task, *seeds, k)
                for s, task, seeds, k in itertools.product(
                    study.strategies, study.tasks.target, primings, study.tasks.samples
                )
            ],
            names=["strategy", "task", "plm_seed", "seed", "sample"],
        )
        values = known.set_index(index.names)["score"].reindex(index).to_numpy(dtype=float)
        shape = (len(study.strategies), len(study.tasks.target), len(primings), len(study.tasks.samples))
        return dict(zip(study.strategies, values.reshape(shape), strict=True))

    def plm_index(self, plm: str) -> NDArray[np.intp]:
        """The pretraining seed index of each priming [primings]: 0, 0, 0, 1, 1, 1 for two of them and three priming
        seeds.
        """
        members = self.study.members_of(plm)
        return np.array([members.index(member) for member, _ in self.study.primed_seeds(plm)])

    @cached_property
    def _chosen(self) -> pd.DataFrame:
        """The scores by this metric, and by this decoder if the task has it."""
        scores = self.results.scores
        scores = scores[scores["metric"] == self.metric]
        ours = scores[scores["decoder"] == self.decoder]
        generated = scores[(scores["decoder"] == self.study.scoring.generator) & ~scores["task"].isin(ours["task"])]
        return pd.concat([part for part in (ours, generated) if len(part)] or [scores[:0]])

    @cached_property
    def decoders(self) -> dict[str, str]:
        """The decoder behind the scores of each task."""
        return dict(zip(self._chosen["task"], self._chosen["decoder"], strict=True))

    def scores(self, plm: str, strategy: Strategy) -> Scores:
        """The test scores of a strategy [tasks x primings x samples], NaN for runs that failed or were not primed."""
        return self._by_strategy[plm, str(strategy)]

    def arg(self, plm: str, strategy: Strategy) -> Comparison:
        """The average relative gain over the strategy's baseline, in percent, for a study with a baseline."""
        return self._compare(plm, strategy, self.baseline(plm, strategy).scores, RELATIVE)

    def gain_over_baseline(self, plm: str, strategy: Strategy) -> Comparison:
        """The mean absolute gain over the strategy's baseline."""
        return self._compare(plm, strategy, self.baseline(plm, strategy).scores, ABSOLUTE)

    def gain(self, plm: str, strategy: Strategy, reference: Strategy) -> Comparison:
        """The mean absolute gain over another strategy."""
        return self._compare(plm, strategy, self.scores(plm, reference), ABSOLUTE)

    def _compare(self, plm: str, strategy: Strategy, reference: Scores, measure: Measure) -> Comparison:
        return compare(self.scores(plm, strategy), reference, measure, self.plm_index(plm))

    def baseline(self, plm: str, strategy: Strategy) -> Baseline:
        """The baseline of a strategy's relative gain, for a study with a baseline."""
        reference, scoring = self.study.baseline_of(strategy), self.study.scoring
        if reference is None:
            constant = np.repeat(self._constants[scoring.arg_baseline], len(self.study.primed_seeds(plm)), axis=1)
            return Baseline(scoring.arg_baseline, constant, of_itself=False)
        of = scoring.arg_plm or plm
        name = str(reference) if scoring.arg_plm is None else f"{reference} of {of}"
        return Baseline(name, self.scores(of, reference), of_itself=(of, reference) == (plm, strategy))

    @cached_property
    def _constants(self) -> dict[str, Scores]:
        """Scores of guessing or of the most frequent label [tasks x 1 x samples], for every priming; NaN if no run has
        them.
        """
        study = self.study
        index = pd.MultiIndex.from_product([study.tasks.target, study.tasks.samples], names=["task", "sample"])
        shape = (len(study.tasks.target), 1, len(study.tasks.samples))
        found = {}
        for name in CONSTANT:
            known = self.results.samples.dropna(subset=[name]).drop_duplicates(index.names).set_index(index.names)[name]
            found[name] = known.astype(float).reindex(index).to_numpy().reshape(shape)
        return found

    def without_shared_runs(self, plm: str, strategy: Strategy) -> list[str]:
        """Target tasks on which a strategy and its baseline have no common run."""
        ours, _ = shared(self.scores(plm, strategy), self.baseline(plm, strategy).scores)
        return [task for task, scores in zip(self.study.tasks.target, ours, strict=True) if np.isnan(scores).all()]
