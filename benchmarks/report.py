"""What a benchmark reports: a table, and with --json a file of the machine, versions, sizes, times and differences."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from measuring import on_gpu

PROJECT = Path(__file__).parents[1]
LIBRARIES = ("torch", "transformers", "adapters")
CPUINFO = Path("/proc/cpuinfo")

Json = Annotated[Path | None, typer.Option("--json", help="Also write what was measured to this file.", dir_okay=False)]
Repeats = Annotated[int, typer.Option("--repeats", min=1, help="How often the ways take turns; medians count.")]
Quick = Annotated[bool, typer.Option("--quick", help="Tiny sizes, once, to check that results agree.")]


@dataclass(frozen=True)
class Row:
    """A way of doing a case, its seconds in each repeat, and other numbers that were measured."""

    case: str
    way: str
    seconds: Sequence[float]
    more: Mapping[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Of the repeats."""
        return median(self.seconds)


@dataclass(frozen=True)
class Difference:
    """How far the results of two ways are apart, and how far they may be."""

    case: str
    what: str
    largest: float
    allowed: float

    @property
    def within(self) -> bool:
        """Whether the results agree."""
        return self.largest <= self.allowed

    def __str__(self) -> str:
        return f"{self.case}: {self.what} differ by {self.largest:.1e} at most, {self.allowed:.0e} is allowed"


@dataclass
class Report:
    """The rows of a benchmark; `sizes` are those of its workload.

    The rows of a case are compared with its first one, or with that of the way `base`.
    """

    benchmark: str
    sizes: Mapping[str, Any]
    base: str | None = None
    on_gpu: bool = field(default_factory=on_gpu)
    rows: list[Row] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def add(self, case: str, times: Mapping[str, Sequence[float]], **more: Mapping[str, float]) -> None:
        """The seconds of each way of a case; `more` numbers by way, such as `peak_mb`."""
        for way, seconds in times.items():
            other = {name: found[way] for name, found in more.items() if way in found}
            self.rows.append(Row(case, way, [round(each, 6) for each in seconds], other))

    def differ(self, case: str, what: str, largest: float, allowed: float) -> None:
        """Record how far results are apart."""
        self.differences.append(Difference(case, what, largest, allowed))

    @property
    def agree(self) -> bool:
        """Whether all results agree."""
        return all(each.within for each in self.differences)

    def ratios(self) -> Iterator[tuple[Row, Row, float]]:
        """Each other way of a case, that with which it is compared, and how many times its median is as long."""
        for case in dict.fromkeys(row.case for row in self.rows):
            rows = [row for row in self.rows if row.case == case]
            base = next((row for row in rows if row.way == self.base), rows[0])
            yield from ((row, base, row.median / base.median) for row in rows if row is not base and base.median)

    def finish(self, file: Path | None, *, table: bool = True) -> None:
        """Print the table unless there is another, write the file, and exit with status 1 if results differ."""
        if table:
            print("\n".join(self.lines()), flush=True)
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(self.content(), indent=1) + "\n", encoding="utf-8")
        raise typer.Exit(0 if self.agree else 1)

    def lines(self) -> Iterator[str]:
        """The table: the column of the device that was not measured is empty."""
        ratios = {(row.case, row.way): ratio for row, _, ratio in self.ratios()}
        others = list(dict.fromkeys(name for row in self.rows for name in row.more))
        width = max(len(row.way) for row in self.rows) + 4
        columns = ["CPU s", "least", "most", "GPU s", "times", *(name.replace("_", " ") for name in others)]
        yield f"{'':<{width}}" + "".join(f"{name:>{max(11, len(name) + 2)}}" for name in columns)
        case = None
        for row in self.rows:
            if row.case != case:
                yield (case := row.case)
            ratio = ratios.get((row.case, row.way))
            cells = [*self._times(row), "" if ratio is None else f"{ratio:.2f}"]
            cells += [f"{row.more[name]:,.1f}" if name in row.more else "" for name in others]
            yield f"  {row.way:<{width - 2}}" + "".join(
                f"{cell:>{max(11, len(name) + 2)}}" for cell, name in zip(cells, columns, strict=True)
            )
        yield from map(str, self.differences)
        if self.differences:
            yield "the results agree" if self.agree else "THE RESULTS DIFFER"

    def _times(self, row: Row) -> list[str]:
        """Median, least and most on the CPU, and the median on the GPU."""
        shown = [f"{value:.3f}" for value in (row.median, min(row.seconds), max(row.seconds))]
        return ["", "", "", shown[0]] if self.on_gpu else [*shown, ""]

    def content(self) -> dict[str, Any]:
        """What the file holds."""
        return {
            "benchmark": self.benchmark,
            "seconds": "wall time, on the GPU" if self.on_gpu else "CPU time",
            **about(self.on_gpu),
            "sizes": dict(self.sizes),
            "measured": [
                {"case": row.case, "way": row.way, "seconds": list(row.seconds), "median": row.median}
                | {"least": min(row.seconds), "most": max(row.seconds), **row.more}
                for row in self.rows
            ],
            "ratios": [
                {"case": row.case, "way": row.way, "over": base.way, "times": ratio}
                for row, base, ratio in self.ratios()
            ],
            "differences": [
                {"case": each.case, "what": each.what, "largest": each.largest, "allowed": each.allowed}
                for each in self.differences
            ],
            "agree": self.agree,
        }


def about(gpu: bool) -> dict[str, Any]:
    """The commit, the machine and the versions; nothing that names a computer or a person."""
    return {
        "commit": _git("rev-parse", "HEAD"),
        "modified": bool(_git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks/*.py")),
        "machine": {
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if gpu else None,
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }


def _git(*arguments: str) -> str | None:
    """What git says of the project; None outside a repository."""
    command = ["git", "-C", str(PROJECT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu() -> str:
    """The model of the processor."""
    text = CPUINFO.read_text(encoding="utf-8") if CPUINFO.exists() else ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return named[1].strip() if named else platform.processor() or platform.machine()


def label() -> str:
    """A folder's name for this machine, by its GPU or else its processor."""
    model = torch.cuda.get_device_name() if on_gpu() else cpu()
    return re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")


if __name__ == "__main__":
    print(label())
