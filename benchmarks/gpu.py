"""Measure the project on a GPU at the size of BART-base: agreement of results, speed, and memory.

    .venv/bin/python benchmarks/gpu.py [SECTION ...]

The model's weights are random. README.md beside this file lists the sections.
"""

import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, get_args

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from hugging_face import sweep_by_trainer
from loads import ELEMENTS, GIGA, HEAD, Bench, Load, built, tidy
from measuring import freeze_heap
from side_by_side import sweep_side_by_side
from sweep import difference
from torch import Tensor
from workload import BART_BASE, LABELS, TINY, Measured, Shape, Workload, random_plm

from priming.backbones.compute import Compute, Precision
from priming.backbones.encoding import TextTokenizer
from priming.backbones.loading import load_plm
from priming.forms.prediction import Predictor
from priming.runs.keys import generator
from priming.runs.parameters import StackedParameters

PRECISIONS = get_args(Precision)


def agree(bench: Bench) -> Iterator[str]:
    """The sweep of sweep.py in a bank and one run at a time, in bfloat16 and float32."""
    yield "losses and weights of a sweep: largest relative difference"
    for element in ("adapter", "prompt", "plm"):
        alone: dict[str, Measured] = {}
        for precision in PRECISIONS:
            shape = Shape(element, 4, 12 if bench.quick else 64, 4, 4 if bench.quick else 10, 2)
            work = Workload(bench.folder, shape, bench.scratch, Compute(precision=precision), ELEMENTS)
            alone[precision] = sweep_side_by_side(work, 1)
            yield _differ(
                f"{element} {precision}: bank of 4 against R = 1", alone[precision], sweep_side_by_side(work, 4)
            )
        yield _differ(f"{element} R = 1: bfloat16 against float32", alone["float32"], alone["bfloat16"])


def gradients(bench: Bench) -> Iterator[str]:
    """First gradients: of a run in a bank and alone; of multi-task and meta-learning in bfloat16 and float32."""
    size = (4, 12, 4) if bench.quick else (4, 64, 8)
    yield "the first run of a bank of 4 against the same run alone, before the first step"
    for element, precision in product(("adapter", "prompt", "plm"), PRECISIONS):
        bank, alone = (_gradient(bench, Load("sweep", element, runs, *size, precision, False)) for runs in (4, 1))
        yield f"{element} {precision}: " + _near(bank, alone)
    yield "bfloat16 against float32"
    for way, element in product(("sweep", "mtl", "maml:first", "maml"), ("adapter", "prompt", "plm")):
        runs = {"sweep": 4, "mtl": 1}.get(way, 2)
        whole, half = (_gradient(bench, Load(way, element, runs, *size, precision, False)) for precision in PRECISIONS)
        yield f"{way} {element}: " + _near(half, whole)


def _near(found: tuple[Tensor, Tensor], reference: tuple[Tensor, Tensor]) -> str:
    (loss, gradient), (true_loss, true) = found, reference
    finite = "" if loss.isfinite() and gradient.isfinite().all() else "NOT FINITE, "
    cosine = torch.cosine_similarity(gradient.double(), true.double(), dim=0).item()
    return (
        f"{finite}loss differs by {_far(true_loss, loss)}, gradient by {_far(true, gradient)} (1 - cosine: "
        f"{1 - cosine:.1e})"
    )


def _differ(name: str, reference: Measured, other: Measured) -> str:
    found = difference(reference, other, 32)
    return f"{name}: losses {found.losses:.1e}, weights {found.weights:.1e}, scores {found.scores:g} examples of 32"


def _far(a: Tensor, b: Tensor) -> str:
    return f"{((a - b).norm() / a.norm()).item():.1e}"


def _gradient(bench: Bench, load: Load) -> tuple[Tensor, Tensor]:
    """Loss and gradient of the first run, or of a meta-batch."""
    _, parameters, objective = bench.training(load)
    losses, found = objective(parameters, 0)
    return losses[0], found[load.element][0]


