"""Seeds of a priming side by side in one job, against one after the other.

    .venv/bin/python benchmarks/primings.py

README.md beside this file says what is compared.
"""

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from embedded import embedded_study, prepare, write_plm
from measuring import clock, on_gpu
from report import Json, Quick, Repeats, Report
from safetensors.torch import load_file

from priming.algorithms.interface import Budget
from priming.algorithms.mtl import Mtl
from priming.strategies import Priming
from priming.training.priming_run import PrimingJob
from priming.training.upstream import prime, prime_all

PRIMING = "mtl[adapter]"
NEAR = 1e-3
"""Of the norm of a seed's adapter: what rounding comes to over the steps."""
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def job_in(folder: Path, steps: int, sources: int) -> PrimingJob:
    """The multi-task learning of the embedded study, of a PLM with random weights."""
    study = embedded_study()
    tasks = prepare(study, "source", study.tasks.source[:sources], folder)
    plm = write_plm(study, (row.input for task in tasks for row in task.pool()), folder / "plm")
    settings = study.settings_of("mtl", "small").model_copy(update={"budget": Budget(steps=steps)})
    assert isinstance(settings, Mtl)
    return PrimingJob(
        "benchmark",
        "small",
        plm.model_copy(update={"max_output": 16}),
        study.elements,
        Priming.parse(PRIMING),
        settings,
        1,
        folder / "plm",
        [task.folder for task in tasks],
    )


@app.command()
def main(
    seeds: Annotated[int, typer.Option(help="Seeds to prime.", min=2)] = 5,
    steps: Annotated[int, typer.Option(help="Steps of each.", min=1)] = 300,
    repeats: Repeats = 3,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Prime an adapter on the embedded study's source tasks, with several seeds."""
    torch.set_num_threads(1)
    took: dict[str, list[float]] = {"one after the other": [], "side by side": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        job = job_in(folder, 10 if quick else steps, 4 if quick else 39)
        jobs = [replace(job, seed=seed) for seed in range(1, seeds + 1)]
        alone, together = ([folder / way / str(one.seed) for one in jobs] for way in ("alone", "together"))
        for _ in range(1 if quick else repeats):
            start = clock()
            for one, out in zip(jobs, alone, strict=True):
                prime(one, out)
            took["one after the other"].append(clock() - start)
            start = clock()
            prime_all(jobs, together)
            took["side by side"].append(clock() - start)
        worst = max(map(apart, together, alone))
    print(f"{seeds} seeds of {PRIMING}, {job.settings.budget.steps} steps")
    print(f"{'':<24}{'GPU s' if on_gpu() else 'CPU s, median':>14}{'least':>8}{'most':>8}")
    medians = {way: sorted(times)[len(times) // 2] for way, times in took.items()}
    for way, times in took.items():
        print(f"{way:<24}{medians[way]:>14.1f}{min(times):>8.1f}{max(times):>8.1f}")
    print(f"side by side / one after the other: {medians['side by side'] / medians['one after the other']:.2f}")
    print(
        f"weights differ by {worst:.1e} of their norm: {'THE RESULTS DIFFER' if worst > NEAR else 'the results agree'}"
    )
    report = Report("primings", {"seeds": seeds, "steps": job.settings.budget.steps}, "side by side")
    report.add(PRIMING, took)
    report.differ(PRIMING, "weights", worst, NEAR)
    report.finish(json, table=False)


def apart(one: Path, other: Path) -> float:
    """How far adapters are apart, as a share of the norm of the second."""
    ours, theirs = (
        torch.cat([value.flatten() for _, value in sorted(load_file(folder / "adapter.safetensors").items())])
        for folder in (one, other)
    )
    return float((ours - theirs).norm() / theirs.norm())


if __name__ == "__main__":
    app()
