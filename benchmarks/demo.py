"""The demo as a whole: this code beside that of an earlier commit, and how much of it is spent before work begins.

    .venv/bin/python benchmarks/demo.py

README.md beside this file says what is compared.
"""

import ctypes
import io
import json as text
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from report import PROJECT, Json, Report

BEFORE, OURS = "51e1bf5", "this code"
TOOK = re.compile(r"took [\d.]+ s, ([\d.]+) CPU s(?: \(([\d.]+) to start\))?")
HIDDEN = ("PRIMING_HUB", "PYTHONDONTWRITEBYTECODE", "MAKEFLAGS")
"""Variables of a user's that the demo does not see here."""
_SUBREAPER = 36  # prctl: processes whose parent has ended become children of this one


@dataclass(frozen=True)
class Used:
    """What a run of the demo took, in seconds; `starts` is None where jobs do not say what they took."""

    cpu: float
    wall: float
    jobs: int
    starts: float | None


def unpack(commit: str, folder: Path) -> None:
    """All files of a commit; exits if there is no such commit here."""
    found = subprocess.run(["git", "-C", str(PROJECT), "archive", commit], capture_output=True, check=False)
    if found.returncode:
        raise SystemExit(f"error: git knows no commit {commit!r} here; give one with --against, or --against none")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")


def measured(folder: Path, core: int, arguments: list[str]) -> Used:
    """Run the workflow in `folder` on one core, and add up what all of its processes used, servers included."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    os.sched_setaffinity(0, {core})
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    environment = {**kept, "PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
    start, command = time.monotonic(), [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    with (folder / "demo.log").open("w", encoding="utf-8") as log:
        run = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    cpu, status = 0.0, 1
    while True:
        try:
            process, ended, used = os.wait3(0)
        except ChildProcessError:
            break
        cpu += used.ru_utime + used.ru_stime
        status = os.waitstatus_to_exitcode(ended) if process == run.pid else status
    if status:
        tail = (folder / "demo.log").read_text(encoding="utf-8")[-3000:]
        raise SystemExit(f"error: the demo in {folder} ended with status {status}\n{tail}")
    told = [found for log in (folder / "logs").rglob("*.log") for found in TOOK.findall(log.read_text("utf-8"))]
    own = sum(float(seconds) - float(before) for seconds, before in told if before)
    return Used(cpu, time.monotonic() - start, len(told), cpu - own if own else None)


def side_by_side(folders: dict[str, Path], arguments: list[str]) -> dict[str, Used]:
    """The demos at the same time, each in a process of its own and on a core of its own, or in turn on one core."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < len(folders):
        return {way: _asked([(folder, cores[0])], arguments)[0] for way, folder in folders.items()}
    found = _asked(list(zip(folders.values(), cores, strict=False)), arguments)
    return dict(zip(folders, found, strict=True))


def _asked(places: list[tuple[Path, int]], arguments: list[str]) -> list[Used]:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import demo; from pathlib import Path; "
    code += "demo.tell(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), str(core), *arguments], stdout=subprocess.PIPE, encoding="utf-8"
        )
        for folder, core in places
    ]
    said = [run.communicate()[0] for run in runs]
    if any(run.returncode for run in runs):
        raise SystemExit(1)
    return [Used(**text.loads(each)) for each in said]


def tell(folder: Path, core: int, arguments: list[str]) -> None:
    """Print what a run took, for the process that asked."""
    print(text.dumps(asdict(measured(folder, core, arguments))))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    against: Annotated[str, typer.Option(help="An earlier commit, or none.")] = BEFORE,
    quick: Annotated[bool, typer.Option("--quick", help="Only prepare tasks, to check that it runs.")] = False,
    json: Json = None,
) -> None:
    """Run the demo from commits of git; print CPU seconds of all processes, and those before jobs begin their work."""
    if sys.platform != "linux":
        raise SystemExit("error: only Linux tells what processes use whose parent has ended")
    arguments = ["results/embedded/tasks/chunks/00"] if quick else []
    with tempfile.TemporaryDirectory() as scratch:
        commits = {OURS: "HEAD"} | ({} if against == "none" else {against: against})
        folders = {way: Path(scratch) / commit for way, commit in commits.items()}
        for way, commit in commits.items():
            unpack(commit, folders[way])
        found = side_by_side(folders, arguments)
    report = Report("demo", {"cores": 1, "jobs": {way: used.jobs for way, used in found.items()}}, OURS)
    starts = {way: used.starts for way, used in found.items() if used.starts is not None}
    report.add(
        "demo",
        {way: [used.cpu] for way, used in found.items()},
        wall_s={way: used.wall for way, used in found.items()},
        starts_s=starts,
        starts_percent={way: 100 * own / found[way].cpu for way, own in starts.items()},
    )
    report.finish(json)


if __name__ == "__main__":
    app()
