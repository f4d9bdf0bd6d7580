"""Writing CrossFit's files, and comparing them with the published digests."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from priming.atomic import atomic_file
from priming.errors import DataError, DiskError
from priming.hub_access import UnreachableError
from priming.study.tasks import Fidelity
from priming.tasks.crossfit.checksums import published
from priming.tasks.crossfit.draw import Drawn, draw
from priming.tasks.crossfit.entries import Entry, References
from priming.tasks.crossfit.lines import content, files, md5
from priming.tasks.crossfit.registry import SAMPLES, entry
from priming.tasks.crossfit.source import Source, unexpected_rows
from priming.tasks.reading.mirror import HOW_TO

RESULTS = {"matches": "match", "differs": "differ", "not available": "not available"}
Drawing = Callable[[Entry], Drawn]
"""Draws all samples of a task; raises DataError."""


@dataclass(frozen=True)
class Verdict:
    """Result of a comparison with the published digests: `matches`, `differs` or `not available`, matching files,
    reason.
    """

    task: str
    result: str
    matching: int
    why: str


def from_hub(hub_folder: str | None, base: Path) -> Drawing:
    """Draws from the mirror if one is given, else from the live hub, which is not tried again after a failure."""
    unreachable: list[UnreachableError] = []

    def drawing(task: Entry) -> Drawn:
        """Draw one task; raises UnreachableError."""
        if unreachable:
            raise UnreachableError(f"task {task.name}: the hub does not answer; {HOW_TO}")
        try:
            return draw(task, Source(task, hub_folder, base), SAMPLES, task.size)
        except UnreachableError as error:
            unreachable.append(error)
            raise

    return drawing


def export(
    names: Sequence[str], fidelity: Fidelity, drawing: Drawing, folder: Path
) -> Iterator[tuple[str, list[str] | DataError]]:
    """Write the files of all samples of each task; yield its name with notes on its rows, or the reason for missing
    rows.

    Raises StudyError for an unknown name, DiskError.
    """
    for task in [entry(name, fidelity) for name in names]:
        try:
            drawn = drawing(task)
        except DataError as error:
            yield task.name, error
            continue
        _write(folder, ((name, content(examples)) for name, examples in files(task, drawn, fidelity)))
        yield task.name, unexpected_rows(task, drawn.read)


def verify(names: Sequence[str], drawing: Drawing) -> Iterator[Verdict]:
    """Compare the files of each task with the published digests."""
    for task in [entry(name) for name in names]:
        try:
            drawn = drawing(task)
        except DataError as error:
            yield Verdict(task.name, "not available", 0, str(error))
            continue
        wanted = published(task)
        matching = sum(md5(examples) == wanted[name] for name, examples in files(task, drawn))
        yield (
            Verdict(task.name, "matches", matching, "")
            if matching == len(wanted)
            else _differing(task, drawn, matching)
        )


def _differing(task: Entry, drawn: Drawn, matching: int) -> Verdict:
    output = task.output
    if isinstance(output, References) and output.unique == "unordered":
        why = "CrossFit's order of several references depends on the run of Python that wrote them"
    else:
        why = (
            "; ".join(unexpected_rows(task, drawn.read))
            or f"the rows of {task.data}, or their order, have changed; their number has not"
        )
    return Verdict(task.name, "differs", matching, why)


def _write(folder: Path, contents: Iterable[tuple[str, bytes]]) -> None:
    """Write each file atomically."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in contents:
            with atomic_file(folder / name) as part:
                part.write_bytes(data)
    except OSError as error:
        raise DiskError(
            f"{folder}: the files could not be written ({error}); make room or rights there and run again"
        ) from error


def table(verdicts: Sequence[Verdict]) -> str:
    """Verdicts in aligned columns, and the count of each."""
    width = max((len(verdict.task) for verdict in verdicts), default=0)
    lines = [f"{v.task:{width}}  {v.matching:2}/15  {v.result:13}  {_short(v.why)}".rstrip() for v in verdicts]
    counts = ", ".join(f"{sum(v.result == result for v in verdicts)} {said}" for result, said in RESULTS.items())
    return "\n".join([*lines, counts]) + "\n"


def _short(why: str) -> str:
    """The reason without advice and without what the table already says."""
    return why.partition(": ")[2].partition(";")[0] if why.startswith("task ") else why
