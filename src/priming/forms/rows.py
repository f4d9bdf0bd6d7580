"""Rows of classification and text-to-text tasks: an input and its correct outputs, as text."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

SCHEMA = "{'input': text, 'targets': [text, ...]}"


@dataclass(frozen=True)
class Example:
    """An input, and the outputs that count as correct; a classification example has exactly one."""

    input: str
    targets: tuple[str, ...]

    @property
    def identity(self) -> str:
        """The input, by which duplicate rows are recognised."""
        return self.input

    @property
    def answered(self) -> str:
        """The right answer by which samples are balanced: the first output."""
        return self.targets[0]

    @property
    def made_from(self) -> str | None:
        """The row of a data set that it was made from, by a template among several; None where that is not known."""
        return None

    def written(self, asked: str, answer: Callable[[str], str]) -> Self:
        """The same with its input as `asked`, and each output as `answer` writes it."""
        return replace(self, input=asked, targets=tuple(map(answer, self.targets)))


def read_row(value: Any) -> Example:
    """The example in a JSON value; raises ValueError, TypeError or KeyError if it is not one."""
    text, targets = value["input"], value["targets"]
    if not isinstance(text, str) or not isinstance(targets, list):
        raise TypeError("another type")
    if not targets or not all(isinstance(target, str) for target in targets):
        raise ValueError("no texts as targets")
    return Example(text, tuple(targets))


def written_row(example: Example) -> dict[str, Any]:
    """The JSON value of an example."""
    return {"input": example.input, "targets": list(example.targets)}
