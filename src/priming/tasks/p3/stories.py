"""StoryCloze's own rows as questions: four sentences of a story, two endings, and the number of the right one."""

from collections.abc import Iterator
from pathlib import Path

from priming.errors import DataError, nearest
from priming.forms.choices import Question, question
from priming.study.tasks import Tasks
from priming.tasks.p3.places import STORIES
from priming.tasks.p3.registry import Config
from priming.tasks.reading.files import read_rows
from priming.tasks.reading.rows import Row
from priming.templates.rendering import Renderer, RenderingError

COLUMNS = {
    "InputStoryid": "story_id",
    **{f"InputSentence{number}": f"input_sentence_{number}" for number in range(1, 5)},
    **{f"RandomFifthSentenceQuiz{number}": f"sentence_quiz{number}" for number in (1, 2)},
    "AnswerRightEnding": "answer_right_ending",
}
"""The columns of the files, and what templates call them, as the hub's loader did."""
ENDINGS = ("1", "2")


def stories(config: Config, tasks: Tasks, file: Path) -> Iterator[Question]:
    """The rows of a file as a configuration's template writes them; raises DataError naming file, line and column.

    The id of a question is that of its story, the same for all templates.
    """
    assert tasks.storycloze is not None
    template = tasks.storycloze.named_templates.get(config.template)
    if template is None:
        raise DataError(f"{STORIES}.templates: no template {config.template!r}, which {config.name} needs; add it")
    drops = tasks.storycloze.last_token == "dropped"
    try:
        renderer = Renderer(template.jinja, template.answer_choices)
    except RenderingError as error:
        raise DataError(f"{STORIES}.templates, {config.template!r}: {error}") from None
    for row in read_rows(file):
        yield _question(config, renderer, row, drops)


def _question(config: Config, renderer: Renderer, row: Row, drops: bool) -> Question:
    values = {name: _text(row, column) for column, name in COLUMNS.items()}
    right = values["answer_right_ending"].strip()
    if right not in ENDINGS:
        raise DataError(f"{row.place}, column AnswerRightEnding: {right!r} is not allowed; allowed: 1, 2; correct it")
    answer = ENDINGS.index(right)
    try:
        found = renderer.render(values | {"answer_right_ending": answer + 1})
    except RenderingError as error:
        raise DataError(f"{row.place}: template {config.template!r}: {error}") from None
    choices = found.choices or ()
    if len(choices) != len(ENDINGS) or not all(choices) or found.output != choices[answer]:
        raise DataError(
            f"{row.place}: template {config.template!r} writes the choices {list(choices)} and the output "
            f"{found.output!r}, which should be number {right} of two; correct {STORIES}.templates"
        )
    about = {"id": values["story_id"], "group": config.group, "template": config.name}
    return question(found.input, choices, answer, loses_last=drops, **about)


def _text(row: Row, column: str) -> str:
    if column not in row.values:
        there = f"the row has {', '.join(row.values)}{nearest(column, row.values)}"
        raise DataError(f"{row.place}: there is no column {column!r}; {there}; StoryCloze's files have it")
    text = str(row.values[column])
    if not text.strip():
        raise DataError(f"{row.place}, column {column}: no value; copy the file again")
    return text
