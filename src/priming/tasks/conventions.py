"""How examples are written for the model: as they are, or by CrossFit's conventions (Ye et al., 2021)."""

from collections.abc import Iterable
from dataclasses import dataclass

from priming.forms.rows import Example


@dataclass(frozen=True)
class Conventions:
    """Which conventions hold.

    `task_prefix` writes ` [task] ` before an input: a space first, since byte-level vocabularies have other entries for
    words after a space. `target_space` writes a space before each target, for the same reason.
    """

    task_prefix: bool = False
    target_space: bool = False

    def input(self, task: str, example: Example) -> str:
        """What the encoder reads."""
        return f" [{task}] {example.input}" if self.task_prefix else example.input

    def target(self, text: str) -> str:
        """What the decoder writes."""
        return f" {text}" if self.target_space else text

    def examples(self, task: str, examples: Iterable[Example]) -> list[Example]:
        """Examples of a task with input and outputs as the model reads and writes them."""
        if self == Conventions():
            return list(examples)
        return [example.written(self.input(task, example), self.target) for example in examples]
