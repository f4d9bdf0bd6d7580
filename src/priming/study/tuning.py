"""The study file on tuning the target tasks and on scoring."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from priming.algorithms.interface import WEIGHT_DECAY, Optimizer
from priming.elements.sections import Grid, OtherRates
from priming.elements.table import ELEMENTS
from priming.entries import one_of
from priming.forms.decoders import DECODERS, GREEDY
from priming.protocol.keeping.table import KEEPINGS
from priming.protocol.lengths import LENGTHS, Length
from priming.runs.schedules import ScheduleName
from priming.section import DISTINCT, Fraction, Name, Positive, Rate, Reduction, Section
from priming.strategies import Strategy
from priming.study.base import StrategyText
from priming.study.baselines import DEFAULT, NO_BASELINE, BaselineText
from priming.study.partitions import GymPartition

Decoder = Literal["ranking", "greedy", "beam"]
Sizes = Annotated[list[Positive], DISTINCT]
Several = Annotated[Sizes, Field(min_length=1)]
TASK_METRICS = (
    "accuracy",
    "macro_f1_free",
    "macro_f1_labels",
    "exact_match",
    "qa_f1",
    "rouge_l",
    "matthews",
    "pearson",
    "entity_f1",
    "entity_f1_strict",
)
if TYPE_CHECKING:
    TaskMetric = str
    Metric = str
    ElementName = str
    Keep = str
else:
    TaskMetric, Metric = one_of(TASK_METRICS, "METRIC"), one_of((*TASK_METRICS, "task"), "METRIC")
    ElementName = one_of(ELEMENTS)
    Keep = one_of(KEEPINGS)


class TuningException(Section):
    """Another grid, length or bank size for the strategies that `plms`, `algorithms` and `elements` all match."""

    plms: list[Name] = Field([], description="PLMs of the study; default: all.")
    algorithms: list[str] = Field(
        [],
        description="How they were primed: `none`, `mtl`, `maml` (with its variants), `maml:first` ...; default: all.",
    )
    elements: list[ElementName] = Field([], description="Strategies that tune one of these; default: all.")
    learning_rates: OtherRates = OtherRates()
    batch_sizes: Sizes | None = Field(None, min_length=1, description="Batch sizes tried.")
    steps: Positive | None = Field(None, description="Optimizer steps.")
    epochs: Positive | Several | None = Field(
        None, description="Instead of `steps`: passes through the training examples; of several, each is tried."
    )
    bank: Positive | None = Field(None, description="Maximum number of runs trained side by side.")

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if sum(getattr(self, key) is not None for key in LENGTHS) > 1:
            raise ValueError(f"give no more than one of {', '.join(LENGTHS)}")
        return self

    @property
    def rates(self) -> dict[str, list[float]]:
        """The learning rates that it sets, by element."""
        return self.learning_rates.model_dump(exclude_none=True)

    @property
    def rest(self) -> dict[str, Any]:
        """What else it sets; a length replaces the others."""
        found = self.model_dump(include={"batch_sizes", "bank", *LENGTHS}, exclude_none=True)
        return {**dict.fromkeys(LENGTHS), **found} if found.keys() & LENGTHS.keys() else found

    def fits(self, plm: str, strategy: Strategy) -> bool:
        """Whether it applies to this strategy on this PLM."""
        priming = strategy.priming
        primed = {"none"} if priming is None else {priming.algorithm, priming.section}
        named = (self.plms, {plm}), (self.algorithms, primed), (self.elements, set(strategy.tuned))
        return all(not wanted or set(wanted) & found for wanted, found in named)


class Tuning(Section):
    """Tuning a target task on a sample, with linear warm-up and decay."""

    later = frozenset({"optimizer", "epochs", "keep", "group_by_length", "schedule"})

    steps: Positive | None = Field(60, description="Optimizer steps.")
    epochs: Positive | Several | None = Field(
        None, description="Instead of `steps`: passes through the training examples; of several, each is tried."
    )
    evaluate_every: Positive = Field(10, description="Steps between evaluations on the development set.")
    keep: Keep = Field(
        "best",
        description="The step of a run that is kept: the `best` by development score, or the `last`, which needs no "
        "development set; if there is one, the last score chooses the grid point.",
    )
    learning_rates: Grid = Grid()
    batch_sizes: Sizes = Field([16], min_length=1, description="Batch sizes tried; the inner loop of the grid.")
    warmup: Fraction = Field(0.1, description="Share of the steps spent warming up.")
    schedule: ScheduleName = Field(
        "linear", description="After the warm-up, rates decay linearly to zero (`linear`) or stay (`constant`)."
    )
    optimizer: Optimizer = Field("adamw", description="The update rule.")
    weight_decay: float = Field(0.01, ge=0, description=WEIGHT_DECAY)
    clip: Rate | None = Field(1.0, description="Largest gradient norm of each run.")
    dropout: Fraction | None = Field(None, description="Dropout while tuning; default: the PLM's own.")
    loss: Reduction = Field("mean", description="Over the target tokens of a batch. CrossFit: `sum`.")
    label_smoothing: Fraction = Field(
        0.0, description="Share of each target spread over the whole vocabulary, as fairseq does. CrossFit: 0.1."
    )
    group_by_length: Positive = Field(
        1,
        description="Number of batches whose examples are put in the order of their lengths and divided anew, so that "
        "batches have less padding. 1: batches are drawn at random.",
    )
    bank: Positive = Field(64, description="Maximum number of runs trained side by side.")
    bank_tasks: Positive = Field(
        1,
        description="Number of consecutive target tasks that share banks; tasks left over have banks of their own. "
        "Adding or removing a task means that tasks whose banks change are tuned again.",
    )
    ties: Literal["loss", "first"] = Field(
        "loss",
        description="The step that a run keeps if all have the same development score: the one with the lowest "
        "development loss (`loss`), or the `first`, which is the start (CrossFit's rule).",
    )
    save_plm: bool = Field(False, description="Also save the whole PLM of each winner, if it was tuned.")
    chunk: Positive = Field(16, description="Target tasks that one job tunes, one after the other.")
    exceptions: list[TuningException] = Field(
        [],
        description="Other grids, lengths or banks for some PLMs, algorithms or elements; the last that applies wins.",
    )

    @model_validator(mode="before")
    @classmethod
    def _in_place_of_steps(cls, data: Any) -> Any:
        """Another length replaces `steps`."""
        others = [key for key in LENGTHS if key != "steps" and isinstance(data, dict) and data.get(key) is not None]
        return {"steps": None} | data if others else data

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if sum(getattr(self, key) is not None for key in LENGTHS) != 1:
            raise ValueError(f"give exactly one of {', '.join(LENGTHS)}")
        return self

    @property
    def lengths(self) -> list[Length]:
        """How long runs are: the innermost loop of the grid."""
        given = {key: number for key in LENGTHS if (number := getattr(self, key)) is not None}
        return [
            LENGTHS[key](n) for key, found in given.items() for n in (found if isinstance(found, list) else [found])
        ]

    def of(self, plm: str, strategy: Strategy) -> Self:
        """The settings for a strategy on a PLM, with the exceptions that apply."""
        rates = self.learning_rates
        rest: dict[str, Any] = {}
        for exception in self.exceptions:
            if exception.fits(plm, strategy):
                rates = rates.model_copy(update=exception.rates)
                rest |= exception.rest
        return self.model_copy(update={"learning_rates": rates, "exceptions": [], **rest})


class Published(Section):
    """Published numbers that the table `published` prints beside those of a PLM; see docs/published.md."""

    adl2022: dict[Name, Literal["BART", "T5", "mT5"]] = Field(
        {}, description="The course report on CrossFit: PLMs of the study, each with its counterpart there."
    )
    ye2021: dict[Name, GymPartition] = Field(
        {}, description="CrossFit: PLMs of the study, each with the partition that its tasks come from."
    )
    gheini2022: dict[Name, Literal["mBERT"]] = Field(
        {}, description="Cross-lingual NER: PLMs of the study; its target tasks are named by language (`hi`, `nl`)."
    )

    wu2022: dict[Name, Literal["T5-Large", "T5-XL", "T0-3B"]] = Field(
        {}, description="Promptability: PLMs of the study; needs `arg_over: groups`."
    )

    later = frozenset({"gheini2022", "wu2022"})

    over_groups: ClassVar[frozenset[str]] = frozenset({"wu2022"})
    """The papers whose ARG is over chance, by group of tasks."""

    @property
    def chosen(self) -> dict[str, dict[str, str]]:
        """For each paper named: the PLMs of the study, and whose published numbers go beside theirs."""
        return {paper: dict(lots) for paper in type(self).model_fields if (lots := getattr(self, paper))}


class Pair(Section):
    """Two strategies of the study."""

    first: StrategyText = Field(description="One of the study's strategies.")
    second: StrategyText = Field(description="The strategy to compare it with.")


class Scoring(Section):
    """Decoders, metrics and the baseline of relative gains."""

    later = frozenset({"arg_over"})

    decoder: Decoder = Field(
        "ranking",
        description="Decoder whose development score selects: label ranking (on an encoder, the most likely class), "
        "greedy generation or beam search.",
    )
    metric: Metric = Field("accuracy", description="Metric for selection, ARG and figures; `task`: each task's own.")
    decoders: Annotated[list[Decoder], DISTINCT] = Field(
        ["ranking", "greedy"],
        min_length=1,
        description="Decoders reported; those that a PLM does not have are left out.",
    )
    metrics: Annotated[list[Metric], DISTINCT] = Field(
        ["accuracy", "macro_f1_free", "macro_f1_labels", "exact_match"], min_length=1, description="Metrics reported."
    )
    beam: Positive = Field(4, description="Beams of the decoder `beam`. CrossFit: 4.")
    length_normalised: bool = Field(
        False, description="Rank labels by mean instead of summed log-probability of their tokens, end token included."
    )
    arg_baseline: BaselineText = Field(
        DEFAULT,
        description="The baseline of relative gains (ARG): a strategy of the study (CrossFit: `none -> plm`); "
        "`same algorithm`, the PLM primed and tuned in full by the algorithm of each strategy (a course report on "
        "CrossFit); `chance`, guessing a label (Wu et al., 2022); `majority`, the most frequent label of the test set; "
        "`none`, no ARG, also the default of a study without the strategy `none -> plm`.",
    )
    arg_over: Literal["tasks", "groups"] = Field(
        "tasks",
        description="`groups`: besides ARG over tasks, that over groups of target tasks, each a mean over its tasks, "
        "with intervals over examples, where the baseline is `chance` (Wu et al., 2022: templates and data sets).",
    )
    arg_plm: Name | None = Field(
        None,
        description="The PLM of that baseline, for the gains of every PLM (the course report: its BART); default: each "
        "PLM's own.",
    )
    compare: list[Pair] = Field(
        [],
        description="Pairs for the table `comparisons`, first minus second; p is not corrected for their number.",
    )
    deviation: Literal["sample", "population"] = Field(
        "sample",
        description="Standard deviations over n-1 (`sample`), or over n (`population`; CrossFit's, numpy's default).",
    )
    published: Published = Published()

    @property
    def has_arg(self) -> bool:
        """Whether there is a baseline of relative gains."""
        return self.arg_baseline != NO_BASELINE

    def for_strategies(self, strategies: Collection[str]) -> Self:
        """These settings, with the default baseline only if it is one of the study's strategies."""
        if "arg_baseline" in self.model_fields_set or self.arg_baseline in strategies:
            return self
        return self.model_copy(update={"arg_baseline": NO_BASELINE})

    @property
    def freedom(self) -> int:
        """What is subtracted from n in a standard deviation."""
        return 1 if self.deviation == "sample" else 0

    @property
    def generator(self) -> Decoder:
        """What replaces ranking in a task without labels: the first of `decoders` that generates, else `greedy`."""
        return next((name for name in self.decoders if DECODERS[name].generates), GREEDY)
