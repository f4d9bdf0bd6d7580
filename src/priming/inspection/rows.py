"""The rows of a study's own files, read before any job runs."""

from pathlib import Path

from priming.errors import DataError
from priming.programs import typed
from priming.study import Study
from priming.tasks.sources.table import source_of

SMALL = 5_000_000
"""Bytes of a task's files up to which they are read without being asked for."""


def notes_of_rows(study: Study, base: Path, wanted: bool | None = None) -> list[str]:
    """What is to be known of the rows of the study's own files: of all, of none, or by default of small ones.

    Raises:
        DataError: that lists everything that is wrong with them.
    """
    problems: list[str] = []
    notes: list[str] = []
    left: list[str] = []
    for name in study.tasks.named if wanted is not False else ():
        source = source_of(study.tasks, name)
        paths = [base / file for file in source.own_files]
        if wanted is None and sum(path.stat().st_size for path in paths if path.is_file()) > SMALL:
            left.append(name)
            continue
        part = "source" if name in study.tasks.source else "target"
        wrong, said = source.row_problems(base, drawn=source.draws(part))
        problems += wrong
        notes += said
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} with rows"
        raise DataError("\n".join([count, *(f"  {problem}" for problem in problems)]))
    if left:
        command = typed("priming check --rows")
        notes.append(f"the rows of {', '.join(left)} were not read, which are many; to read them, type: {command}")
    return notes
