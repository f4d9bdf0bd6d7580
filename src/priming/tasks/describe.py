"""A task in words, with examples as the model sees them."""

from collections.abc import Sequence

from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.study.tasks import Tasks
from priming.tasks.fewshot import Protocol, draw_sample
from priming.tasks.task import Task, distinct, label_counts


def describe(task: Task, tasks: Tasks, number: int) -> str:
    """A task in words: kind, counts, labels, the first `number` training examples of the study's first sample.

    Of a task without test rows, which is only primed on, the first of its rows.
    """
    if not task.test:
        return _described_pool(task, tasks, number)
    drawn, protocol = tasks.samples[0], Protocol.of_kind(tasks, task.kind)
    sample = draw_sample(task, drawn, protocol)
    many = sample.seen_in_test
    became = "dropped, they occur" if len(sample.test) < len(task.test) else "also"
    dropped = f" ({many} {became} in the sample)" if many else ""
    head = [
        f"{task.name}: {task.kind.replace('_', ' ')}, {task.origin}, {len(task.train)} training rows "
        f"({len(distinct(task.train))} different), {len(task.test)} test rows",
        sizes(drawn, sample.train, sample.dev, sample.test) + dropped,
        *(f"note: {note}" for note in task.notes),
        *(
            f"note: of {label!r} there are only {found['train']} for training and {found['dev']} for development"
            for label, found in sample.short.items()
        ),
        *_labels(task),
    ]
    return "\n".join([*head, "", *map(shown, sample.train[:number])])


def _described_pool(task: Task, tasks: Tasks, number: int) -> str:
    limit = tasks.source_limit
    many = f"at most {limit:,} of them (tasks.source_limit)" if len(task.train) > limit else "all of them"
    head = [
        f"{task.name}: {task.kind.replace('_', ' ')}, {task.origin}, {len(task.train)} training rows "
        f"({len(distinct(task.train))} different), no test rows",
        f"only primed on: {many}",
        *(f"note: {note}" for note in task.notes),
    ]
    return "\n".join([*head, "", *map(shown, task.train[:number])])


def sizes(number: int, train: Sequence[Example], dev: Sequence[Example], test: Sequence[Example]) -> str:
    """How many examples a sample has."""
    return f"sample {number}: {len(train)} for training, {len(dev)} for development, {len(test)} test rows"


def shown(example: Example) -> str:
    """An example as the model sees it."""
    return f"input:  {example.input}\noutput: {' | '.join(example.targets)}\n"


def _labels(task: Task) -> list[str]:
    if not KINDS[task.kind].labelled:
        return [f"tags: {', '.join(task.labels)}"] if task.labels else []
    train, test = label_counts(task.train), label_counts(task.test)
    return [f"label {label!r}: {train[label]} training rows, {test[label]} test rows" for label in task.labels or ()]
