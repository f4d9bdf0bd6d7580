"""Training and inference of a form: encoding of rows, loss, answers."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from priming.forms.interface import Form, Labels
from priming.forms.rows import Example

if TYPE_CHECKING:
    from torch import Tensor

    from priming.backbones.encoding import Batch, TextTokenizer, TokenizedDataset
    from priming.backbones.text_model import TextModel
    from priming.forms.answers import Answers
    from priming.section import Reduction


class Loss(Protocol):
    """The loss of runs on their batches."""

    @property
    def reduction(self) -> "Reduction":
        """Whether it is a mean or a sum over the batch's targets."""

    def inputs(self, model: "TextModel", batch: "Batch") -> "tuple[Tensor, ...]":
        """The tensors of a batch [R x B x ...] that the loss needs; each has R as its first dimension."""

    def logits(self, model: "TextModel", values: "Mapping[str, Tensor]", *inputs: "Tensor") -> "Tensor":
        """The model's logits for the inputs of one run, with `values` in place of its parameters."""

    def of(self, logits: "Tensor", *inputs: "Tensor") -> "Tensor":
        """The loss of one run, a scalar."""

    def terms(self, target: Sequence[int]) -> int:
        """How many of the terms over which the loss is a mean are of this target."""


class AnsweringRuns(Protocol):
    """Answers of R runs side by side over one shared PLM."""

    def answer(
        self,
        stacked: "Mapping[str, Tensor]",
        inputs: "Sequence[Sequence[Sequence[int]]]",
        labels: Sequence[Labels],
        decoders: Sequence[str],
        after_rows: Any = None,
    ) -> "list[Answers]":
        """The answers of each run by `decoders`.

        Args:
            stacked: parameters of the runs, [R x ...] by name.
            inputs: the rows of input ids of each run; they may differ in number.
            labels: the labels of each run's task, None for tasks without labels.
            decoders: the decoders to use.
            after_rows: called with numbers of finished rows.
        """

    def losses(self, stacked: "Mapping[str, Tensor]", data: "Sequence[TokenizedDataset]") -> list[float]:
        """The mean loss of each run on its own rows."""


class FormTraining(Protocol):
    """Training and inference of a form."""

    def loss(self, smoothing: float, reduction: "Reduction") -> Loss:
        """The loss that tasks are trained with."""

    def runs(self, model: "TextModel", tokenizer: "TextTokenizer", scoring: Any) -> AnsweringRuns:
        """Inference with a model, by the study's `scoring` section."""

    def inputs(self, tokenizer: "TextTokenizer", examples: Sequence[Example]) -> Sequence[Sequence[int]]:
        """What is asked in rows of a task, as token ids."""

    def encoded(
        self, tokenizer: "TextTokenizer", examples: Sequence[Example], labels: Labels, place: int
    ) -> "TokenizedDataset":
        """Rows of a task as token ids; `place` is the task's index among those trained together."""

    def states(self, row: Sequence[int]) -> Sequence[int] | None:
        """The positions in an input of the encoder's states that answers depend on; None if it may be all of them."""

    def by_states(self, row: Sequence[int], first: int) -> tuple[int, ...]:
        """The same input where its states are known: their numbers, from `first` on, instead of token ids."""

    def target_by_states(self, row: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
        """The target of that input."""

    def check(self, labels: "Mapping[str, Labels]", tokenizer: "TextTokenizer", plm: str) -> None:
        """Raise DataError if the PLM called `plm` cannot answer with a task's labels; `labels` by task."""

    def cut(self, tokenizer: "TextTokenizer", examples: Sequence[Example]) -> int:
        """How many targets, or words that are answered each by itself, are truncated; labels never are."""


def training_of(form: Form) -> FormTraining:
    """Training and inference of this form."""
    found: FormTraining = import_module(form.training).TRAINING
    return found
