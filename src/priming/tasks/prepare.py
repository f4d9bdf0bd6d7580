"""Preparing a task whose rows are all here: samples drawn, the folder written."""

from pathlib import Path
from typing import Any

from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.protocol.draws.interface import ALL
from priming.study.tasks import Tasks
from priming.tasks.fewshot import Protocol, Sample, draw_sample, in_fixed_order
from priming.tasks.prepared import POOL_FILE, SPLITS, sample_file, write_prepared
from priming.tasks.task import Part, Task, distinct, identity, label_counts, usual_metric


def write_task(task: Task, tasks: Tasks, part: Part, out: Path, metric: str | None = None) -> list[str]:
    """Write the prepared folder `out` of a task, and return what the user should know about its rows.

    Args:
        task: with every row.
        tasks: the study's, which say what is drawn.
        part: the part that the task plays.
        out: the folder.
        metric: the task's own, without which it has the usual one of its kind.

    Raises:
        DataError: too few rows.
        DiskError: the folder could not be written.
    """
    rows, protocol = distinct(task.train), Protocol.of_kind(tasks, task.kind)
    pool = len(task.train)
    counts: dict[str, Any] = {"pool": pool, "repeated_in_pool": pool - len(rows), "test": len(task.test)}
    if task.dropped:
        counts["unusable"] = dict(task.dropped)
    if part == "source":
        kept = protocol.duplicates.distinct(task.train, identity)
        files = {POOL_FILE: in_fixed_order(task.name, kept, tasks.source_limit)}
        warnings = list(task.notes)
    else:
        samples = {number: draw_sample(task, number, protocol) for number in tasks.samples}
        files = _sample_files(samples)
        counts[protocol.duplicates.count_key] = {str(k): sample.seen_in_test for k, sample in samples.items()}
        if protocol.dev_set.split:
            development = task.dev or ()
            counts |= {"dev": len(development), "repeated_in_dev": len(development) - len(distinct(development))}
            counts["dropped_from_dev"] = {str(k): sample.dropped_from_dev for k, sample in samples.items()}
        counts["short_classes"] = {str(k): sample.short for k, sample in samples.items() if sample.short}
        warnings = [*task.notes, *_missing_in_test(task), *_short(task, samples, protocol)]
    about = {key: getattr(task, key) for key in ("name", "kind", "labels", "origin")}
    about |= {"part": part, "metric": metric or usual_metric(task.kind), "fidelity": None, "counts": counts}
    if task.remarks:
        about["remarks"] = list(task.remarks)
    write_prepared(out, about, files)
    return warnings


def _sample_files(samples: dict[int, Sample]) -> dict[str, list[Example]]:
    return {
        sample_file(number, split): getattr(sample, split) for number, sample in samples.items() for split in SPLITS
    }


def _missing_in_test(task: Task) -> list[str]:
    """Say which labels no test row has."""
    if not KINDS[task.kind].labelled:
        return []
    present = label_counts(task.test)
    absent = [label for label in task.labels or () if label not in present]
    return [f"task {task.name}: no test row is {' or '.join(map(repr, absent))}"] if absent else []


def _short(task: Task, samples: dict[int, Sample], protocol: Protocol) -> list[str]:
    """Say, a line a class, what it gave instead of the shots that were asked for; it is the same in every sample."""
    short = {label: found for sample in samples.values() for label, found in sample.short.items()}
    drawn = protocol.dev_set.drawn
    wanted = protocol.draw.wanted(protocol.size, drawn)
    return [
        f"task {task.name}{'' if label == ALL else f', class {label!r}'}: too few different rows for {wanted}; "
        f"training has {found['train']}" + (f", development {found['dev']}" if drawn else "")
        for label, found in short.items()
    ]
