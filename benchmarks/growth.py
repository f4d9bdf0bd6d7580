"""How the time of a step grows: with the runs of a bank, tasks of a meta-batch, tokens of inputs, and the PLM's width.

    .venv/bin/python benchmarks/growth.py

README.md beside this file says what is measured.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, takewhile
from pathlib import Path
from typing import Annotated, Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from loads import Bench, Load
from measuring import in_turn
from report import Json, Quick, Repeats, Report
from torch import Tensor
from workload import TINY, random_plm

from priming.runs.loop import Course, train
from priming.runs.update_rules.adamw import AdamW

BASE = Load("sweep", "adapter", 8, 8, 16, 4, dropout=False)
WIDTH = 128
NEAR = 1e-4
"""Of the norm of a gradient."""


@dataclass(frozen=True)
class Factor:
    """What grows, the steps of which training, its sizes, and how a size changes training and width."""

    name: str
    title: str
    load: Load
    least: int
    most: int

    @property
    def sizes(self) -> list[int]:
        """Powers of two."""
        return list(takewhile(lambda size: size <= self.most, (self.least * 2**power for power in count())))

    def at(self, size: int) -> tuple[Load, int]:
        """The training at a size, and the width of its PLM."""
        changed: dict[str, Any] = {
            "runs": {"runs": size}, "tasks": {"runs": size}, "tokens": {"source": size}, "width": {},
        }[self.name]  # fmt: skip
        return replace(self.load, **changed), size if self.name == "width" else WIDTH


FACTORS = (
    Factor("runs", "runs of a bank", BASE, 1, 32),
    Factor("tasks", "tasks of a meta-batch (FOMAML, one inner step)", replace(BASE, way="maml:first"), 1, 8),
    Factor("tokens", "tokens of an input", BASE, 8, 128),
    Factor("width", "width of the PLM", BASE, 128, 512),
)
NAMES = [factor.name for factor in FACTORS]


def plms(scratch: Path) -> Iterator[tuple[int, Path]]:
    """A random BART of two and two layers for each width."""
    for width in {width for factor in FACTORS for size in factor.sizes for _, width in [factor.at(size)]}:
        feed_forward = dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 4 * width)
        yield width, random_plm(scratch / str(width), {**TINY, "d_model": width, **feed_forward})


def training(bench: Bench, load: Load) -> tuple[Callable[[int], object], Tensor]:
    """Takes so many steps of a training, whose model and batches are there already; and the first run's gradient."""
    _, parameters, objective = bench.training(load)
    gradient = objective(parameters, 0)[1][load.element][0].clone()
    rates = torch.full((parameters.runs,), 1e-5, dtype=torch.float64, device=bench.device)

    def steps(number: int) -> None:
        train(parameters, objective, AdamW({load.element: rates}, 0.01), Course(number, 0.0, 1.0), lambda *_: None)

    steps(1)
    return steps, gradient


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    factor: Annotated[
        list[str] | None,
        typer.Option(help="Of runs, tasks, tokens, width; repeatable. [default: all]", show_default=False),
    ] = None,
    number: Annotated[int, typer.Option("--steps", min=1, help="Steps in each repeat; the mean counts.")] = 3,
    repeats: Repeats = 3,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Time a step of tuning adapters at several sizes, one factor at a time, the others as in `sizes` of the file."""
    torch.set_num_threads(1)
    if wrong := [name for name in factor or () if name not in NAMES]:
        raise typer.BadParameter(f"there is no factor {wrong[0]!r}; allowed: {', '.join(NAMES)}")
    number, repeats = (1, 1) if quick else (number, repeats)
    given = {"runs": BASE.runs, "batch": BASE.batch, "tokens": BASE.source, "target": BASE.target, "width": WIDTH}
    report = Report("growth", given)
    with tempfile.TemporaryDirectory() as scratch:
        folders = dict(plms(Path(scratch)))
        for each in (each for each in FACTORS if each.name in (factor or NAMES)):
            ways, gradients = {}, []
            for size in each.sizes[:2] if quick else each.sizes:
                load, width = each.at(size)
                steps, gradient = training(Bench(folders[width], Path(scratch), quick), load)
                ways[str(size)] = partial(steps, number)
                gradients.append(gradient)
            seconds, _ = in_turn(ways, repeats)
            report.add(each.title, {size: [one / number for one in own] for size, own in seconds.items()})
            if each.name == "runs":
                worst = (torch.stack(gradients) - gradients[0]).norm(dim=1).max() / gradients[0].norm()
                report.differ(each.title, "first gradients of a run, alone and in banks,", worst.item(), NEAR)
    report.finish(json)


if __name__ == "__main__":
    app()
