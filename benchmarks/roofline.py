"""What bounds each stage: products of matrices, memory, or launching operations; and how far it is from that bound.

    .venv/bin/python benchmarks/roofline.py --figure roofline.svg

README.md beside this file says what is measured.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from loads import Bench, Load
from measuring import in_turn, on_gpu, timed
from report import Json, Quick, Repeats, Report
from torch import Tensor
from torch.func import vmap
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from workload import TINY, random_plm

from priming.backbones.encoding import TextTokenizer
from priming.forms.prediction import Predictor
from priming.runs.loop import Course, train
from priming.runs.update_rules.adamw import AdamW

BASE = Load("sweep", "adapter", 8, 4, 12, 4, dropout=False)
LOADS = {
    "tuning adapters, 1 run of 4 x 12": replace(BASE, runs=1),
    "tuning adapters, 30 runs of 4 x 12": replace(BASE, runs=30),
    "tuning adapters, 30 runs of 16 x 12": replace(BASE, runs=30, batch=16),
    "tuning prompts, 30 runs of 4 x 12": replace(BASE, runs=30, element="prompt"),
    "tuning the PLM, 8 runs of 4 x 12": replace(BASE, runs=8, element="plm"),
    "priming by multi-task learning, 32 x 20": replace(BASE, runs=1, batch=32, source=20, element="plm"),
    "priming by MAML, first order, 8 tasks": replace(BASE, way="maml:first", batch=8, source=16),
}
ROWS, TOKENS, LABELS = 32, 14, (("good", "bad"),)
VIEWS = ("view", "expand", "permute", "transpose", "t", "unsqueeze", "squeeze", "slice", "select", "split", "detach")
"""Operations that touch no numbers, beside those whose names begin so."""
PRODUCTS = ("mm", "bmm", "addmm", "baddbmm", "dot", "mv")
SIZE, LARGE = 1024, 1 << 25
"""Of the square matrices that are multiplied to find the peak, and of the numbers that are copied."""
REST = "the rest"
COLOURS = {"products": "#0072b2", "memory": "#d55e00", "launching": "#009e73", REST: "0.75"}


@dataclass(frozen=True)
class Machine:
    """What the device does at the best: operations a second, bytes a second, and seconds to launch an operation.

    The last is that of one on single numbers, in a pass of two runs and backward.
    """

    flops: float
    bandwidth: float
    launch: float

    @classmethod
    def here(cls, repeats: int) -> "Machine":
        """Measured: a product of large matrices, a copy of more than caches hold, and a chain of single numbers."""
        device = "cuda" if on_gpu() else "cpu"
        a, b = torch.randn(2, SIZE, SIZE, device=device)
        source = torch.ones(LARGE, device=device)
        target, one = torch.empty_like(source), torch.ones(2, 1, device=device, requires_grad=True)

        def launches() -> None:
            vmap(_chain)(one).sum().backward()

        ways: dict[str, Callable[[], object]] = {
            "product": lambda: torch.mm(a, b), "copy": lambda: target.copy_(source), "launch": launches,
        }  # fmt: skip
        for work in ways.values():
            work()
        with Traffic() as traffic:
            launches()
        seconds = {way: min(own) for way, own in in_turn(ways, max(3, repeats))[0].items()}
        launch = seconds["launch"] / traffic.launched
        return cls(2 * SIZE**3 / seconds["product"], 8 * LARGE / seconds["copy"], launch)


def _chain(value: Tensor) -> Tensor:
    """Products of single numbers, one after the other."""
    for _ in range(1000):
        value = value * value
    return value


class Traffic(TorchDispatchMode):
    """Counts operations that touch numbers, and the bytes that they read and write if no cache holds any.

    Products of matrices are counted apart: what they take is bounded by their operations.
    """

    def __init__(self) -> None:
        super().__init__()
        self.launched, self.moved, self.of_products = 0, 0.0, 0.0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        found = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__.strip("_")
        if not name.startswith(VIEWS):
            tensors = [leaf for leaf in tree_leaves((args, kwargs, found)) if isinstance(leaf, Tensor)]
            bytes_of = float(sum(tensor.numel() * tensor.element_size() for tensor in tensors))
            self.launched += 1
            if name in PRODUCTS:
                self.of_products += bytes_of
            else:
                self.moved += bytes_of
        return found


@dataclass(frozen=True)
class Stage:
    """What a stage does: operations of products, their bytes, the bytes of all else, launches; and its seconds."""

    name: str
    flops: float
    of_products: float
    moved: float
    launched: int
    seconds: float

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return self.flops / (self.of_products + self.moved)

    def bounds(self, machine: Machine) -> dict[str, float]:
        """Seconds of each at the best; the rest is Python between operations, and what is slower than the best."""
        products = max(self.flops / machine.flops, self.of_products / machine.bandwidth)
        memory, launching = self.moved / machine.bandwidth, self.launched * machine.launch
        rest = max(0.0, self.seconds - products - memory - launching)
        return dict(zip(COLOURS, (products, memory, launching, rest), strict=True))


def training(bench: Bench, load: Load) -> Callable[[], object]:
    """A step of a training, whose model and batches are there already."""
    _, parameters, objective = bench.training(load)
    rates = torch.full((parameters.runs,), 1e-5, dtype=torch.float64, device=bench.device)

    def step() -> None:
        train(parameters, objective, AdamW({load.element: rates}, 0.01), Course(1, 0.0, 1.0), lambda *_: None)

    return step


def answering(bench: Bench, runs: int, decoder: str) -> Callable[[], object]:
    """Runs with adapters answer rows of random tokens."""
    model, parameters, _ = bench.training(replace(BASE, runs=runs))
    random = torch.Generator().manual_seed(0)
    values = {
        name: view.detach() + 0.01 * torch.randn(view.shape, generator=random).to(view.device)
        for name, view in parameters.views.items()
    }
    predictor = Predictor(model, TextTokenizer(model.tokenizer, TOKENS, 8), beam=4)
    rows = [torch.randint(20, 200, (ROWS, TOKENS), generator=random).tolist() for _ in range(runs)]
    return lambda: predictor.predict(values, rows, list(LABELS) * runs, [decoder])


def measured(name: str, work: Callable[[], object], repeats: int) -> Stage:
    """What a stage does in one call, and the least that it takes."""
    work()
    with ExitStack() as stack:
        counter = stack.enter_context(FlopCounterMode(display=False))
        traffic = stack.enter_context(Traffic())
        work()
    seconds = min(timed(work)[0] for _ in range(repeats))
    return Stage(name, counter.get_total_flops(), traffic.of_products, traffic.moved, traffic.launched, seconds)


def stages(bench: Bench, repeats: int, quick: bool) -> Iterator[Stage]:
    """All of them; with `quick`, two."""
    runs = 2 if quick else 30
    for name, load in list(LOADS.items())[: 1 if quick else None]:
        yield measured(name, training(bench, load), repeats)
    yield measured(f"ranking 2 labels, {runs} runs of {ROWS} x {TOKENS}", answering(bench, runs, "ranking"), repeats)
    if not quick:
        yield measured("beam search, 8 runs of 32 x 14", answering(bench, 8, "beam"), repeats)


def table(machine: Machine, found: Sequence[Stage]) -> Iterator[str]:
    """What each stage takes, the parts of it, and which share of it the device would take at the best."""
    peak = f"{machine.flops / 1e9:.0f} GFLOP/s, {machine.bandwidth / 1e9:.1f} GB/s"
    yield f"at the best {peak}, {1e6 * machine.launch:.1f} us to launch an operation"
    width = max(len(stage.name) for stage in found)
    names = "".join(f"{name:>10}" for name in ("taken", *COLOURS))
    yield f"{'milliseconds':<{width}}{names}{'share':>8}  most time"
    for stage in found:
        bounds = stage.bounds(machine)
        cells = "".join(f"{1000 * each:>10.2f}" for each in (stage.seconds, *bounds.values()))
        share = (stage.seconds - bounds[REST]) / stage.seconds
        yield f"{stage.name:<{width}}{cells}{share:>8.0%}  {max(bounds, key=bounds.__getitem__)}"


def draw(machine: Machine, found: Sequence[Stage], file: Path) -> None:
    """Beside the parts of each stage's time, its operations a second below what the machine does at the best."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(9.2, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    parts, roof = figure.subplots(1, 2, width_ratios=(1.25, 1))
    for number, stage in enumerate(found):
        start = 0.0
        for bound, seconds in stage.bounds(machine).items():
            share = 100 * seconds / stage.seconds
            parts.barh(number, share, left=start, color=COLOURS[bound], label=None if number else bound, height=0.7)
            start += share
        place = stage.intensity, stage.flops / stage.seconds / 1e9
        roof.plot(*place, "o", color="white", mec="0.2", ms=12)
        roof.annotate(str(number + 1), place, ha="center", va="center", fontsize=8)
    names = [f"{stage.name}  {number}" for number, stage in enumerate(found, start=1)]
    parts.set(yticks=range(len(found)), yticklabels=names, xlim=(0, 100), xlabel="% of the time")
    parts.invert_yaxis()
    parts.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.3, 1.0), fontsize=8, handlelength=1.0)
    knee = machine.flops / machine.bandwidth
    least, most = (f(stage.intensity for stage in found) for f in (min, max))
    ends = min(least, knee) / 2, 2 * max(most, knee)
    roof.plot([ends[0], knee, ends[1]], [ends[0] * machine.bandwidth / 1e9, *[machine.flops / 1e9] * 2], color="0.35")
    roof.set(xscale="log", yscale="log", xlim=ends, xlabel="operations a byte, nothing cached", ylabel="GFLOP/s")
    for axis in (roof.xaxis, roof.yaxis):
        axis.set_major_locator(LogLocator(10, (1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    roof.grid(color="0.88", lw=0.6)
    for axes in (parts, roof):
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=150)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    repeats: Repeats = 5,
    quick: Quick = False,
    figure: Annotated[Path | None, typer.Option(help="Also draw it to this file, SVG, PDF or PNG.")] = None,
    json: Json = None,
) -> None:
    """Count what each stage does, time it, and compare it with what this machine does at the best."""
    torch.set_num_threads(1)
    repeats = 1 if quick else repeats
    machine = Machine.here(repeats)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(random_plm(Path(scratch) / "plm", TINY), Path(scratch), quick)
        found = list(stages(bench, repeats, quick))
    print("\n".join(table(machine, found)))
    if figure:
        draw(machine, found, figure)
    peaks = {"gflops": machine.flops / 1e9, "gigabytes_a_second": machine.bandwidth / 1e9, "launch": machine.launch}
    report = Report("roofline", {"width": TINY["d_model"], **peaks})
    for stage in found:
        bounds = {f"{bound}_ms": {"taken": 1000 * own} for bound, own in stage.bounds(machine).items()}
        gflops = {"taken": stage.flops / stage.seconds / 1e9}
        report.add(
            stage.name, {"taken": [stage.seconds]}, gflops=gflops, intensity={"taken": stage.intensity}, **bounds
        )
    report.finish(json, table=False)


if __name__ == "__main__":
    app()
