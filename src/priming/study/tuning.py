"""The study file on tuning the target tasks and on scoring."""

from typing import Literal

from pydantic import Field

from priming.study.base import Positive, Rate, Section, Share, StrategyText

Decoder = Literal["ranking", "greedy"]
Metric = Literal["accuracy", "macro_f1_free", "macro_f1_labels", "exact_match"]


class Grid(Section):
    """Learning rates tried, in this order; ties go to the earlier."""

    plm: list[Rate] = Field([1e-3], min_length=1, description="Rates for the whole PLM.")
    adapter: list[Rate] = Field([1e-2], min_length=1, description="Rates for adapters.")
    prompt: list[Rate] = Field([0.5], min_length=1, description="Rates for soft prompts.")
    prefix: list[Rate] = Field([0.1], min_length=1, description="Rates for prefixes.")


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
    bank: Positive = Field(64, description="Runs trained side by side at the most.")
    bank_tasks: Positive = Field(
        1,
        description="Target tasks that share banks: so many consecutive ones; those left over when the list is divided have banks of their own. "
        "Adding or removing a task tunes those again whose banks it changes.",
    )
    save_plm: bool = Field(False, description="Save the whole tuned PLM of each winner too, where it is tuned.")
    chunk: Positive = Field(16, description="Target tasks a job tunes one after the other.")


class Bootstrap(Section):
    """Intervals from a crossed bootstrap: tasks and priming seeds are resampled separately, samples within."""

    resamples: Positive = Field(2000, description="Resamples.")
    level: Share = Field(0.95, description="Coverage.")
    seed: int = Field(0, description="Fixes the resamples.")


class Scoring(Section):
    """Decoders, metrics, the baseline of relative gains."""

    decoder: Decoder = Field("ranking", description="Decoder whose development score selects: label ranking, or greedy generation.")
    metric: Metric = Field("accuracy", description="Metric that selects and that ARG and the figures use.")
    decoders: list[Decoder] = Field(["ranking", "greedy"], min_length=1, description="Decoders reported.")
    metrics: list[Metric] = Field(["accuracy", "macro_f1_free", "macro_f1_labels", "exact_match"], min_length=1, description="Metrics reported.")
    length_normalised: bool = Field(False, description="Rank labels by mean instead of summed log-probability of their tokens, end token included.")
    arg_baseline: StrategyText = Field("none -> plm", description="The strategy that relative gains (ARG) stand against; one of the study's.")
    bootstrap: Bootstrap = Bootstrap()
