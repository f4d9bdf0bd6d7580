"""Tasks in words: the list of them, and one of them as the model sees it."""

from pathlib import Path

from priming.errors import StudyError, nearest
from priming.study.tasks import Tasks
from priming.tasks.fewshot import Sample, draw_sample
from priming.tasks.generated import GENERATED
from priming.tasks.names import PARTS, open_study
from priming.tasks.sources import load_task
from priming.tasks.task import Task, distinct, label_counts


def names_by_part(study_file: Path | None) -> dict[str, list[str]]:
    """The tasks of a study by part, or the built-in ones."""
    if study_file:
        tasks = open_study(study_file).tasks
        return {part: list(getattr(tasks, part)) for part in PARTS}
    return {part: [name for name, task in GENERATED.items() if task.part == part] for part in PARTS}


def listed_tasks(study_file: Path | None) -> str:
    """The tasks of a study, or the built-in ones, by part, each with what the model writes."""
    define = open_study(study_file).tasks.define if study_file else {}
    lines = []
    for part, names in names_by_part(study_file).items():
        width = max(map(len, names), default=0)
        lines.append(f"{part} ({len(names)})")
        for name in names:
            definition = define.get(name)
            labels = tuple((definition.labels or {}).values()) if definition else GENERATED[name].labels
            column = f"the column {definition.output}" if definition else "a word of the input, or one that belongs to it"
            lines.append(f"  {name:{width}}  {', '.join(dict.fromkeys(labels)) if labels else column}")
    return "\n".join(lines) + "\n"


def shown_task(name: str, study_file: Path | None, number: int) -> str:
    """What the task is, and the first `number` training examples of its first few-shot sample, as the model sees them.

    Raises StudyError for an unknown name, DataError for what is wrong with its rows.
    """
    tasks = open_study(study_file).tasks if study_file else Tasks(source=[name], target=[next(t for t in GENERATED if t != name)])
    if study_file is None and name not in GENERATED:
        raise StudyError(f"there is no built-in task {name!r}{nearest(name, GENERATED)}; name the study that defines it with --study FILE")
    return describe(load_task(name, tasks, study_file.parent if study_file else Path()), tasks, number)


def describe(task: Task, tasks: Tasks, number: int) -> str:
    """A task in words: kind, counts, labels, the first `number` training examples of the study's first sample."""
    drawn = tasks.samples[0]
    sample = draw_sample(task, drawn, shots=tasks.shots, shots_in_all=tasks.shots_in_all, test_limit=tasks.test_limit)
    head = [
        f"{task.name}: {task.kind.replace('_', ' ')}, {task.origin}, {len(task.train)} training rows ({len(distinct(task.train))} different), "
        f"{len(task.test)} test rows",
        _sizes(drawn, sample),
        *(f"note: {note}" for note in task.notes),
        *(
            f"note: of {label!r} there are only {found['train']} for training and {found['dev']} for development"
            for label, found in sample.short.items()
        ),
        *_labels(task),
    ]
    examples = [f"input:  {example.input}\noutput: {' | '.join(example.targets)}\n" for example in sample.train[:number]]
    return "\n".join([*head, "", *examples])


def _sizes(number: int, sample: Sample) -> str:
    dropped = f" ({sample.dropped_from_test} dropped, they occur in the sample)" if sample.dropped_from_test else ""
    return f"sample {number}: {len(sample.train)} for training, {len(sample.dev)} for development, {len(sample.test)} test rows{dropped}"


def _labels(task: Task) -> list[str]:
    train, test = label_counts(task.train), label_counts(task.test)
    return [f"label {label!r}: {train[label]} training rows, {test[label]} test rows" for label in task.labels or ()]
