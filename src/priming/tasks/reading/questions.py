"""From rows to questions with choices of their own, by columns or by a template."""

from collections.abc import Mapping, Sequence
from typing import Any

from priming.digests import of_json
from priming.errors import DataError, nearest
from priming.forms.choices import Question, question
from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.study.definition import TaskDefinition
from priming.tasks.reading.classes import Classes
from priming.tasks.reading.rows import NONE, REMOVE, Row, TextReader, written
from priming.templates.rendering import Rendered, Renderer, RenderingError

_ID_DIGITS = 16


class ChoiceReader(TextReader):
    """Reads input, choices and the right one from columns."""

    def example(self, row: Row) -> Question:
        """A row as a question; raises DataError, UnusableRowError."""
        choices = self._choices(row)
        column, value = self.definition.output, self._value(row, self.definition.output, "output")
        answer = self._place(row, column, value, choices)
        if alike := _alike(choices, answer):
            raise self._unusable(row, column, alike, "correct the row")
        return question(
            self._input(row), choices, answer, id=row_of(row.values), group=group_of(self.name, self.definition)
        )

    def _choices(self, row: Row) -> list[str]:
        columns = self.definition.choices
        if isinstance(columns, str):
            value = self._value(row, columns, "choices")
            if not isinstance(value, list):
                problem = f"{row.place}, column {columns}: a {type(value).__name__} instead of a list"
                raise DataError(f"{problem}; name the columns of all choices in {self.key}.choices, as in [a, b]")
            given, where = [(columns, one) for one in value], columns
        else:
            given = [(column, self._value(row, column, "choices")) for column in columns or ()]
            where = ", ".join(columns or ())
        found = ("" if one is None else self._single(row, column, one, "choices") for column, one in given)
        return self._usable(row, where, [written(one).strip() for one in found])

    def _usable(self, row: Row, where: str, choices: Sequence[str]) -> list[str]:
        if len(choices) < 2:
            raise self._unusable(row, where, f"{len(choices)} choices, and a question has two or more", REMOVE)
        if empty := [place for place, choice in enumerate(choices, 1) if not choice]:
            raise self._unusable(row, where, f"choice {empty[0]} is empty", REMOVE)
        return list(choices)

    def _place(self, row: Row, column: str, value: Any, choices: Sequence[str]) -> int:
        """The number of the right choice, from 0, of which `value` is the number or the text."""
        text = written(self._single(row, column, value, "output")).strip()
        if text in choices:
            return choices.index(text)
        first = self.definition.counted_from
        if text.isdecimal() and first <= int(text) < first + len(choices):
            return int(text) - first
        allowed = f"{first} to {first + len(choices) - 1} ({self.key}.counted_from is {first}), or one of the choices"
        raise self._unusable(row, column, f"{text!r} is no choice; allowed: {allowed}", "correct the row")


class TemplateReader(TextReader):
    """Reads what a template makes of a row; the template may leave a row out by writing no output for it."""

    def __init__(self, name: str, definition: TaskDefinition, classes: Classes = NONE) -> None:
        super().__init__(name, definition, classes)
        template = definition.template_of(name)
        self.template = template.name or name.rpartition(".")[2]
        self.asks = KINDS[definition.kind].own_choices
        try:
            self.renderer = Renderer(template.jinja, template.answer_choices)
        except RenderingError as error:
            raise DataError(f"{self.key}.templates, {self.template!r}: {error}") from None
        if self.asks and template.answer_choices is None:
            advice = "write them, or kind: text_to_text"
            raise DataError(f"{self.key}.templates, {self.template!r}: it has no answer_choices; {advice}")

    def example(self, row: Row) -> Example | None:
        """A row as the template writes it; raises DataError, UnusableRowError."""
        try:
            found = self.renderer.render(self._values(row))
        except RenderingError as error:
            raise DataError(f"{row.place}: template {self.template!r}: {error}") from None
        if found.output is None:
            return None
        if not found.input:
            raise self._wrong(row, "it writes an empty input")
        return self._question(row, found) if self.asks else Example(found.input, (found.output,))

    def _question(self, row: Row, found: Rendered) -> Question:
        choices, output = found.choices or (), found.output or ""
        if len(choices) < 2 or not all(choices):
            empty = "an empty choice" if len(choices) > 1 else "fewer than two choices"
            raise self._wrong(row, f"it writes {empty}: {' ||| '.join(choices)!r}")
        if output not in choices:
            raise self._wrong(row, f"its output {output!r} is none of its choices {', '.join(map(repr, choices))}")
        if alike := _alike(choices, choices.index(output)):
            raise self._wrong(row, alike)
        about = {"id": row_of(row.values), "group": group_of(self.name, self.definition), "template": self.template}
        return question(found.input, choices, choices.index(output), **about)

    def _values(self, row: Row) -> dict[str, Any]:
        """The row's values, those of nested columns by their own names too, names of classes as numbers."""
        nested = {k: v for value in row.values.values() if isinstance(value, Mapping) for k, v in value.items()}
        values = nested | dict(row.values)
        for column, names in self.definition.classes.items():
            named = self._value(Row(row.place, values), column, "classes")
            text = written(named).strip()
            if isinstance(named, bool) and text not in names:
                text = text.lower()
            if text not in names:
                problem = f"{text!r} is none of its classes {', '.join(names)}{nearest(text, names)}"
                raise self._unusable(row, column, problem, f"list it in {self.key}.classes or correct the row")
            values[column] = names.index(text)
        return values

    def _wrong(self, row: Row, problem: str) -> DataError:
        return self._unusable(row, f"template {self.template!r}", problem, "correct the template or the row")


def _alike(choices: Sequence[str], answer: int) -> str | None:
    """That another choice counts as the right one, since accuracy ignores case; None if none does."""
    right = choices[answer].casefold()
    same = [place for place, choice in enumerate(choices) if place != answer and choice.casefold() == right]
    return f"choices {same[0] + 1} and {answer + 1} are both {choices[answer]!r}, case ignored" if same else None


def row_of(values: Mapping[str, Any]) -> str:
    """What names a row, the same whatever is made of it."""
    return of_json({key: str(value) for key, value in values.items()})[:_ID_DIGITS]


def group_of(task: str, definition: TaskDefinition) -> str:
    """The data set of a task."""
    return definition.group or (task if definition.templates is None else task.rpartition(".")[0])
