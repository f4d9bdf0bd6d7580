"""Single steps of training, at the settings of studies/crossfit-random.yaml: what they take of time and of a GPU's memory."""

import gc
import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from workload import SEED

from priming.models.device import device_of
from priming.models.elements import attach, parameters_of
from priming.models.encoding import batches_of
from priming.models.flops import Counter
from priming.models.loss import LossForm
from priming.models.plm import load_plm
from priming.models.sizes import plm_size
from priming.models.text_model import TextModel
from priming.strategies import Priming
from priming.study.compute import Compute, Precision
from priming.study.plm import Adapter, Elements, Plm, Prompt
from priming.study.priming import Maml, Mtl
from priming.training.batches import Pick
from priming.training.budget import step_cost
from priming.training.keys import generator
from priming.training.loop import Objective, Schedule, train
from priming.training.meta import Episode, InnerLoop
from priming.training.meta import Maml as MamlObjective
from priming.training.optimizer import AdamW
from priming.training.parameters import StackedParameters
from priming.training.side_by_side import SideBySide

ELEMENTS = Elements(adapter=Adapter(bottleneck=64), prompt=Prompt(length=100))
FORM, CLIP = LossForm(0.1, "sum"), 0.1
GIGA = 1e9
HEAD = f"{'':<52}{'runs':>5}{'ms a step':>11}{'peak GB':>9}{'TFLOP/s':>9}{'as needs.py counts':>20}"


@dataclass(frozen=True)
class Load:
    """A training at the settings of studies/crossfit-random.yaml: `way` is sweep, mtl, maml or maml:first.

    `runs` is the runs of a bank, or the tasks of a meta-batch with a support and a query set of `batch` examples each.
    """

    way: str
    element: str
    runs: int
    batch: int
    source: int
    target: int
    precision: Precision = "float32"
    dropout: bool = True
    attention: str = "eager"

    def __str__(self) -> str:
        more = ("" if self.dropout else " no dropout") + ("" if self.attention == "eager" else f" {self.attention}")
        return f"{self.way} {self.element} {self.batch} x {self.source}/{self.target} {self.precision}{more}"

    @property
    def meta(self) -> bool:
        """Whether there is an inner loop."""
        return self.way.startswith("maml")


@dataclass(frozen=True)
class Taken:
    """What a step took: seconds, bytes of the GPU at the peak, operations a second by the project's counts and as needs.py estimates them."""

    seconds: float
    peak: int
    speed: float
    estimated: float

    def row(self, load: Load) -> str:
        """A line of the table."""
        numbers = f"{1000 * self.seconds:>11.1f}{self.peak / GIGA:>9.2f}{self.speed / 1e12:>9.2f}{self.estimated / 1e12:>20.2f}"
        return f"{load!s:<52}{load.runs:>5}{numbers}"


@dataclass(frozen=True)
class Bench:
    """The PLM in `folder`; `quick` shrinks everything to what a CPU does in a minute."""

    folder: Path
    scratch: Path
    quick: bool

    @cached_property
    def device(self) -> torch.device:
        """The GPU, or the CPU where there is none."""
        return device_of(Compute())

    @property
    def peak(self) -> int:
        """Bytes of the GPU that tensors took at the most since `tidy`."""
        return torch.cuda.max_memory_allocated() if self.device.type == "cuda" else 0

    def measured(self, load: Load, steps: int = 3) -> Taken | None:
        """What the best of the steps after the first takes; None where the memory is not enough."""
        tidy()
        try:
            seconds = self._seconds(load, steps)
        except torch.OutOfMemoryError:
            return None
        peak = self.peak
        examples, cost = self._cost(load)
        size = plm_size(Plm(path=str(self.folder)), Path())
        estimate = examples * (load.source + ELEMENTS.prompt.length + load.target) * 6 * size.body * (2 if load.way == "maml" else 1)
        return Taken(seconds, peak, cost / seconds, estimate / seconds)

    def _seconds(self, load: Load, steps: int) -> float:
        _, parameters, objective = self.training(load)
        rates = torch.full((parameters.runs,), 1e-5, dtype=torch.float64, device=self.device)
        times = [self.now()]
        train(parameters, objective, AdamW({load.element: rates}, 0.01), Schedule(steps, 0.0, CLIP), lambda *_: times.append(self.now()))
        return min(b - a for a, b in pairwise(times[1:]))

    def now(self) -> float:
        """Seconds of the clock, when the GPU has done all its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def training(self, load: Load) -> tuple[TextModel, StackedParameters, Objective]:
        """What is trained, and the objective; every input and output has the full length."""
        model = built(self.folder, load.element)
        model.precision = load.precision
        model.plm.set_attn_implementation(load.attention)
        model.train(load.dropout)
        parameters = StackedParameters.repeated(parameters_of(model, load.element), 1 if load.meta else load.runs)
        picks = [self._picks(model, load, run) for run in range(load.runs)]
        if not load.meta:
            return model, parameters, SideBySide(model, lambda _: picks, range(load.runs), form=FORM)
        support, query = batches_of(picks, model.pad_id), batches_of([self._picks(model, load, -1 - run) for run in range(load.runs)], model.pad_id)
        episode = Episode([support], query, range(load.runs)).to(model.device)
        inner = InnerLoop((load.element,), {load.element: 3e-5}, second_order=load.way == "maml")
        return model, parameters, MamlObjective(model, inner, lambda _: episode, FORM)

    def _picks(self, model: TextModel, load: Load, run: int) -> list[Pick]:
        random = generator("gpu", run)
        ids = random.integers(20, model.plm.config.vocab_size, size=(load.batch, load.source + load.target)).tolist()
        return [(row[: load.source], row[load.source :]) for row in ids]

    def _cost(self, load: Load) -> tuple[int, float]:
        """Examples of a step, and its operations."""
        counter = Counter(built(self.folder, load.element))
        if load.meta:
            order: Any = "second" if load.way == "maml" else "first"
            settings = Maml(tasks=load.runs, support=load.batch, query=load.batch, order=order)
            return step_cost(Priming("maml", (load.element,), (load.element,), 1), settings, counter, load.source, load.target)
        return step_cost(Priming("mtl", (load.element,)), Mtl(batch=load.runs * load.batch), counter, load.source, load.target)


def tidy() -> None:
    """Give back the GPU's memory that is not in use, and forget its peak."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


@lru_cache(1)
def built(folder: Path, element: str) -> TextModel:
    """The PLM with an element, on the device; only the last one is held."""
    model = attach(load_plm(folder), (element,), ELEMENTS, SEED, Compute())
    return model.requires_grad_(False)
