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


def start(folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "printed").open("ab") as printed:
        return subprocess.Popen(
            [sys.executable, "-m", "priming", "run", "config.yaml", "--", "--cores", "2"],
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


def soak(folder: Path, seconds: float) -> tuple[float, dict[str, int]]:
    """Seconds until the study was done, and how often each was killed."""
    begun, moment, kills, turn = time.monotonic(), random.Random(0), dict.fromkeys(TURNS, 0), 0
    runner, due = start(folder), moment.uniform(5, 20)
    while True:
        status = runner.poll()
        if status == 0:
            return time.monotonic() - begun, kills
        if status is not None:
            time.sleep(0.5)
            runner = start(folder)
        now = time.monotonic() - begun
        if now < seconds and now >= due and kill(folder, runner, TURNS[turn % 3]):
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


def left(folder: Path) -> list[str]:
    """Locks, unfinished results and states."""
    places = (".snakemake/locks", ".snakemake/runners", *(f"work/tiny/{one}" for one in ("locks", "running", "state")))
    return [f"{place}/{file.name}" for place in places for file in (folder / place).glob("*")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--kills", type=int, default=40, help="fewer fail, if minutes are at least ten")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        calm, soaked = (checkout(Path(work, name), given.cells) for name in ("calm", "soaked"))
        begun = time.monotonic()
        if start(calm).wait():
            sys.exit((calm / "printed").read_text()[-3000:])
        quiet = time.monotonic() - begun
        took, kills = soak(soaked, 60 * given.minutes)
        different = differing(calm / "results/tiny/tables", soaked / "results/tiny/tables")
        litter = left(soaked)
    print(f"{'killed':10}  times")
    for turn, times in kills.items():
        print(f"{turn:10}  {times:5}")
    print(f"calm {quiet:.0f} s, soaked {took:.0f} s: {took - quiet:.0f} s more")
    print(f"tables that differ: {', '.join(different) or 'none'}; left: {', '.join(litter) or 'nothing'}")
    few = given.minutes >= 10 and sum(kills.values()) < given.kills
    sys.exit(1 if different or litter or few else 0)


if __name__ == "__main__":
    main()
