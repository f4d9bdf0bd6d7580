"""The study file on tuning the target tasks and on scoring."""

from typing import Any, Literal, Self

from pydantic import Field

from priming.strategies import Strategy
from priming.study.base import Name, Positive, Rate, Reduction, Section, Share, StrategyText
from priming.study.baselines import BaselineText
from priming.study.partitions import Partition

Decoder = Literal["ranking", "greedy", "beam"]
TaskMetric = Literal["accuracy", "macro_f1_free", "macro_f1_labels", "exact_match", "qa_f1", "rouge_l", "matthews", "pearson"]
Metric = Literal[TaskMetric, "task"]
ElementName = Literal["plm", "adapter", "prompt", "prefix"]


class Grid(Section):
    """Learning rates tried, in this order; ties go to the earlier."""

    plm: list[Rate] = Field([1e-3], min_length=1, description="Rates for the whole PLM.")
    adapter: list[Rate] = Field([1e-2], min_length=1, description="Rates for adapters.")
    prompt: list[Rate] = Field([0.5], min_length=1, description="Rates for soft prompts.")
    prefix: list[Rate] = Field([0.1], min_length=1, description="Rates for prefixes.")


class OtherRates(Section):
    """Learning rates in place of others; those that are not named stay."""

    plm: list[Rate] | None = Field(None, min_length=1, description="Rates for the whole PLM.")
    adapter: list[Rate] | None = Field(None, min_length=1, description="Rates for adapters.")
    prompt: list[Rate] | None = Field(None, min_length=1, description="Rates for soft prompts.")
    prefix: list[Rate] | None = Field(None, min_length=1, description="Rates for prefixes.")


class TuningException(Section):
    """Another grid, or banks of another size, for the strategies that `plms`, `algorithms` and `elements` all name."""

    plms: list[Name] = Field([], description="PLMs of the study; all without it.")
    algorithms: list[str] = Field([], description="How they were primed: `none`, `mtl`, `maml` (its variants too), `maml:first` ...; all without it.")
    elements: list[ElementName] = Field([], description="Strategies that tune one of these; all without it.")
    learning_rates: OtherRates = OtherRates()
    batch_sizes: list[Positive] | None = Field(None, min_length=1, description="Batch sizes tried.")
    bank: Positive | None = Field(None, description="Runs trained side by side at the most.")

    @property
    def rates(self) -> dict[str, list[float]]:
        """The learning rates that it sets, by element."""
        return self.learning_rates.model_dump(exclude_none=True)

    @property
    def rest(self) -> dict[str, Any]:
        """What else it sets."""
        return self.model_dump(include={"batch_sizes", "bank"}, exclude_none=True)

    def fits(self, plm: str, strategy: Strategy) -> bool:
        """Whether it is for this strategy of this PLM."""
        priming = strategy.priming
        primed = {"none"} if priming is None else {priming.algorithm, priming.section}
        named = (self.plms, {plm}), (self.algorithms, primed), (self.elements, set(strategy.tuned))
        return all(not wanted or set(wanted) & found for wanted, found in named)


