"""A study of 200 small cells that is killed every few seconds ends with the tables of one that was left alone.

The runner is `priming run`. Kills take turns: the jobs at work, Snakemake, both. At the end nothing may lie about.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TURNS = ("job", "scheduler", "both")
LOCKS = (".snakemake/locks", ".snakemake/runners", "work/tiny/locks", "work/tiny/running")
TARGETS = ("dinner_review", "price_compare", "plan_time", "report_time")


def study(cells: int) -> str:
    """The tiny study with as many cells: four tasks, four strategies and enough seeds."""
    whole = yaml.safe_load((ROOT / "tests/tiny_study.yaml").read_text())
    whole["tasks"]["target"] = list(TARGETS)
    whole["seeds"] = list(range(1, 1 + -(-cells // (len(TARGETS) * len(whole["strategies"])))))
    whole["tuning"] |= {"chunk": 1, "steps": 8}
    return str(yaml.safe_dump(whole, sort_keys=False))


def checkout(folder: Path, cells: int) -> Path:
    for name in ("workflow", "profiles", "slurm", "envs", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "config.yaml").write_text(study(cells))
    return folder


def start(folder: Path, cores: int) -> "subprocess.Popen[bytes]":
    with (folder / "printed").open("ab") as printed:
        return subprocess.Popen(
            [sys.executable, "-m", "priming", "run", "config.yaml", "--", "--cores", str(cores)],
            cwd=folder, stdout=printed, stderr=printed, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def owners(folder: Path, place: str) -> list[int]:
    found = []
    for file in folder.glob(place):
        with suppress(OSError, ValueError):
            found.append(int(json.loads(file.read_text())["pid"]))
    return found


def kill(folder: Path, runner: "subprocess.Popen[bytes]", turn: str) -> bool:
    """Kill what it is the turn of; whether anything was."""
    jobs = [pid for pid in owners(folder, "work/tiny/running/*/owner") if pid != runner.pid]
    snakemakes = owners(folder, ".snakemake/runners/*")
    wanted = {"job": jobs[:1], "scheduler": snakemakes, "both": [*jobs, *snakemakes, runner.pid]}[turn]
    for pid in wanted:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(wanted)


def soak(folder: Path, seconds: float, wanted: int, cores: int) -> tuple[float, dict[str, int]]:
    """Seconds until the study was done, and how often each was killed.

    It is killed for so many seconds, or up to twice as long on a slow machine, where there is less to kill.
    """
    begun, moment, kills, turn = time.monotonic(), random.Random(0), dict.fromkeys(TURNS, 0), 0
    runner, due = start(folder, cores), moment.uniform(5, 20)
    while True:
        status = runner.poll()
        if status == 0:
            return time.monotonic() - begun, kills
        if status is not None:
            time.sleep(0.5)
            runner = start(folder, cores)
        now = time.monotonic() - begun
        goes_on = now < seconds or (now < 2 * seconds and sum(kills.values()) < wanted)
        if goes_on and now >= due and kill(folder, runner, TURNS[turn % 3]):
            kills[TURNS[turn % 3]] += 1
            turn, due = turn + 1, now + moment.uniform(5, 20)
        time.sleep(0.1)


def differing(calm: Path, soaked: Path) -> list[str]:
    """The tables that are not equal to the byte."""
    names = {file.relative_to(folder).as_posix() for folder in (calm, soaked) for file in folder.rglob("*")}
    both = {name: (calm / name, soaked / name) for name in names - {"recipe.json", ".snakemake_timestamp"}}
    return sorted(
        name for name, (a, b) in both.items() if not a.is_dir() and (not b.exists() or a.read_bytes() != b.read_bytes())
    )


def left(soaked: Path, calm: Path) -> list[str]:
    """Locks, runners, and what the calm study has not: files of attempts, states, unfinished results; processes."""
    found = {f"{place}/{file.name}" for place in LOCKS for file in (soaked / place).glob("*")}
    return sorted(found | (_files(soaked) - _files(calm)) | set(_processes(soaked)))


def _files(folder: Path) -> set[str]:
    return {
        file.relative_to(folder).as_posix()
        for place in ("work", "results")
        for file in (folder / place).rglob("*")
        if file.is_file()
    }


def _processes(folder: Path, seconds: float = 20.0) -> list[str]:
    """The processes at work in a folder, other than those that end within some seconds, as servers of forks do."""
    deadline = time.monotonic() + seconds
    while found := [entry for entry in Path("/proc").glob("[0-9]*") if _works_in(entry, folder)]:
        if time.monotonic() > deadline:
            return [f"process {entry.name}" for entry in found]
        time.sleep(0.2)
    return []


def _works_in(entry: Path, folder: Path) -> bool:
    with suppress(OSError):
        return (entry / "cwd").readlink().is_relative_to(folder)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--kills", type=int, default=40, help="fewer fail, if minutes are at least ten")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        calm, soaked = (checkout(Path(work, name), given.cells) for name in ("calm", "soaked"))
        begun = time.monotonic()
        if start(calm, given.cores).wait():
            sys.exit((calm / "printed").read_text()[-3000:])
        quiet = time.monotonic() - begun
        took, kills = soak(soaked, 60 * given.minutes, given.kills, given.cores)
        different = differing(calm / "results/tiny/tables", soaked / "results/tiny/tables")
        litter = left(soaked, calm)
    print(f"{'killed':10}  times")
    for turn, times in kills.items():
        print(f"{turn:10}  {times:5}")
    print(f"cells: {given.cells}; calm {quiet:.0f} s, soaked {took:.0f} s: {took - quiet:.0f} s more")
    print(f"tables that differ: {', '.join(different) or 'none'}; left: {', '.join(litter) or 'nothing'}")
    few = given.minutes >= 10 and sum(kills.values()) < given.kills
    sys.exit(1 if different or litter or few else 0)


if __name__ == "__main__":
    main()
