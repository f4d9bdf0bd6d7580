"""The study file as a whole: the only reader of configuration."""

from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from priming.strategies import Priming, Strategy
from priming.study.base import Name, Section, StrategyText
from priming.study.baselines import CONSTANT, SAME_ALGORITHM, in_full
from priming.study.checks import problems
from priming.study.compute import Compute
from priming.study.figures import Figures
from priming.study.plm import Elements, Member, Plm
from priming.study.priming import PrimingSettings
from priming.study.problems import DisagreementError
from priming.study.tasks import Tasks
from priming.study.tuning import Scoring, Tuning


class Study(Section):
    """One study: models, tasks, strategies, and how they are trained and scored."""

    name: Name = Field(description="Folder of the results, under results/.")
    title: str = Field("", description="Title of the report.")
    question: str = Field("", description="What the study asks; the front page of the report shows it.")
    plms: dict[Name, Plm] = Field(min_length=1, description="Pretrained language models, by the name that paths and tables use.")
    tasks: Tasks
    elements: Elements = Elements()
    priming: PrimingSettings = PrimingSettings()
    strategies: list[StrategyText] = Field(min_length=1, description="Strategies, such as `mtl[plm] -> adapter`; see docs/strategies.md.")
    seeds: list[int] = Field([1, 2], min_length=1, description="Priming seeds; each fixes a priming and the tunings from it.")
    tuning: Tuning = Tuning()
    scoring: Scoring = Scoring()
    compute: Compute = Compute()
    figures: Figures = Figures()

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if found := problems(self):
            raise DisagreementError(found)
        return self

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Every PLM that is made: one for each of `plms`, or one for each of its seeds of pretraining."""
        return tuple(member for plm in self.plms for member in self.members_of(plm))

    def members_of(self, plm: str) -> list[Member]:
        """Those of one of `plms`, in the order of its seeds."""
        return [Member(plm, seed) for seed in self.plms[plm].seeds or (None,)]

    def primed_seeds(self, plm: str) -> list[tuple[Member, int]]:
        """The S primings that each strategy of a PLM has: every priming seed on every seed of pretraining, priming seeds innermost."""
        return [(member, seed) for member in self.members_of(plm) for seed in self.seeds]

    @cached_property
    def parsed_strategies(self) -> tuple[Strategy, ...]:
        """The strategies, in the order of the file."""
        return tuple(Strategy.parse(text) for text in self.strategies)

    def baseline_of(self, strategy: Strategy) -> Strategy | None:
        """The strategy that the relative gain of `strategy` stands against; None where that is a constant such as chance."""
        name = self.scoring.arg_baseline
        if name in CONSTANT:
            return None
        return in_full(strategy, self.parsed_strategies)[0] if name == SAME_ALGORITHM else Strategy.parse(name)

    @cached_property
    def primings(self) -> tuple[Priming, ...]:
        """Each priming that a strategy needs, once, in order of first use."""
        return tuple(dict.fromkeys(s.priming for s in self.parsed_strategies if s.priming))

    @cached_property
    def twins(self) -> dict[Strategy, Strategy]:
        """The un-primed twin of each primed strategy that has one in the study."""
        return {s: s.twin for s in self.parsed_strategies if s.priming and s.twin in self.parsed_strategies}