class Tuning(Section):
    """Tuning a target task on a sample; AdamW, linear warm-up and decay."""

    steps: Positive = Field(60, description="Optimizer steps.")
    evaluate_every: Positive = Field(10, description="Steps between evaluations on the development set; the best is kept.")
    learning_rates: Grid = Grid()
    batch_sizes: list[Positive] = Field([16], min_length=1, description="Batch sizes tried; the inner loop of the grid.")
    warmup: Share = Field(0.1, description="Share of the steps spent warming up.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay of AdamW.")
    clip: Rate | None = Field(1.0, description="Largest gradient norm, a run at a time.")
    dropout: Share | None = Field(None, description="Dropout while tuning; the PLM's own without it.")
    loss: Reduction = Field("mean", description="Over the target tokens of a batch. CrossFit: `sum`.")
    label_smoothing: Share = Field(0.0, description="Share of each target spread over the whole vocabulary, as fairseq does. CrossFit: 0.1.")
    bank: Positive = Field(64, description="Runs trained side by side at the most.")
    bank_tasks: Positive = Field(
        1,
        description="Target tasks that share banks: so many consecutive ones; those left over when the list is divided have banks of their own. "
        "Adding or removing a task tunes those again whose banks it changes.",
    )
    ties: Literal["loss", "first"] = Field(
        "loss",
        description="Which step a run keeps where all steps have the same development score: that of the least development loss, or the `first`, "
        "which is the start (CrossFit's rule).",
    )
    save_plm: bool = Field(False, description="Save the whole tuned PLM of each winner too, where it is tuned.")
    chunk: Positive = Field(16, description="Target tasks a job tunes one after the other.")
    exceptions: list[TuningException] = Field(
        [], description="Other grids and banks for some PLMs, algorithms or elements; where several fit, the last of them counts."
    )

    def of(self, plm: str, strategy: Strategy) -> Self:
        """The settings for a strategy of a PLM: those of the study, but for the exceptions that fit."""
        rates = self.learning_rates
        rest: dict[str, Any] = {}
        for exception in self.exceptions:
            if exception.fits(plm, strategy):
                rates = rates.model_copy(update=exception.rates)
                rest |= exception.rest
        return self.model_copy(update={"learning_rates": rates, "exceptions": [], **rest})


class Published(Section):
    """Published numbers that the table `published` prints beside those of a PLM; see docs/published.md."""

    adl2022: dict[Name, Literal["BART", "T5", "mT5"]] = Field({}, description="The course report on CrossFit: a PLM of the study, and which of its.")
    ye2021: dict[Name, Partition] = Field({}, description="CrossFit: a PLM of the study, and the partition that its tasks are of.")

    @property
    def chosen(self) -> dict[str, dict[str, str]]:
        """For each paper that is named: the PLMs of the study, and whose numbers are to stand beside theirs."""
        return {paper: dict(lots) for paper in type(self).model_fields if (lots := getattr(self, paper))}


class Pair(Section):
    """Two strategies of the study."""

    first: StrategyText = Field(description="One of the study's strategies.")
    second: StrategyText = Field(description="The strategy that it is compared with.")


class Scoring(Section):
    """Decoders, metrics, the baseline of relative gains."""

    decoder: Decoder = Field("ranking", description="Decoder whose development score selects: label ranking, greedy generation, or beam search.")
    metric: Metric = Field("accuracy", description="Metric that selects and that ARG and the figures use; `task`: each task's own.")
    decoders: list[Decoder] = Field(["ranking", "greedy"], min_length=1, description="Decoders reported.")
    metrics: list[Metric] = Field(["accuracy", "macro_f1_free", "macro_f1_labels", "exact_match"], min_length=1, description="Metrics reported.")
    beam: Positive = Field(4, description="Beams of the decoder `beam`. CrossFit: 4.")
    length_normalised: bool = Field(False, description="Rank labels by mean instead of summed log-probability of their tokens, end token included.")
    arg_baseline: BaselineText = Field(
        "none -> plm",
        description="What relative gains (ARG) stand against: a strategy of the study (CrossFit: `none -> plm`); `same algorithm`, the PLM primed "
        "and tuned in full by the algorithm of each strategy (a course report on CrossFit); `chance`, guessing a label (Wu et al., 2022); "
        "`majority`, the commonest label of the test set.",
    )
    arg_plm: Name | None = Field(
        None, description="The PLM of that baseline, for the gains of every PLM (the course report: its BART); each PLM's own without it."
    )
    compare: list[Pair] = Field(
        [], description="Pairs whose difference the table `comparisons` gives, the first minus the second, each for itself: the p is not corrected."
    )
    deviation: Literal["sample", "population"] = Field(
        "sample", description="Standard deviations over n-1 (`sample`), or over n (`population`; CrossFit's, numpy's default)."
    )
    published: Published = Published()

    @property
    def freedom(self) -> int:
        """What is subtracted from n in a standard deviation."""
        return 1 if self.deviation == "sample" else 0

    @property
    def generator(self) -> Decoder:
        """What stands in for ranking in a task without labels: the first of `decoders` that generates, else `greedy`."""
        return next((decoder for decoder in self.decoders if decoder != "ranking"), "greedy")
