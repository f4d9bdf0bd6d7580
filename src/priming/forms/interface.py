"""What a form of tasks answers about itself. Nobody else asks for its name."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from priming.errors import StudyError
from priming.forms import rows

Labels = tuple[str, ...] | None


class TaskKind(NamedTuple):
    """What tasks of a kind have in common."""

    labelled: bool
    """Whether their outputs are a few fixed labels."""
    draw: str
    """How their samples are drawn where the study does not say."""
    metric: str
    """The metric of a task that names none of its own."""
    by_word: bool = False
    """Whether a row is a list of words, each with an answer of its own."""
    own_choices: bool = False
    """Whether each row has choices of its own."""


CLASSIFICATION = TaskKind(labelled=True, draw="per_class", metric="accuracy")


class Form:
    """A form, and its answers where they are those of tasks whose answers are texts.

    It loads no model: what it does with one stands in the module `training`.
    """

    name: ClassVar[str]
    kinds: ClassVar[Mapping[str, TaskKind]]
    """Kinds of tasks that it is for."""
    needs: ClassVar[str]
    """The pass that a backbone must offer: `encode` or `decode`."""
    elements: ClassVar[tuple[str, ...]] = ()
    """Elements without which a model gives no answer."""
    decoders: ClassVar[tuple[str, ...]]
    """Ways of reading an answer off a model, the one first that also answers where a study names none of them."""
    cut: ClassVar[tuple[str, str]] = ("target", "max_output")
    """What is truncated, and the key of a PLM that says how long it may be."""
    training: ClassVar[str]
    """The module that trains models on it and answers with them, as `TRAINING`. It may be the form's own module."""

    # Rows.

    schema: ClassVar[str] = rows.SCHEMA
    """What a row looks like, for messages."""

    def read_row(self, value: Any) -> rows.Example:
        """The row that a JSON value holds; raises ValueError, TypeError or KeyError where it holds none."""
        return rows.read_row(value)

    def written_row(self, row: rows.Example) -> dict[str, Any]:
        """The JSON value of a row."""
        return rows.written_row(row)

    # Scores.

    def possible(self, decoders: Sequence[str], labels: Labels, generator: str) -> list[str]:
        """Those of `decoders` that a task with these labels allows; one of the form's own where none is left."""
        return [name for name in decoders if name in self.decoders] or [self.decoders[0]]

    def chance(self, rows: Sequence[rows.Example], labels: Labels) -> float:
        """The accuracy of guessing on these rows of a task with these labels."""
        return 1 / len(labels) if labels else 0.0

    def constant(self, rows: Sequence[rows.Example]) -> tuple[str, list[str]]:
        """The most frequent first target, the first seen of equals, and the answers of always giving it."""
        label = Counter(row.targets[0] for row in rows).most_common(1)[0][0]
        return label, [label] * len(rows)

    # Models.

    def refuse_lacking(self, elements: Collection[str], where: str, plm: str) -> None:
        """Raise StudyError where a strategy or priming with these elements, written as `where`, lacks one."""
        if text := self.lacking(elements, where, plm):
            raise StudyError(text)

    def lacking(self, elements: Collection[str], where: str, plm: str) -> str | None:
        """That a strategy or priming with these elements, written as `where`, lacks one; None if it lacks none."""
        if not (missing := [element for element in self.elements if element not in elements]):
            return None
        added = "+".join(missing)
        text = f"{where!r} has no {added}, and PLM {plm!r} answers by one; tune one with the others"
        return f"{text}: '... -> adapter+{added}', 'mtl[plm+{added}]', 'maml[plm | plm+{added} x5]'"
