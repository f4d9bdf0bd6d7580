"""How the runs of a bank are trained, all alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from priming.banks.scores import Loss, Score, own_loss
from priming.runs.schedules import ScheduleName


@dataclass(frozen=True)
class Settings:
    """Settings that runs share; what differs between them is in each `Run`."""

    steps: int
    batch_size: int
    evaluate_every: int | None = None
    """Steps between evaluations; without it, at the start and at the end."""
    evaluation_batch: int = 64
    """Development examples at once."""
    score: Score | None = None
    loss: Loss = own_loss
    keep: Literal["best", "last"] = "best"
    """The step whose values are returned; without development examples, the last."""
    optimizer: Literal["adamw", "sgd", "adafactor"] = "adamw"
    weight_decay: float = 0.0
    """Of matrices; vectors, such as biases, do not decay."""
    schedule: ScheduleName = "linear"
    warmup: float = 0.0
    """A fraction of the steps."""
    clip: float | None = 1.0
    """The largest gradient norm of a run."""
    dropout: bool = True
    """Whether the model's dropout acts in training."""
    bank: int = 64
    """The most runs side by side, which their activations limit."""
    padding: Mapping[str, int | float] = field(default_factory=dict)
    """What an argument of the model is padded with, where the library's usual values are not right."""
