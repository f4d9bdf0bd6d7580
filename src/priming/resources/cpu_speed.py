"""How fast a core of this machine trains: measured once, and kept in the user's cache.

`python -m priming.resources.cpu_speed` measures: training steps of feed-forward layers as a PLM has them, at a few
widths, on one thread, in CPU seconds, so that other work on the machine changes little.
"""

import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from math import log
from pathlib import Path

from priming.atomic import atomic_file

WIDTHS = (64, 256, 768)
ROWS = 256
ENOUGH = 0.3
"""CPU seconds of a measurement at each width."""
LONGEST = 120
"""Seconds after which measuring is given up."""
Rates = dict[int, float]


def rates() -> Rates | None:
    """Operations per second of a core by model width; None where torch is missing."""
    key, file = _machine(), _file()
    known = _read(file)
    if key not in known:
        found = _measured_elsewhere()
        if found is None:
            return None
        known[key] = found
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(file) as part:
                part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        except OSError:  # it is measured again next time
            pass
    return {int(width): rate for width, rate in known[key].items()}


def at_width(found: Rates, width: int) -> float:
    """The rate at a width, between those measured on a logarithmic scale, and beyond them as at the last."""
    widths = sorted(found)
    if width <= widths[0] or width >= widths[-1]:
        return found[widths[0] if width <= widths[0] else widths[-1]]
    above = next(number for number, each in enumerate(widths) if each >= width)
    low, high = widths[above - 1], widths[above]
    share = log(width / low) / log(high / low)
    return found[low] ** (1 - share) * found[high] ** share


def _file() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "priming", "cpu-speed.json")


def _read(file: Path) -> dict[str, dict[str, float]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _machine() -> str:
    """The processor and what computes on it."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    return f"{_processor()}, torch {torch}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _measured_elsewhere() -> dict[str, float] | None:
    """Measured in a process of its own, since importing torch takes longer than a plan."""
    command = [sys.executable, "-m", "priming.resources.cpu_speed"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, env=environment, check=True)
        found: dict[str, float] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return found


def measure(width: int) -> float:
    """Operations per second of training steps at a width, six per parameter and row."""
    import torch

    torch.set_num_threads(1)
    layers = torch.nn.Sequential(
        torch.nn.Linear(width, 4 * width), torch.nn.GELU(), torch.nn.Linear(4 * width, width), torch.nn.LayerNorm(width)
    )
    rows, steps = torch.randn(ROWS, width), 0
    parameters = sum(parameter.numel() for parameter in layers.parameters())
    layers(rows).square().mean().backward()
    start = time.process_time()
    while time.process_time() - start < ENOUGH:
        layers(rows).square().mean().backward()
        steps += 1
    return 6.0 * parameters * ROWS * steps / (time.process_time() - start)


if __name__ == "__main__":
    print(json.dumps({width: measure(width) for width in WIDTHS}))
