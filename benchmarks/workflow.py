"""What the workflow itself costs: a dry run, a plan, and starting a job.

    .venv/bin/python benchmarks/workflow.py

README.md beside this file says what is measured.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from report import PROJECT, Json, Quick, Repeats, Report

from priming.running import forks

STUDY, SMALL = "studies/crossfit-random.yaml", "config.yaml"
STEPS = ("prepare", "prime", "tune", "score")
NOTHING = ["--study", SMALL, "--out", "nothing"]
"""A job that the study does not have: it ends where its work would begin."""
REFUSED = 2
OWN, FIRST, FORKED = "in its own process", "forked, the first", "forked"
IMPORTING = """
import sys
from importlib import import_module
from priming.running.forks import IMPORTS
for name in IMPORTS[sys.argv[1]]:
    import_module(name)
from priming.cli import main
main()
"""
HIDDEN = {"PRIMING_HUB", forks.OWNER}
"""Variables of a user's that programs do not see here."""


@dataclass
class Times:
    """CPU seconds and seconds of the clock in each repeat."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def environment(**more: str) -> dict[str, str]:
    """What programs see."""
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**kept, "PYTHONPATH": str(PROJECT / "src"), "OMP_NUM_THREADS": "1", **more}


def run(arguments: Sequence[str], status: int, seen: Mapping[str, str]) -> tuple[float, float]:
    """CPU seconds of a program and of what it waited for, and seconds of the clock; exits if its status is another."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=dict(seen), capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != status:
        raise SystemExit(f"error: {' '.join(arguments)} ended with status {done.returncode}\n{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def server(owner: str) -> int | None:
    """The process from which the jobs of an owner are forked."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"priming.cli.fork_server" in words and owner.encode() in words:
            return int(folder.name)
    return None


def used(process: int | None) -> float:
    """CPU seconds of a process and of those that it waited for."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def forked(step: str, owner: str) -> tuple[float, float]:
    """CPU seconds of asking for a fork, of the server and of the fork; and seconds of the clock."""
    before = used(server(owner))
    cpu, wall = run(["-m", "priming", step, *NOTHING], REFUSED, environment(**{forks.OWNER: owner}))
    process = server(owner)
    if process is None:
        raise SystemExit("error: no server was started; the job ran in its own process")
    return cpu + used(process) - before, wall


def commands(repeats: int) -> Iterator[tuple[str, Times]]:
    """A dry run and a plan of the large study."""
    dry = ["-m", "snakemake", "--dry-run", "--quiet", "--cores", "1", "--configfile", STUDY]
    ways = {"dry run": dry, "plan": ["-m", "priming", "plan", STUDY]}
    found = {way: Times() for way in ways}
    for way, arguments in [*ways.items()] * repeats:
        cpu, wall = run(arguments, 0, environment())
        found[way].cpu.append(cpu)
        found[way].wall.append(wall)
    yield from found.items()


def starts(step: str, repeats: int) -> Iterator[tuple[str, Times]]:
    """A job before its first own line, each way."""
    found = {OWN: Times(), FIRST: Times(), FORKED: Times()}
    for _ in range(repeats):
        measured = {OWN: run(["-c", IMPORTING, step, *NOTHING], REFUSED, environment())}
        if forks.owner() != "none":
            # Another owner each time, so that each has a server of its own, which ends with it.
            with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
                named = forks.name_of(owner.pid)
                measured |= {FIRST: forked(step, named), FORKED: forked(step, named)}
                owner.communicate(b"\n")
        for way, (cpu, wall) in measured.items():
            found[way].cpu.append(cpu)
            found[way].wall.append(wall)
    yield from ((way, times) for way, times in found.items() if times.cpu)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    step: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(STEPS)}; repeatable. [default: all]", show_default=False)
    ] = None,
    repeats: Repeats = 3,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Measure a dry run and a plan of crossfit-random, and what a job costs before its first own line."""
    if wrong := [name for name in step or () if name not in STEPS]:
        raise typer.BadParameter(f"there is no step {wrong[0]!r}; allowed: {', '.join(STEPS)}")
    repeats = 1 if quick else repeats
    report = Report("workflow", {"study": STUDY, "study_of_jobs": SMALL}, on_gpu=False)
    cases = {STUDY: commands(repeats)}
    cases |= {f"starting {name}": starts(name, repeats) for name in step or (["score"] if quick else STEPS)}
    for case, ways in cases.items():
        found = dict(ways)
        wall = {way: sorted(times.wall)[len(times.wall) // 2] for way, times in found.items()}
        report.add(case, {way: times.cpu for way, times in found.items()}, wall_s=wall)
    report.finish(json)


if __name__ == "__main__":
    app()
