"""The same few-shot sweep by Hugging Face's Seq2SeqTrainer, by `adapters`' BatchSplit, and by this project.

    .venv/bin/python benchmarks/sweep.py

All start from the same values and see the same batches in the same order; losses, weights and development scores
are compared, and the exit status is 1 if they differ. Times are CPU seconds of one thread; see README.md beside this
file.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated

os.environ["OMP_NUM_THREADS"] = "1"

import torch
import typer
from batch_split import sweep_by_batch_split
from hugging_face import sweep_by_trainer
from measuring import freeze_heap, on_gpu
from report import Json, Report
from side_by_side import sweep_side_by_side
from workload import RATES, Measured, Named, Shape, Workload, random_plm

from priming.backbones.compute import Compute
from priming.errors import UserError, nearest

TRAINER, SPLIT, ALONE = "Trainer", "BatchSplit", "R = 1"
# Adding the same vector to every key does not change the softmax: the exact gradient of these biases is zero.
NO_GRADIENT = "k_proj.bias"
PASSES = {
    "fused": {"attention": "fused"},
    "compiled": {"compile": "on"},
    "compiled, fused": {"attention": "fused", "compile": "on"},
}
"""How the bank is run besides, with `--passes`."""
QUICK = {"runs": 4, "steps": 10, "evaluate_every": 5}

Ways = dict[str, Callable[[], Measured]]
Times = dict[str, list[tuple[float, float]]]
"""By way: seconds of training and of evaluation per run, one pair per repeat."""


@dataclass(frozen=True)
class Difference:
    """Difference of one way's results from the Trainer's: the largest over runs.

    `losses` and `weights` are relative norms of differences; `scores` are development scores, as a number of examples.
    """

    losses: float
    weights: float
    scores: float

    def within(self, tolerance: float) -> bool:
        """Whether the ways agree; a score may differ by one example, whose labels nearly tie."""
        return self.losses <= tolerance and self.weights <= tolerance and self.scores <= 1


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(  # noqa: PLR0913
    element: Annotated[str, typer.Option(help="What is tuned: adapter, prompt, prefix or plm.")] = "adapter",
    batch: Annotated[
        list[int] | None, typer.Option(help="Batch size; repeatable. [default: 4, 16]", show_default=False)
    ] = None,
    tokens: Annotated[
        list[int] | None,
        typer.Option(help="Tokens of the longest input; repeatable. [default: 12]", show_default=False),
    ] = None,
    runs: Annotated[int, typer.Option(min=2, help="Runs of the sweep, and of the bank.")] = 30,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each run.")] = 60,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Steps between evaluations.")] = 10,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats of each way, in turn; the median counts.")] = 3,
    plm: Annotated[
        Path | None,
        typer.Option(help="A BART saved by save_pretrained, instead of a random one.", exists=True, file_okay=False),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Largest relative difference of losses and weights.")] = 1e-3,
    garbage: Annotated[
        bool, typer.Option("--garbage", help="Include Python's garbage collection before each of the Trainer's runs.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="One small sweep, once, to check that results agree.")] = False,
    passes: Annotated[
        bool, typer.Option("--passes", help="The bank besides with fused attention, compiled, and both; no Trainer.")
    ] = False,
    json: Json = None,
) -> None:
    """Run the same few-shot sweep in several ways, and compare results and times."""
    torch.set_num_threads(1)
    if quick:
        runs, steps, evaluate_every, repeats = QUICK["runs"], QUICK["steps"], QUICK["evaluate_every"], 1
        batch, tokens = batch or [4], tokens or [12]
    _check(element, runs, steps, evaluate_every)
    shapes = [Shape(element, b, t, runs, steps, evaluate_every) for t, b in product(tokens or [12], batch or [4, 16])]
    with tempfile.TemporaryDirectory() as scratch:
        folder = plm or random_plm(Path(scratch) / "plm")
        report = Report("sweep", {"steps": steps, "evaluate_every": evaluate_every}, f"bank of {runs}")
        for shape in shapes:
            _compare(Workload(folder, shape, Path(scratch), Compute()), repeats, tolerance, garbage, report, passes)
    report.finish(json, table=False)


def _check(element: str, runs: int, steps: int, evaluate_every: int) -> None:
    if element not in RATES:
        raise typer.BadParameter(
            f"there is no element {element!r}{nearest(element, RATES)}; allowed: {', '.join(RATES)}"
        )
    if runs % len(RATES[element]):
        raise typer.BadParameter(
            f"--runs {runs}: give a multiple of {len(RATES[element])}, the number of rates per sample"
        )
    if steps % evaluate_every:
        raise typer.BadParameter(f"--steps {steps}: give a multiple of --evaluate-every {evaluate_every}")


def _compare(workload: Workload, repeats: int, tolerance: float, garbage: bool, report: Report, passes: bool) -> None:
    """Run every way `repeats` times in turn, print the table, and add it to the report."""
    shape = workload.shape
    ways = _passes(workload) if passes else _ways(workload)
    reference = next(iter(ways))
    times: Times = {name: [] for name in ways}
    found: dict[str, Measured] = {}
    for name in [*ways] * repeats:
        if not garbage:
            freeze_heap()
        found[name] = ways[name]()
        times[name].append((found[name].training / shape.runs, found[name].evaluation / shape.runs))
    others = [name for name in ways if name != reference]
    differences = {name: difference(found[reference], found[name], len(workload.samples[0].dev)) for name in others}
    agree = all(each.within(tolerance) for each in differences.values())
    print("\n".join(_report(shape, times, differences, agree)), flush=True)
    case = f"{shape.element}, {shape.batch} x {shape.tokens} tokens"
    for place, part in enumerate(("training", "evaluation")):
        report.add(f"{case}, {part}", {name: [pair[place] for pair in pairs] for name, pairs in times.items()})
    report.add(f"{case}, both", {name: [sum(pair) for pair in pairs] for name, pairs in times.items()})
    for name, each in differences.items():
        for what, allowed in (("losses", tolerance), ("weights", tolerance), ("scores", 1)):
            report.differ(case, f"{what} of {name}", getattr(each, what), allowed)


def _ways(workload: Workload) -> Ways:
    """The Trainer first, the bank last."""
    shape = workload.shape
    return {
        TRAINER: lambda: sweep_by_trainer(workload),
        **({SPLIT: lambda: sweep_by_batch_split(workload)} if shape.element == "adapter" else {}),
        ALONE: lambda: sweep_side_by_side(workload, 1),
        f"bank of {shape.runs}": lambda: sweep_side_by_side(workload, shape.runs),
    }


def _passes(workload: Workload) -> Ways:
    """The bank as it is by default first, then as in PASSES. The first repeat of those that are compiled compiles."""

    def way(update: Mapping[str, str]) -> Callable[[], Measured]:
        other = replace(workload, compute=workload.compute.model_copy(update=update))
        return lambda: sweep_side_by_side(other, workload.shape.runs)

    return {"bank": way({}), **{name: way(update) for name, update in PASSES.items()}}


def difference(reference: Measured, other: Measured, examples: int) -> Difference:
    """Difference of the results of `other` from `reference`; `examples` is the size of a development set."""
    losses = [_relative(torch.tensor(a), torch.tensor(b)) for a, b in zip(reference.losses, other.losses, strict=True)]
    weights = [_relative(_flat(a), _flat(b)) for a, b in zip(reference.weights, other.weights, strict=True)]
    scores = torch.tensor(reference.scores, dtype=torch.float64) - torch.tensor(other.scores, dtype=torch.float64)
    return Difference(
        torch.tensor(losses).max().item(),
        torch.tensor(weights).max().item(),
        round(scores.abs().max().item() * examples, 6),
    )


def _relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a - b).norm() / a.norm()).item()


def _flat(weights: Named) -> torch.Tensor:
    return torch.cat([weights[name].flatten() for name in sorted(weights) if NO_GRADIENT not in name])


def _report(shape: Shape, times: Times, differences: Mapping[str, Difference], agree: bool) -> Iterator[str]:
    middle = {name: [median(part) for part in zip(*pairs, strict=True)] for name, pairs in times.items()}
    columns = {name: (*parts, sum(parts)) for name, parts in middle.items()}
    reference, *_, bank = columns
    yield (
        f"\n{shape.element}, batch {shape.batch}, {shape.tokens} tokens: {shape.runs} runs of {shape.steps} steps, "
        f"{len(times[bank])} times"
    )
    yield _row(f"{'GPU' if on_gpu() else 'CPU'} seconds per run", ["training", "evaluation", "both"])
    yield from (_row(name, [f"{value:.3f}" for value in values]) for name, values in columns.items())
    for name in (name for name in columns if name != bank):
        yield _row(f"{name} / {bank}", [f"{a / b:.1f}" for a, b in zip(columns[name], columns[bank], strict=True)])
    for name, each in differences.items():
        yield (
            f"{name} against {reference}: losses differ by {each.losses:.1e}, weights by {each.weights:.1e}, "
            f"scores by {each.scores:g} examples"
        )
    yield "the results agree" if agree else "THE RESULTS DIFFER"


def _row(name: str, values: Sequence[str]) -> str:
    return f"{name:<24}" + "".join(f"{value:>12}" for value in values)


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
