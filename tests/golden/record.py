"""Results of a study of tiny models, to the bit, by which refactoring can be shown to change nothing.

They are losses, weights, scores and answers.

`python -m tests.golden.record` writes `values.json` anew, which is right only where results are meant to change.
"""

import hashlib
import json
import os
import platform
import re
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from priming.evaluation.answered import answered
from priming.forms.answers import PREDICTIONS
from priming.jobs.graph import graph
from priming.running import steps
from priming.runs.shards import Shard
from priming.study.load import load_study
from priming.tasks.prepared import read_task
from priming.training import processes
from priming.training.priming_run import ALONE, PrimingJob
from priming.training.upstream import prime_all

HERE = Path(__file__).parent
VALUES = HERE / "values.json"
COLOURS = ("red", "blue", "green", "white", "black", "brown")
THINGS = ("house", "tree", "stone", "river", "horse", "apple")
LABELS = {
    "colour": lambda colour, thing: colour,
    "size": lambda colour, thing: "large" if thing in THINGS[:3] else "small",
    "shade": lambda colour, thing: "light" if colour in COLOURS[:4] else "dark",
}
RUNS = tuple((precision, world) for precision in ("float32", "bfloat16") for world in (1, 2))
Values = dict[str, Any]


def machine() -> str:
    """What results are equal to the bit on: the very kind of processor, and the version of torch."""
    cpu = Path("/proc/cpuinfo")
    about = (
        dict(re.findall(r"^([\w ]+?)\s*: (.*)$", cpu.read_text().split("\n\n")[0], re.MULTILINE))
        if cpu.is_file()
        else {}
    )
    kind = " ".join(about.get(key, "?") for key in ("model name", "cpu family", "model", "stepping"))
    flags = hashlib.sha256(about.get("flags", platform.processor()).encode()).hexdigest()[:12]
    return f"{kind}, flags {flags}; torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"


def write_study(folder: Path, precision: str) -> Path:
    """The study file and its rows in `folder`."""
    text = (HERE / "study.yaml").read_text()
    study = folder / "study.yaml"
    study.write_text(text.replace("precision: float32", f"precision: {precision}"))
    for name, label in LABELS.items():
        rows = [f"a {c} {t},{label(c, t)}\n" for c in COLOURS for t in THINGS]
        (folder / f"{name}.csv").write_text("".join(["text,label\n", *rows]))
    return study


def recorded(folder: Path, precision: str, world: int) -> Values:
    """Make the study in an empty folder and return what it gave by result; in two processes, its primings alone."""
    if world == 1:
        _make(folder, precision)
    else:
        context = torch.multiprocessing.start_processes(
            _make_in, (world, _free_port(), folder, precision), nprocs=world, start_method="forkserver"
        )
        assert context is None
    results = folder / "rank-0" / "results" / "golden"
    found = sorted(path.parent for step in ("plm", "primed", "tuned") for path in (results / step).rglob("result.json"))
    return {path.relative_to(results).as_posix(): _values(path) for path in found}


def _make_in(rank: int, world: int, port: int, folder: Path, precision: str) -> None:
    from accelerate import PartialState

    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in names.items()})
    state = PartialState(cpu=True)
    torch.set_num_threads(1)  # after accelerate has set it by the environment
    _make(folder, precision, Shard(rank, world))
    state.destroy_process_group()


def _make(folder: Path, precision: str, share: Shard = ALONE) -> None:
    """Make a study step by step; of two processes each prepares for itself, and they share each priming."""

    def prime_here(number: int, jobs: Sequence[PrimingJob], outs: Sequence[Path]) -> None:
        """Prime in this process, which may have a share of it."""
        prime_all(jobs, outs, share)

    place = folder / f"rank-{share.rank}"
    place.mkdir(parents=True)
    study = write_study(place, precision)
    before, processes.prime_in = processes.prime_in, prime_here
    try:
        with chdir(place):
            for job in graph(load_study(study)).jobs.values():
                if job.step in ("prepare", "pretrain", "prime") or (job.step in ("tune", "score") and share.world == 1):
                    steps.run(job.step, Path("study.yaml"), job.out)
    finally:
        processes.prime_in = before


def _values(folder: Path) -> Values:
    result = json.loads((folder / "result.json").read_text())
    curves = [result["curve"]] if "curve" in result else [run["curve"] for run in result["runs"]]
    return {
        "status": result["status"],
        "losses": [[point["loss"] for point in curve] for curve in curves],
        "dev": [[point.get("dev") for point in curve] for curve in curves],
        "test": _test_scores(folder),
        "operations": result.get("flops"),
        "executed": result.get("flops_executed"),
        "weights": {file.name: _weights(load_file(file)) for file in sorted(folder.glob("*.safetensors"))},
        "answers": _answers(folder),
    }


def _prepared(folder: Path) -> Path:
    """The folder of a tuned sample, `tuned/PLM/STRATEGY/seed-S/TASK/sample-K`, has its task prepared here."""
    return folder.parents[5] / "tasks" / folder.parent.name


def _test_scores(folder: Path) -> Values | None:
    """The test scores of a tuned sample, None of another result."""
    if not folder.name.startswith("sample-"):
        return None
    cell = folder.parent.relative_to(folder.parents[4])
    file = folder.parents[5] / "scores" / cell / f"{folder.name}.json"
    found: Values = json.loads(file.read_text())["test"]
    return found


def _answers(folder: Path) -> str | None:
    """The digest of what a tuned sample answered on test rows, beside their references, None of another result."""
    if not (folder / PREDICTIONS).is_file():
        return None
    rows = answered(folder, read_task(_prepared(folder)), int(folder.name.removeprefix("sample-")))["test"]
    decoders = [name for name in ("ranking", "greedy", "beam") if name in rows.answers]
    lines = [
        {"row": row, "targets": list(targets), **{name: rows.answers[name][number] for name in decoders}}
        for number, (row, targets) in enumerate(zip(rows.rows, rows.references, strict=True))
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def _weights(tensors: Mapping[str, torch.Tensor]) -> Values:
    """The digest of all bytes in the order of names, and the sum of squares for other machines."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return {"sha256": total.hexdigest(), "squares": sum(float(t.double().square().sum()) for t in tensors.values())}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> None:
    """Write the values that this checkout gives."""
    torch.set_num_threads(1)
    values: Values = {"machine": machine()}
    for precision, world in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            values[f"{precision}, {world}"] = recorded(Path(folder), precision, world)
    lines = [f"{json.dumps(key)}: {_lines(values[key])}" for key in values]
    VALUES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _lines(value: Any) -> str:
    """A line a result."""
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value[key], sort_keys=True)}" for key in value) + "\n}"


if __name__ == "__main__":
    sys.exit(main())
