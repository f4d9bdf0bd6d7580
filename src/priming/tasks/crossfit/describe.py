"""One of CrossFit's tasks in words."""

from pathlib import Path

from priming.errors import DataError
from priming.protocol.draws.table import DRAWS
from priming.study.tasks import Tasks
from priming.tasks.crossfit.draw import draw
from priming.tasks.crossfit.entries import Entry
from priming.tasks.crossfit.lines import as_read
from priming.tasks.crossfit.source import Source
from priming.tasks.describe import shown, sizes
from priming.tasks.fewshot import Protocol


def summary(entry: Entry) -> str:
    """Category, metric, how it is drawn, and why its data are gone."""
    gone = f"  ({entry.gone})" if entry.gone else ""
    return f"{entry.category:42}  {entry.metric:13}  {_drawn(entry)}{gone}"


def describe(entry: Entry, tasks: Tasks, base: Path, number: int) -> str:
    """Where a task is from, how it is made, and the first training examples of the study's first sample."""
    rows = ", ".join(f"{count} {split}" for split, count in entry.rows.items())
    licence = f"{entry.licence.name} ({entry.licence.source})" if entry.licence else "unknown"
    head = [
        f"{entry.name}: {entry.category}, {_drawn(entry)}, {entry.metric}, fidelity {tasks.fidelity}",
        f"data: {entry.data}{f', rows: {rows}' if rows else ''}, licence: {licence}",
        f"input: {entry.input}",
        *([f"oddity: {entry.oddity}"] if entry.oddity else []),
    ]
    try:
        how = Protocol.of(tasks, entry.shots)
        source = Source(entry, tasks.hub_folder, base)
        drawn = draw(entry, source, tasks.samples[:1], how.size, how.draw, how.dev_set.drawn)
    except DataError as error:
        return "\n".join([*head, f"no examples: {error}"]) + "\n"
    train, dev = (as_read(examples, tasks.fidelity) for examples in drawn.samples[tasks.samples[0]])
    head += [sizes(tasks.samples[0], train, dev, drawn.test)]
    return "\n".join([*head, "", *(shown(example) for example in train[:number])])


def _drawn(entry: Entry) -> str:
    return DRAWS[entry.shots].said.format(entry.size)
