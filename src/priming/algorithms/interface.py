"""What an algorithm answers about itself. Nobody else asks for its name, or for the kind of its settings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self

from pydantic import Field, model_validator

from priming.elements.sections import Rates
from priming.runs.schedules import ScheduleName
from priming.runs.update_rules.table import MODULES as UPDATE_RULES
from priming.section import Fraction, Positive, Rate, Reduction, Section

if TYPE_CHECKING:
    import torch

    from priming.backbones.encoding import TokenizedDataset
    from priming.backbones.text_model import TextModel
    from priming.forms.training import FormTraining
    from priming.runs.checkpoints import Stateful
    from priming.runs.loop import Objective
    from priming.runs.parameters import Named
    from priming.runs.shards import PartObjective, Shard, Weight
    from priming.runs.update_rules.interface import UpdateRule


if TYPE_CHECKING:
    Optimizer = str
else:
    Optimizer = Literal[tuple(UPDATE_RULES)]
WEIGHT_DECAY = "Weight decay of matrices: added to the gradient with `sgd`, else decoupled."


class Budget(Section):
    """How long priming lasts: exactly one of steps, examples, counted and executed FLOPs."""

    steps: Positive | None = Field(None, description="Optimizer (outer) steps.")
    examples: Positive | None = Field(None, description="Examples seen, including those of the inner loop.")
    flops: float | None = Field(None, gt=0, description="Floating-point operations, counted as docs/compute.md says.")

    executed_flops: float | None = Field(
        None,
        gt=0,
        description="Floating-point operations executed, padding included; the number of steps then depends on the "
        "batches that the seed draws.",
    )

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        measures = list(type(self).model_fields)
        if sum(getattr(self, measure) is not None for measure in measures) != 1:
            raise ValueError(f"give exactly one of {', '.join(measures)}")
        return self


class Validation(Section):
    """Choosing the primed checkpoint on the development tasks, by a short tuning of each downstream element."""

    every: Positive = Field(100, description="Steps between candidates. CrossFit's branch `fo`: 150.")
    steps: Positive = Field(30, description="Tuning steps per development task.")
    samples: Positive = Field(1, description="Number of the study's samples used.")


class Upstream(Section):
    """What the algorithms share."""

    later = frozenset({"bank", "group_by_length", "schedule", "tokens"})

    budget: Budget = Budget(steps=700)
    learning_rates: Rates = Rates()
    optimizer: Optimizer = Field("adamw", description="The update rule of the (outer) steps.")
    warmup: Fraction = Field(0.06, description="Share of the steps spent warming up.")
    schedule: ScheduleName = Field(
        "linear", description="After the warm-up, rates decay linearly to zero (`linear`) or stay (`constant`)."
    )
    weight_decay: float = Field(0.01, ge=0, description=WEIGHT_DECAY)
    clip: Rate | None = Field(1.0, description="Largest gradient norm, over all tuned elements.")
    dropout: Fraction | None = Field(None, description="Dropout while priming; default: the PLM's own.")
    loss: Reduction = Field("mean", description="Over the target tokens of a batch. CrossFit: `sum`.")
    label_smoothing: Fraction = Field(
        0.0, description="Share of each target spread over the whole vocabulary, as fairseq does. CrossFit: 0.1."
    )
    target_space: bool = Field(
        False, description="Write a space before each target, as CrossFit does while priming but not while tuning."
    )
    group_by_length: Positive = Field(
        1,
        description="Number of batches whose examples are put in the order of their lengths and divided anew, so that "
        "batches have less padding. 1: batches are drawn at random.",
    )
    tokens: Literal["memory", "mapped"] = Field(
        "memory",
        description="Where the tokens of source tasks are. `mapped`: in files that are mapped into memory, for tens of "
        "millions of rows, of PLMs that generate answers; with `mixing: examples`, epochs have another order.",
    )
    bank: Positive = Field(
        1,
        description="Seeds whose primings are one job and train side by side, which takes the memory of as many "
        "batches, and in meta-learning that of a copy of all outer elements for each task. Where micro-batches, kept "
        "heads, another inner optimizer or update: full_step rule that out, one after the other.",
    )
    accumulation_steps: Positive = Field(
        1,
        description="Number of micro-batches into which a batch, or the tasks of a meta-batch, is divided, with their "
        "gradients accumulated, to save memory.",
    )
    keep: Literal["last", "best", "loss"] = Field(
        "last",
        description="The checkpoint kept. `last`: the last. `best`: that with the best score on the development tasks, "
        "by a short tuning of each downstream element (`validation`). `loss` (CrossFit's branch `fo`): that with the "
        "lowest loss on the samples of the development tasks, after an inner loop on each.",
    )
    validation: Validation = Validation()

    @property
    def chooses(self) -> bool:
        """Whether development tasks choose the checkpoint that is kept."""
        return self.keep != "last"

    @property
    def tunes_to_choose(self) -> bool:
        """Whether they are tuned for that."""
        return self.keep == "best"


class Moves(Protocol):
    """What a priming moves, as its name in the study file says."""

    @property
    def outer(self) -> tuple[str, ...]:
        """The elements that it leaves behind."""

    @property
    def inner(self) -> tuple[str, ...]:
        """Those that the inner loop moves."""

    @property
    def elements(self) -> tuple[str, ...]:
        """All of them."""

    @property
    def inner_steps(self) -> int:
        """Steps of the inner loop."""


class Step(NamedTuple):
    """The examples of an (outer) step: so many groups, each with examples of inner steps and of the outer loss."""

    groups: int
    inner: int
    outer: int

    @property
    def examples(self) -> int:
        """All of them."""
        return self.groups * (self.inner + self.outer)


class Pass(NamedTuple):
    """A padded batch that goes through the model.

    It has its number of examples, the tokens of each input and target, and whether an inner step takes it.
    """

    examples: int
    source: int
    target: int
    inner: bool = False


class Complaint(NamedTuple):
    """A setting that does not fit: its key (in the algorithm's section or from the top), the problem, the remedy."""

    key: tuple[str, ...]
    text: str
    from_top: bool = False


@dataclass(frozen=True)
class Sources:
    """What a study primes on: how many tasks, and at the most how many examples of each; its samples, if it has any."""

    tasks: int
    limit: int
    samples: int = 0


class Algorithm:
    """An algorithm with its settings, and what a priming by it moves."""

    section: ClassVar[type[Upstream]]
    """Its section under `priming` in the study file."""
    has_inner_loop: ClassVar[bool] = False
    divided: ClassVar[str]
    """The key of what processes and micro-batches share: `batch`, or `tasks` of a meta-batch."""
    colour: ClassVar[str]
    """Of its marks, from the palette of Okabe and Ito (2008)."""
    fill: ClassVar[str]
    """How its marks are filled: `full`, `left` or `none`."""

    def __init__(self, settings: Any, moves: Moves) -> None:
        self.settings, self.moves = settings, moves
        self.changing: dict[str, Stateful] = {}
        """What else changes from step to step and is saved with the state, once the objective is made."""

    @classmethod
    def bound(cls, settings: Upstream, moves: Moves) -> "Algorithm":
        """The algorithm that these settings ask for."""
        return cls(settings, moves)

    @classmethod
    def unpublished(cls, settings: Any) -> Iterator[Complaint]:
        """Settings of the section itself that are the matter of a variant."""
        return iter(())

    # What the study file must say.

    @property
    def rated(self) -> dict[str, tuple[str, ...]]:
        """The elements that need a learning rate, by the key that has it."""
        return {"learning_rates": self.moves.outer}

    def complaints(self, name: str, sources: Sources) -> Iterator[Complaint]:
        """What rules out the priming of this `name`."""
        return iter(())

    # What it costs.

    @property
    def step(self) -> Step:
        """The examples of a step."""
        raise NotImplementedError

    @property
    def one_process(self) -> str:
        """The setting by which parts of a step are taken one after the other, so that processes cannot share them."""
        return ""

    @property
    def held(self) -> int:
        """Examples whose activations are held at one time."""
        raise NotImplementedError

    @property
    def copies(self) -> float:
        """Copies of the inner elements that are held at one time."""
        return 0

    @property
    def spread(self) -> float:
        """Copies of the other outer elements for each run, where several are side by side."""
        return 0

    @property
    def differentiated(self) -> tuple[str, ...]:
        """The elements in which the outer loss is differentiated."""
        return self.moves.outer

    @property
    def paired(self) -> bool:
        """Whether each sample of a task is a set of its own, with its training and its development examples."""
        return False

    @property
    def through_inner_steps(self) -> bool:
        """Whether inner steps are differentiated once more."""
        return False

    def lengths_of(self, sets: "Sequence[TokenizedDataset]") -> "Sequence[TokenizedDataset]":
        """The sets whose mean lengths count alike."""
        return sets

    def passes(self, sets: "Sequence[TokenizedDataset]", run_key: int) -> Callable[[int], list[Pass]]:
        """A function from the step to the batches that go through the model, padded as a single process pads them.

        Each micro-batch is padded by itself.
        """
        raise NotImplementedError

    # How it trains.

    @property
    def clip(self) -> float | None:
        """The largest gradient norm."""
        clip: float | None = self.settings.clip
        return clip

    @property
    def optimizer(self) -> str | None:
        """The update rule that the settings name; None where the algorithm has its own, which remembers nothing."""
        optimizer: str = self.settings.optimizer
        return optimizer

    def update_rule(self, device: "torch.device", runs: int = 1) -> "UpdateRule":
        """What moves the outer elements of so many runs."""
        import torch

        from priming.runs.update_rules.table import update_rule

        rates = self.settings.learning_rates
        stacked = {e: torch.tensor([rates.of(e)] * runs, dtype=torch.float64, device=device) for e in self.moves.outer}
        return update_rule(self.settings.optimizer)(stacked, self.settings.weight_decay)

    def objective(
        self, model: "TextModel", form: "FormTraining", sets: "Sequence[TokenizedDataset]", run_key: int, shard: "Shard"
    ) -> "Objective":
        """The loss and gradient of a step, of this process's share of it.

        The tasks are of one `form`; `run_key` is what all random numbers are made from.
        """
        from priming.runs.shards import AccumulatedObjective

        rows = shard.parts(getattr(self.settings, self.divided), self.settings.accumulation_steps)
        parts = [self.part(model, form, sets, run_key, of_part) for of_part in rows]
        return parts[0][0] if shard.world == len(parts) == 1 else AccumulatedObjective(parts, shard)

    @property
    def banks(self) -> bool:
        """Whether runs with random numbers of their own can train side by side."""
        return False

    def side_by_side(
        self,
        model: "TextModel",
        form: "FormTraining",
        sets: "Sequence[TokenizedDataset]",
        run_keys: Sequence[int],
        lengths: Sequence[int],
    ) -> "Objective":
        """The losses and gradients of a step of several runs, those of most steps first; only where it `banks`."""
        raise NotImplementedError

    def development_loss(
        self, model: "TextModel", form: "FormTraining", sets: "Sequence[TokenizedDataset]", run_key: int
    ) -> "Callable[[Named], float]":
        """From values of the outer elements to their mean loss on samples, as `keep: loss` compares it."""
        raise NotImplementedError

    def part(
        self, model: "TextModel", form: "FormTraining", sets: "Sequence[TokenizedDataset]", run_key: int, rows: slice
    ) -> "tuple[PartObjective, Weight]":
        """The objective over these rows of what is divided, and from the step to their weight in the whole."""
        raise NotImplementedError