def speed(bench: Bench) -> Iterator[str]:
    """A few-shot sweep by the Trainer, run by run, and in a bank.

    Milliseconds per step of one run, and per evaluation on 32 examples.
    """
    runs, few, steps = (4, 2, 4) if bench.quick else (32, 2, 50)
    shapes = [(4, 12)] if bench.quick else [(4, 64), (8, 128), (8, 64), (4, 128)]
    cases = [(e, p, b, t) for b, t in shapes for p in reversed(PRECISIONS) for e in ("adapter", "prompt")]
    warm: set[tuple[str, str]] = set()
    yield (
        f"{'':<36}{'Trainer':>16}{'Trainer, SDPA':>16}{'R = 1':>16}{f'bank of {runs}':>16}   Trainer / bank (SDPA / "
        "bank), training and evaluation"
    )
    for element, precision, batch, tokens in cases:
        work = Workload(
            bench.folder,
            Shape(element, batch, tokens, few, steps, steps),
            bench.scratch,
            Compute(precision=precision),
            ELEMENTS,
        )
        if (element, precision) not in warm:
            _ways(replace(work, shape=replace(work.shape, runs=2, steps=1, evaluate_every=1)), 2)
            warm.add((element, precision))
        found = _ways(work, runs)
        first, sdpa, _, bank = found
        ratios = ", ".join(f"{a / c:.1f} ({b / c:.1f})" for a, b, c in zip(first, sdpa, bank, strict=True))
        yield (
            f"{f'{element}, {batch} x {tokens}, {precision}':<36}"
            + "".join(f"{a:>8.1f}{b:>8.1f}" for a, b in found)
            + f"   {ratios}"
        )


def _ways(work: Workload, runs: int) -> list[tuple[float, float]]:
    """Milliseconds per training step and evaluation of a run, in each way; the bank has `runs` runs."""
    ways: list[tuple[Callable[[Workload], Measured], Workload]] = [
        (sweep_by_trainer, work),
        (sweep_by_trainer, replace(work, attention="sdpa")),
        (lambda given: sweep_side_by_side(given, 1), work),
        (lambda given: sweep_side_by_side(given, runs), replace(work, shape=replace(work.shape, runs=runs))),
    ]
    found = []
    for way, given in ways:
        tidy()
        freeze_heap()
        taken, shape = way(given), given.shape
        found.append((1000 * taken.training / shape.runs / shape.steps, 1000 * taken.evaluation / shape.runs / 2))
    return found


def largest(bench: Bench) -> Iterator[str]:
    """Steps of banks, and the largest bank that fits: its size is extrapolated from two small ones, then tried."""
    yield HEAD
    for element in ("adapter", "prompt"):
        for precision in PRECISIONS:
            base = Load("sweep", element, 2, 8, 512, 64, precision)
            loads = [base, replace(base, target=8), replace(base, source=128, target=8), replace(base, dropout=False)]
            if element == "adapter":
                loads.append(replace(base, source=128, target=64))
            for load in [replace(base, batch=2, source=12, target=4)] if bench.quick else loads:
                yield from _grown(bench, load)


def whole(bench: Bench) -> Iterator[str]:
    """The same for banks that tune the whole PLM."""
    yield HEAD
    for precision, dropout in product(PRECISIONS, (True, False)):
        yield from _grown(
            bench, Load("sweep", "plm", 2, *((2, 12, 4) if bench.quick else (8, 512, 64)), precision, dropout)
        )


def _grown(bench: Bench, load: Load) -> Iterator[str]:
    peaks = []
    for runs in (2, 6):
        taken = bench.measured(replace(load, runs=runs))
        if taken is None:
            yield f"{load}: not even {runs} runs fit"
            return
        peaks.append(taken.peak)
        yield taken.row(replace(load, runs=runs))
    if bench.device.type == "cpu":
        return
    slope = (peaks[1] - peaks[0]) / 4
    free = torch.cuda.get_device_properties(0).total_memory - peaks[0]
    for share in (0.97, 0.9, 0.8):
        tried = replace(load, runs=min(200, 2 + int(share * free / slope)))
        if taken := bench.measured(tried, 2):
            yield taken.row(tried) + f"   {slope / GIGA:.2f} GB a run"
            return
        yield f"{tried!s:<52}{tried.runs:>5}  out of memory"


def _row(bench: Bench, load: Load) -> str:
    taken = bench.measured(load)
    return taken.row(load) if taken else f"{load!s:<52}{load.runs:>5}  out of memory"


def priming(bench: Bench) -> Iterator[str]:
    """Steps of multi-task learning and of MAML."""
    yield HEAD
    lengths = [(12, 4)] if bench.quick else [(128, 8), (512, 8), (512, 64)]
    for precision in PRECISIONS:
        for element in ("plm", "adapter"):
            for source, target in lengths:
                yield _row(bench, Load("mtl", element, 1, 4 if bench.quick else 32, source, target, precision))
                for way in ("maml:first", "maml"):
                    yield _row(bench, Load(way, element, 4, 2 if bench.quick else 16, source, target, precision))


