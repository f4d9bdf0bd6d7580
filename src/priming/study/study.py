"""The study file as a whole: the only reader of configuration."""

from functools import cached_property
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from priming.algorithms.interface import Algorithm, Upstream
from priming.algorithms.table import ALGORITHMS, bound
from priming.backbones.compute import Compute
from priming.elements.sections import Elements
from priming.section import Name, Section, Seed, remembered
from priming.strategies import Priming, Strategy
from priming.study.base import StrategyText
from priming.study.baselines import CONSTANT, NO_BASELINE, SAME_ALGORITHM, in_full
from priming.study.checks import problems
from priming.study.figures import Figures
from priming.study.plm import Member, Plm
from priming.study.priming import PrimingSettings
from priming.study.problems import DisagreementError
from priming.study.tasks import Tasks
from priming.study.tuning import Scoring, Tuning


class Study(Section):
    """One study: models, tasks, strategies, and how they are trained and scored."""

    name: Name = Field(description="Folder of the results, under results/.")
    title: str = Field("", description="Title of the report.")
    question: str = Field("", description="Question of the study, shown on the front page of the report.")
    plms: dict[Name, Plm] = Field(
        min_length=1, description="Pretrained language models, by the name used in paths and tables."
    )
    tasks: Tasks
    elements: Elements = Elements()
    priming: PrimingSettings = PrimingSettings()
    strategies: list[StrategyText] = Field(
        min_length=1, description="Strategies, such as `mtl[plm] -> adapter`; see docs/strategies.md."
    )
    seeds: list[Seed] = Field(
        [1, 2], min_length=1, description="Priming seeds; each determines a priming and the tunings from it."
    )
    tuning: Tuning = Tuning()
    scoring: Scoring = Field(Scoring(), validate_default=True)
    compute: Compute = Compute()
    figures: Figures = Figures()
    extensions: list[str] = Field(
        [],
        description="Python files with elements, algorithms, backbones, metrics, sources or figures of your own; "
        "relative to the study file. "
        "See docs/extending.md.",
    )

    @field_validator("scoring")
    @classmethod
    def _baseline_that_is_there(cls, scoring: Scoring, info: ValidationInfo) -> Scoring:
        """Adapt the default ARG baseline to the study; wrong strategies are reported elsewhere."""
        return scoring.for_strategies(info.data["strategies"]) if "strategies" in info.data else scoring

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if found := problems(self):
            raise DisagreementError(found)
        return self

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Every PLM that is built: one for each of `plms`, or one for each of its pretraining seeds."""
        return tuple(member for plm in self.plms for member in self.members_of(plm))

    @property
    def cells(self) -> int:
        """How many combinations of a PLM that is built, a strategy of it, and a target task there are."""
        return sum(len(self.strategies_of(member.plm)) for member in self.members) * len(self.tasks.target)

    def members_of(self, plm: str) -> list[Member]:
        """Those of one of `plms`, in the order of its seeds."""
        return [Member(plm, seed) for seed in self.plms[plm].seeds or (None,)]

    def primed_seeds(self, plm: str) -> list[tuple[Member, int]]:
        """The primings of each strategy of a PLM: every priming seed on every pretraining seed, priming seeds
        innermost.
        """
        return [(member, seed) for member in self.members_of(plm) for seed in self.seeds]

    @cached_property
    def parsed_strategies(self) -> tuple[Strategy, ...]:
        """The strategies, in the order of the file."""
        return tuple(Strategy.parse(text) for text in self.strategies)

    def strategies_of(self, plm: str) -> tuple[Strategy, ...]:
        """Those that a PLM has: all that neither prime nor tune an element that it leaves out, nor prime where it says
        that it is not primed.
        """
        left_out, primes = set(self.plms[plm].leave_out), self.plms[plm].prime
        found = (strategy for strategy in self.parsed_strategies if primes or strategy.priming is None)
        return tuple(strategy for strategy in found if not left_out & set(strategy.moved))

    def primings_of(self, plm: str) -> tuple[Priming, ...]:
        """Each priming that a strategy of a PLM needs, once, in order of first use."""
        return tuple(dict.fromkeys(s.priming for s in self.strategies_of(plm) if s.priming))

    def settings_of(self, section: str, plm: str) -> Upstream:
        """The settings of an algorithm or variant for a PLM, in as many more micro-batches as `compute.split` says."""
        found = self.priming.of(section, plm)
        steps = found.accumulation_steps * self.compute.split
        most = getattr(found, ALGORITHMS[section.partition(":")[0]].divided)
        return found.model_copy(update={"accumulation_steps": min(steps, max(most, found.accumulation_steps))})

    def algorithm_of(self, priming: Priming, plm: str) -> Algorithm:
        """The algorithm of a priming with these settings."""
        return bound(priming.algorithm, self.settings_of(priming.section, plm), priming)

    @remembered
    def tuning_of(self, plm: str, strategy: Strategy) -> Tuning:
        """The settings of tuning for a strategy on a PLM, in banks that `compute.split` divides."""
        found = self.tuning.of(plm, strategy)
        return found.model_copy(update={"bank": max(1, found.bank // self.compute.split)})

    def tuned_from(self, plm: str, priming: Priming) -> tuple[Strategy, ...]:
        """The strategies of a PLM that start from this priming."""
        return tuple(strategy for strategy in self.strategies_of(plm) if strategy.priming == priming)

    def baseline_of(self, strategy: Strategy) -> Strategy | None:
        """The baseline strategy of the relative gain of `strategy`; None if the baseline is a constant or missing."""
        name = self.scoring.arg_baseline
        if name in (*CONSTANT, NO_BASELINE):
            return None
        return in_full(strategy, self.parsed_strategies)[0] if name == SAME_ALGORITHM else Strategy.parse(name)

    @cached_property
    def primings(self) -> tuple[Priming, ...]:
        """Each priming that a strategy needs, once, in order of first use."""
        return tuple(dict.fromkeys(s.priming for s in self.parsed_strategies if s.priming))

    @cached_property
    def twins(self) -> dict[Strategy, Strategy]:
        """The un-primed twin of each primed strategy, if the study has it."""
        return {s: s.twin for s in self.parsed_strategies if s.priming and s.twin in self.parsed_strategies}
