"""Multi-task learning (Caruana, 1997): batches mixed from all source tasks."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priming.algorithms.interface import Algorithm, Complaint, Pass, Sources, Step, Upstream
from priming.section import Positive

if TYPE_CHECKING:
    from priming.backbones.encoding import TokenizedDataset
    from priming.backbones.text_model import TextModel
    from priming.forms.batches import TokenPair
    from priming.forms.training import FormTraining
    from priming.runs.loop import Objective
    from priming.runs.shards import PartObjective, Weight


class Mtl(Upstream):
    """Multi-task learning: batches mixed from all source tasks."""

    batch: Positive = Field(32, description="Examples per step.")
    mixing: Literal["tasks", "examples"] = Field(
        "tasks",
        description="`tasks`: each task equally likely, and each of its examples; `examples`: every example of all "
        "tasks once per epoch (CrossFit).",
    )


class MultiTask(Algorithm):
    """The mean loss over a batch of all tasks."""

    section, divided, colour, fill = Mtl, "batch", "#0072B2", "full"
    settings: Mtl

    def complaints(self, name: str, sources: Sources) -> Iterator[Complaint]:
        """A choice by what there is not."""
        if self.settings.keep == "loss":
            yield Complaint(("keep",), "'loss' is that after an inner loop, and mtl has none; use 'best' or 'last'")

    @property
    def step(self) -> Step:
        """One batch."""
        return Step(1, 0, self.settings.batch)

    @property
    def held(self) -> int:
        """A micro-batch."""
        return -(-self.settings.batch // self.settings.accumulation_steps)

    def lengths_of(self, sets: "Sequence[TokenizedDataset]") -> "Sequence[TokenizedDataset]":
        """One set of all examples where each is as likely as any other."""
        from priming.backbones.encoding import TokenizedDataset

        return [TokenizedDataset.joined(sets)] if self.settings.mixing == "examples" else sets

    def batches(self, sets: "Sequence[TokenizedDataset]", run_key: int) -> "Callable[[int], list[TokenPair]]":
        """From the step to its batch."""
        from priming.backbones.encoding import TokenizedDataset
        from priming.forms.batches import epoch_batch, mixture_batch

        drawn = {"size": self.settings.batch, "grouped": self.settings.group_by_length}
        if self.settings.mixing == "examples":
            return partial(epoch_batch, TokenizedDataset.joined(sets), run_key, **drawn)
        return partial(mixture_batch, sets, run_key, **drawn)

    def passes(self, sets: "Sequence[TokenizedDataset]", run_key: int) -> Callable[[int], list[Pass]]:
        """Its micro-batches."""
        from priming.forms.batches import padded
        from priming.runs.shards import Shard

        batch = self.batches(sets, run_key)
        micro = Shard().parts(self.settings.batch, self.settings.accumulation_steps)
        return lambda step: [Pass(*padded(pairs[rows])) for pairs in [batch(step)] for rows in micro]

    def part(
        self, model: "TextModel", form: "FormTraining", sets: "Sequence[TokenizedDataset]", run_key: int, rows: slice
    ) -> "tuple[PartObjective, Weight]":
        """The loss over these rows of a batch; their weight is by terms of the loss, where it is a mean over them."""
        from priming.forms.side_by_side import SideBySide

        loss, batch = form.loss(self.settings.label_smoothing, self.settings.loss), self.batches(sets, run_key)

        def weight(step: int) -> float:
            """The share of these rows in the batch of a step."""
            if loss.reduction == "sum":
                return 1.0
            terms = [loss.terms(target) for _, target in batch(step)]
            return sum(terms[rows]) / sum(terms)

        return SideBySide(model, lambda step: [batch(step)[rows]], [run_key], rows.start, loss), weight

    @property
    def banks(self) -> bool:
        """Whole batches, not micro-batches."""
        return bool(self.settings.accumulation_steps == 1)

    def side_by_side(
        self,
        model: "TextModel",
        form: "FormTraining",
        sets: "Sequence[TokenizedDataset]",
        run_keys: Sequence[int],
        lengths: Sequence[int],
    ) -> "Objective":
        """Runs that draw batches of their own."""
        from priming.forms.side_by_side import SideBySide

        loss = form.loss(self.settings.label_smoothing, self.settings.loss)
        drawn = [(self.batches(sets, run_key), steps) for run_key, steps in zip(run_keys, lengths, strict=True)]
        return SideBySide(
            model, lambda step: [batch(step) for batch, steps in drawn if steps > step], run_keys, form=loss
        )


ALGORITHM = MultiTask