def halves(bench: Bench) -> Iterator[str]:
    """Second-order MAML of the whole PLM with fewer tasks, as if divided between two GPUs, and without dropout."""
    yield HEAD
    base = Load("maml", "plm", 4, *((2, 12, 4) if bench.quick else (16, 512, 64)))
    for precision in PRECISIONS:
        for tasks in (1, 2, 3):
            yield _row(bench, replace(base, runs=tasks, precision=precision))
        yield _row(bench, replace(base, precision=precision, dropout=False))


def otherwise(bench: Bench) -> Iterator[str]:
    """Alternatives that the project does not use: TF32 for float32 products, and torch's fused attention.

    Fused attention is measured only where it can run: without dropout, on a single run.
    """
    yield HEAD
    base = Load("mtl", "plm", 1, *((4, 12, 4) if bench.quick else (32, 512, 64)))
    for precision in ("highest", "high"):
        torch.set_float32_matmul_precision(precision)
        yield f"matrix products of {precision} precision:"
        yield _row(bench, base)
        yield _row(bench, replace(base, way="sweep", element="adapter", runs=6, batch=2 if bench.quick else 8))
    torch.set_float32_matmul_precision("highest")
    for precision, attention in product(PRECISIONS, ("eager", "sdpa")):
        yield _row(bench, replace(base, element="adapter", precision=precision, dropout=False, attention=attention))


def scoring(bench: Bench) -> Iterator[str]:
    """Evaluation of a bank on 16 examples per run by beam search up to the maximum length: seconds, peak GB."""
    runs, rows, source, target = (2, 2, 12, 4) if bench.quick else (8, 16, 512, 64)
    for precision in PRECISIONS:
        model = built(bench.folder, "adapter")
        model.precision = precision
        model.plm.set_attn_implementation("eager")
        parameters = StackedParameters.repeated(model.owned_by(("adapter",)), runs, model.owner)
        inputs = [
            generator("gpu", run).integers(20, model.plm.config.vocab_size, size=(rows, source)).tolist()
            for run in range(runs)
        ]
        predictor = Predictor(model, TextTokenizer(load_plm(bench.folder).tokenizer, source, target), beam=4)
        for decoder in ("ranking", "beam"):
            tidy()
            start = bench.now()
            predictor.predict(parameters.views, inputs, [LABELS if decoder == "ranking" else None] * runs, [decoder])
            taken = bench.now() - start
            yield (
                f"{decoder} {rows} x {source}/{target} {precision}, {runs} runs: {taken:.2f} s, "
                f"{bench.peak / GIGA:.2f} GB"
            )


SECTIONS: dict[str, Callable[[Bench], Iterator[str]]] = {
    each.__name__: each for each in (agree, gradients, speed, largest, whole, priming, halves, scoring, otherwise)
}


def resident() -> str:
    """Peak resident memory of this process."""
    return f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB of main memory"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    sections: Annotated[
        list[str] | None,
        typer.Argument(help=f"Of {', '.join(SECTIONS)}; default: all.", show_default=False),
    ] = None,
    limit: Annotated[float, typer.Option(help="Time limit per section in seconds; 0: none.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes, to check that everything runs.")] = False,
) -> None:
    """Measure the project on a GPU; with --quick, check on a CPU that it runs."""
    if wrong := [name for name in sections or () if name not in SECTIONS]:
        raise typer.BadParameter(f"there is no section {wrong[0]!r}; allowed: {', '.join(SECTIONS)}")
    torch.set_num_threads(1)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch) / "plm", Path(scratch), quick)
        maker = get_context("fork").Process(
            target=random_plm, args=(bench.folder, TINY if quick else BART_BASE)
        )  # in a process of its own, so its memory does not count
        maker.start()
        maker.join()
        print(f"torch {torch.__version__}; imports: {resident()}")
        torch.ones(8, 8, device=bench.device) @ torch.ones(8, 8, device=bench.device)
        print(
            f"a first product on {torch.cuda.get_device_name() if bench.device.type == 'cuda' else 'the CPU'}: "
            f"{resident()}"
        )
        for name in sections or SECTIONS:
            failed |= not _section(name, bench, limit)
    raise typer.Exit(failed)


def _section(name: str, bench: Bench, limit: float) -> bool:
    """Print a section; returns whether it finished."""
    start = time.perf_counter()
    print(f"\n== {name}", flush=True)
    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        for line in SECTIONS[name](bench):
            print(line, flush=True)
    except Exception as error:  # the other sections are still measured
        print(f"FAILED: {type(error).__name__}: {error}", flush=True)
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(f"-- {name}: {time.perf_counter() - start:.0f} s; {resident()}", flush=True)
    return True


def _too_long(*_: object) -> None:
    raise TimeoutError("it took longer than --limit")


if __name__ == "__main__":
    app()
