"""Tasks in words: the list of them, and one of them as the model sees it."""

from pathlib import Path

from priming.errors import DataError, StudyError, nearest
from priming.study.tasks import Tasks
from priming.tasks.crossfit import registry
from priming.tasks.crossfit.draw import draw
from priming.tasks.crossfit.entries import Entry
from priming.tasks.crossfit.lines import as_read
from priming.tasks.crossfit.source import Source
from priming.tasks.fewshot import Sample, draw_sample
from priming.tasks.generated import GENERATED
from priming.tasks.names import PARTS, open_study
from priming.tasks.sources.load import load_task
from priming.tasks.task import Example, Task, distinct, label_counts


def names_by_part(study_file: Path | None) -> dict[str, list[str]]:
    """The tasks of a study by part, or the built-in ones."""
    if study_file:
        tasks = open_study(study_file).tasks
        return {part: list(getattr(tasks, part)) for part in PARTS}
    return {part: [name for name, task in GENERATED.items() if task.part == part] for part in PARTS}


def listed_tasks(study_file: Path | None) -> str:
    """The tasks of a study, or the built-in ones and CrossFit's, by part, each with what the model writes."""
    tasks = open_study(study_file).tasks if study_file else None
    lists = names_by_part(study_file) | ({} if study_file else {"crossfit": list(registry.names())})
    lines = []
    for part, names in lists.items():
        width = max(map(len, names), default=0)
        lines.append(f"{part} ({len(names)})")
        lines.extend(f"  {name:{width}}  {_written(name, tasks)}" for name in names)
    return "\n".join(lines) + "\n"


def _written(name: str, tasks: Tasks | None) -> str:
    """What the model writes; of CrossFit's tasks category, metric and how they are drawn."""
    definition = tasks.define.get(name) if tasks else None
    if definition:
        return ", ".join(dict.fromkeys((definition.labels or {}).values())) or f"the column {definition.output}"
    if name in GENERATED:
        return ", ".join(GENERATED[name].labels or ()) or "a word of the input, or one that belongs to it"
    entry = registry.entry(name)
    return f"{entry.category:42}  {entry.metric:13}  {_drawn(entry)}{f'  ({entry.gone})' if entry.gone else ''}"


def _drawn(entry: Entry) -> str:
    return f"{entry.size} a class" if entry.shots == "per_class" else f"{entry.size} in all"


def shown_task(name: str, study_file: Path | None, number: int) -> str:
    """What the task is, and the first `number` training examples of its first few-shot sample, as the model sees them.

    Raises StudyError for an unknown name, DataError for what is wrong with its rows.
    """
    tasks = open_study(study_file).tasks if study_file else Tasks(source=[name], target=[next(t for t in GENERATED if t != name)])
    if tasks.in_gym(name):
        return describe_gym(name, tasks, study_file.parent if study_file else Path(), number)
    if study_file is None and name not in GENERATED:
        near = nearest(name, [*GENERATED, *registry.names()])
        raise StudyError(f"there is no built-in task {name!r}{near}; name the study that defines it with --study FILE")
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
    return "\n".join([*head, "", *map(_shown, sample.train[:number])])


def describe_gym(name: str, tasks: Tasks, base: Path, number: int) -> str:
    """One of CrossFit's tasks in words: where it is from, how it is made, the first training examples of the study's first sample."""
    entry = registry.entry(name, tasks.fidelity)
    rows = ", ".join(f"{count} {split}" for split, count in entry.rows.items())
    licence = f"{entry.licence.name} ({entry.licence.source})" if entry.licence else "unknown"
    head = [
        f"{name}: {entry.category}, {_drawn(entry)}, {entry.metric}, fidelity {tasks.fidelity}",
        f"data: {entry.data}{f', rows: {rows}' if rows else ''}, licence: {licence}",
        f"input: {entry.input}",
        *([f"oddity: {entry.oddity}"] if entry.oddity else []),
    ]
    try:
        size = tasks.shots if entry.shots == "per_class" else tasks.shots_in_all
        drawn = draw(entry, Source(entry, tasks.hub_folder, base), tasks.samples[:1], size)
    except DataError as error:
        return "\n".join([*head, f"no examples: {error}"]) + "\n"
    train, dev = (as_read(examples, tasks.fidelity) for examples in drawn.samples[tasks.samples[0]])
    head += [f"sample {tasks.samples[0]}: {len(train)} for training, {len(dev)} for development, {len(drawn.test)} test rows"]
    return "\n".join([*head, "", *(_shown(example) for example in train[:number])])


def _shown(example: Example) -> str:
    return f"input:  {example.input}\noutput: {' | '.join(example.targets)}\n"


def _sizes(number: int, sample: Sample) -> str:
    dropped = f" ({sample.dropped_from_test} dropped, they occur in the sample)" if sample.dropped_from_test else ""
    return f"sample {number}: {len(sample.train)} for training, {len(sample.dev)} for development, {len(sample.test)} test rows{dropped}"


def _labels(task: Task) -> list[str]:
    train, test = label_counts(task.train), label_counts(task.test)
    return [f"label {label!r}: {train[label]} training rows, {test[label]} test rows" for label in task.labels or ()]
