"""Training on tasks as texts, and answering them."""

from collections.abc import Mapping, Sequence
from typing import Any

from priming.backbones.encoding import TextTokenizer, TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.errors import DataError
from priming.forms.interface import Labels
from priming.forms.labels import unfit_labels
from priming.forms.loss import LossForm
from priming.forms.prediction import Predictor
from priming.forms.rows import Example
from priming.forms.training import AnsweringRuns
from priming.section import Reduction


class TextTraining:
    """Every output is written out."""

    def loss(self, smoothing: float, reduction: Reduction) -> LossForm:
        """Cross-entropy over target tokens."""
        return LossForm(smoothing, reduction)

    def runs(self, model: TextModel, tokenizer: TextTokenizer, scoring: Any) -> AnsweringRuns:
        """What ranks labels and generates."""
        return Predictor(model, tokenizer, scoring.length_normalised, scoring.generator, scoring.beam)

    def inputs(self, tokenizer: TextTokenizer, examples: Sequence[Example]) -> Sequence[Sequence[int]]:
        """Texts."""
        return tokenizer.inputs([example.input for example in examples])

    def encoded(
        self, tokenizer: TextTokenizer, examples: Sequence[Example], labels: Labels, place: int
    ) -> TokenizedDataset:
        """Inputs and all references."""
        return tokenizer.examples((example.input, example.targets) for example in examples)

    def states(self, row: Sequence[int]) -> None:
        """All: the decoder attends to them."""

    def by_states(self, row: Sequence[int], first: int) -> tuple[int, ...]:
        """All of the input's states, one after the other."""
        return tuple(range(first, first + len(row)))

    def target_by_states(self, row: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
        """The same."""
        return tuple(target)

    def check(self, labels: Mapping[str, Labels], tokenizer: TextTokenizer, plm: str) -> None:
        """Raise DataError where labels, as they are written, would be cut or are the same tokens."""
        known = {task: own or () for task, own in labels.items()}
        if wrong := unfit_labels(known, tokenizer.whole, plm, tokenizer.max_output):
            raise DataError(wrong)

    def cut(self, tokenizer: TextTokenizer, examples: Sequence[Example]) -> int:
        """How many targets are longer than outputs may be."""
        return tokenizer.cut([target for example in examples for target in example.targets])


TRAINING = TextTraining()
