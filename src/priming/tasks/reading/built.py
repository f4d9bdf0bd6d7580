"""A task from the rows of its parts."""

from collections.abc import Iterable, Mapping

from priming.forms.table import KINDS
from priming.study.definition import TaskDefinition
from priming.tasks.reading.classes import Classes
from priming.tasks.reading.questions import ChoiceReader, TemplateReader
from priming.tasks.reading.rows import NONE, Row, TextReader
from priming.tasks.reading.usable import Usable
from priming.tasks.reading.words import WordReader
from priming.tasks.task import Origin, Task


def task_from_rows(
    name: str,
    definition: TaskDefinition,
    origin: Origin,
    rows: Mapping[str, Iterable[Row]],
    classes: Classes = NONE,
) -> Task:
    """Turn the rows of `train`, `test` and perhaps `dev` into a task as `definition` says, ids of `classes` into names.

    Raises DataError naming the row and the column, UnusableRowError among them.
    """
    reader = _reader(definition)(name, definition, classes)
    usable = Usable(name, definition)
    train_examples = usable.examples("train", rows["train"], reader.example)
    labels = reader.labels(train_examples)
    reader.known = labels if definition.labels is None else None
    test_examples = usable.examples("test", rows["test"], reader.example)
    dev_examples = usable.examples("dev", rows["dev"], reader.example) if "dev" in rows else None
    notes = (*usable.notes, *reader.notes)
    examples = train_examples, test_examples
    dropped = usable.dropped | {f"{part}, left out": number for part, number in usable.skipped.items()}
    return Task(name, definition.kind, labels, *examples, origin, notes, dropped, dev_examples, remarks=reader.notes)


def _reader(definition: TaskDefinition) -> type[TextReader] | type[WordReader]:
    """What reads the rows of its tasks."""
    if definition.templates is not None:
        return TemplateReader
    kind = KINDS[definition.kind]
    return WordReader if kind.by_word else ChoiceReader if kind.own_choices else TextReader
