"""Preparing a kind of question as one of its templates asks it."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from priming.forms.choices import question
from priming.forms.rows import Example
from priming.study.tasks import Tasks
from priming.study.templated import keyed
from priming.tasks.prepare import write_task
from priming.tasks.prompted.rows import Values, rows_of
from priming.tasks.reading.questions import row_of
from priming.tasks.task import Part, Task
from priming.templates.rendering import Renderer


@cache
def templates(kind: str) -> dict[str, dict[str, str]]:
    """The templates of a kind by key, each with `jinja`, `answer_choices` and its `name`."""
    with as_file(files("priming.tasks.prompted") / "templates" / f"{kind}.yaml") as path:
        return dict(keyed(path, "multiple_choice"))


def load(task: str, tasks: Tasks, base: Path) -> Task:
    """Write its rows: those to test come first, so that they do not depend on how many there are to train on."""
    size, kind = tasks.generated, task.partition(".")[0]
    asked = list(_asked(task, rows_of(kind, size.test + size.train, size.seed)))
    test = min(size.test, len(asked) // 3)
    notes = [f"task {task}: its grammar gives {len(asked)} rows in all"] if len(asked) < size.test + size.train else []
    return Task(task, "multiple_choice", None, asked[test:], asked[:test], "generated", tuple(notes))


def prepare(task: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out`, and return notes on the rows for the user; raises DiskError."""
    return write_task(load(task, tasks, base), tasks, part, out)


def _asked(task: str, rows: list[Values]) -> Iterator[Example]:
    kind, _, key = task.partition(".")
    template = templates(kind)[key]
    renderer = Renderer(template["jinja"], template["answer_choices"])
    for row in rows:
        written = renderer.render(row)
        about = {"id": row_of(row), "group": kind, "template": template["name"]}
        yield question(written.input, written.choices or (), row["label"], **about)
