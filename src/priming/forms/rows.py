"""Rows of classification and text-to-text tasks: an input and its correct outputs, as text."""

from dataclasses import dataclass
from typing import Any

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
