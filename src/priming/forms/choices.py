"""A choice among a row's own answers, by their likelihood (rank classification)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, ClassVar, Self

from priming.forms.decoders import RANKING
from priming.forms.interface import Form, Labels, TaskKind
from priming.forms.rows import Example

_BETWEEN = "\x1f"
LOSES_LAST = "loses_last"
"""The key of a row whose choices are answered without their last tokens; other rows have none."""


@dataclass(frozen=True)
class Question(Example):
    """An input and its choices, of which the only target is the right one, number `answer`.

    `id` names the row of the data set `group` that it was made from, `template` what made it; None where it is not
    known. The same row made by several templates has the same `id`. Where it `loses_last`, the last token of each
    choice before the end token is left out of training and scores.
    """

    choices: tuple[str, ...] = ()
    answer: int = 0
    id: str | None = None
    group: str | None = None
    template: str | None = None
    loses_last: bool = False

    @property
    def identity(self) -> str:
        """The input with the choices."""
        return _BETWEEN.join((self.input, *self.choices))

    @property
    def answered(self) -> str:
        """The place of the right choice, from 1."""
        return f"choice {self.answer + 1}"

    @property
    def made_from(self) -> str | None:
        """Data set and row."""
        return None if self.id is None else f"{self.group or ''}/{self.id}"

    def written(self, asked: str, answer: Callable[[str], str]) -> Self:
        """The same with its input as `asked`, and each choice as `answer` writes it."""
        return replace(super().written(asked, answer), choices=tuple(map(answer, self.choices)))


class Choices(Form):
    """The choice whose tokens are the most likely on average is the answer; each row has choices of its own."""

    name, needs = "choices", "decode"
    kinds: ClassVar[dict[str, TaskKind]] = {
        "multiple_choice": TaskKind(labelled=False, draw="in_all", metric="accuracy", own_choices=True)
    }
    decoders = (RANKING,)
    training = "priming.forms.choices_training"
    schema = "{'input': text, 'choices': [text, text, ...], 'answer': number}"

    def read_row(self, value: Any) -> Question:
        """The question that a JSON value holds."""
        about = {key: value[key] for key in ("id", "group", "template", LOSES_LAST) if value.get(key) is not None}
        return question(value["input"], value["choices"], value["answer"], **about)

    def written_row(self, row: Example) -> dict[str, Any]:
        """Input, choices and the number of the right one, and where it is from as far as that is known."""
        assert isinstance(row, Question)
        about = {"id": row.id, "group": row.group, "template": row.template}
        known = {key: value for key, value in about.items() if value is not None}
        shortened = {LOSES_LAST: True} if row.loses_last else {}
        return {"input": row.input, "choices": list(row.choices), "answer": row.answer} | known | shortened

    def chance(self, rows: Sequence[Example], labels: Labels) -> float:
        """The mean over rows of guessing one of their choices."""
        return fmean(1 / len(row.choices) for row in rows if isinstance(row, Question))

    def constant(self, rows: Sequence[Example]) -> tuple[str, list[str]]:
        """The place that is right in most rows, the first of equals; in a row with fewer choices, the last of them."""
        asked = [row for row in rows if isinstance(row, Question)]
        places = [row.answer for row in asked]
        most = max(dict.fromkeys(places), key=places.count)
        return f"choice {most + 1}", [row.choices[min(most, len(row.choices) - 1)] for row in asked]


def question(input: str, choices: Sequence[str], answer: int, **about: Any) -> Question:
    """A question; `about` are further attributes of it.

    Raises:
        ValueError: fewer than two choices, an empty one, or no choice of the number `answer`, from 0.
        TypeError: an input or choice that is no text, an answer that is no number, or `loses_last` that is no truth
            value.
    """
    for text in (input, *choices):
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no text")
    if not isinstance(lost := about.get(LOSES_LAST, False), bool):
        raise TypeError(f"{LOSES_LAST} {lost!r} is neither true nor false")
    if isinstance(answer, bool) or not isinstance(answer, int):
        raise TypeError(f"the answer {answer!r} is no number")
    if len(choices) < 2:
        raise ValueError(f"{len(choices)} choices; a question has two or more")
    if empty := [place for place, choice in enumerate(choices, 1) if not choice.strip()]:
        raise ValueError(f"choice {empty[0]} is empty")
    if not 0 <= answer < len(choices):
        raise ValueError(f"the answer is choice {answer}, counted from 0, of {len(choices)}")
    return Question(input, (choices[answer],), tuple(choices), answer, **about)


FORM = Choices()
