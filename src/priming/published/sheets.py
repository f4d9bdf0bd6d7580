"""Published numbers as files: CSV below `# ` lines with their source and how they were read."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Row = dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """A published table: its source in words, and its rows by column name, as printed."""

    source: str
    rows: tuple[Row, ...]


@cache
def sheet(name: str) -> Sheet:
    """The sheet `data/<name>.csv`."""
    lines = files("priming.published").joinpath("data", f"{name}.csv").read_text(encoding="utf-8").splitlines()
    head = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    return Sheet(" ".join(head), tuple(csv.DictReader(lines[len(head) :])))
