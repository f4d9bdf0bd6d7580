"""Time and GPU memory of single training steps, at the settings of studies/crossfit-random.yaml."""

import gc
import time
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from workload import SEED

from priming.algorithms.budget import step_cost
from priming.algorithms.inner_loops import Episode, InnerLoop, InnerLoops
from priming.algorithms.maml import Maml, query_gradient
from priming.algorithms.mtl import Mtl
from priming.algorithms.table import bound
from priming.backbones.attachment import attach
from priming.backbones.compute import Compute, Precision
from priming.backbones.device import device_of
from priming.backbones.encoding import collate
from priming.backbones.flops import Counter
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.adapter import Adapter
from priming.elements.prompt import Prompt
from priming.elements.sections import Elements
from priming.forms.batches import TokenPair
from priming.forms.loss import LossForm
from priming.forms.side_by_side import SideBySide
from priming.resources.sizes import plm_size
from priming.runs.keys import generator
from priming.runs.loop import Course, Objective, train
from priming.runs.parameters import StackedParameters
from priming.runs.update_rules.adamw import AdamW
from priming.strategies import Priming
from priming.study.plm import Plm

ELEMENTS = Elements(adapter=Adapter(bottleneck=64), prompt=Prompt(length=100))
FORM, CLIP = LossForm(0.1, "sum"), 0.1
GIGA = 1e9
HEAD = f"{'':<52}{'runs':>5}{'ms a step':>11}{'peak GB':>9}{'TFLOP/s':>9}{'as needs.py counts':>20}"


@dataclass(frozen=True)
class Load:
    """A training at the settings of studies/crossfit-random.yaml: `way` is sweep, mtl, maml or maml:first.

    `runs` counts the runs of a bank, or the tasks of a meta-batch, with support and query sets of `batch` examples.
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
    """The cost of a step: seconds, peak bytes on the GPU, operations per second as counted and as estimated."""

    seconds: float
    peak: int
    speed: float
    estimated: float

    def row(self, load: Load) -> str:
        """A line of the table."""
        rates = f"{self.speed / 1e12:>9.2f}{self.estimated / 1e12:>20.2f}"
        numbers = f"{1000 * self.seconds:>11.1f}{self.peak / GIGA:>9.2f}{rates}"
        return f"{load!s:<52}{load.runs:>5}{numbers}"


@dataclass(frozen=True)
class Bench:
    """Measurements of the PLM in `folder`; `quick` shrinks everything to a minute on a CPU."""

    folder: Path
    scratch: Path
    quick: bool

    @cached_property
    def device(self) -> torch.device:
        """The GPU, or the CPU if there is none."""
        return device_of(Compute())

    @property
    def peak(self) -> int:
        """Peak bytes of tensors on the GPU since `tidy`."""
        return torch.cuda.max_memory_allocated() if self.device.type == "cuda" else 0

    def measured(self, load: Load, steps: int = 3) -> Taken | None:
        """The cost of the fastest step after the first; None if memory runs out."""
        tidy()
        try:
            seconds = self._seconds(load, steps)
        except torch.OutOfMemoryError:
            return None
        peak = self.peak
        examples, cost = self._cost(load)
        size = plm_size(Plm(path=str(self.folder)), Path())
        estimate = (
            examples
            * (load.source + ELEMENTS.prompt.length + load.target)
            * 6
            * size.body
            * (2 if load.way == "maml" else 1)
        )
        return Taken(seconds, peak, cost / seconds, estimate / seconds)

    def _seconds(self, load: Load, steps: int) -> float:
        _, parameters, objective = self.training(load)
        rates = torch.full((parameters.runs,), 1e-5, dtype=torch.float64, device=self.device)
        times = [self.now()]
        train(
            parameters,
            objective,
            AdamW({load.element: rates}, 0.01),
            Course(steps, 0.0, CLIP),
            lambda *_: times.append(self.now()),
        )
        return min(b - a for a, b in pairwise(times[1:]))

    def now(self) -> float:
        """Wall time in seconds, once the GPU has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def training(self, load: Load) -> tuple[TextModel, StackedParameters, Objective]:
        """Model, parameters and objective; every input and output has full length."""
        model = built(self.folder, load.element)
        model.precision = load.precision
        model.plm.set_attn_implementation(load.attention)
        model.train(load.dropout)
        parameters = StackedParameters.repeated(
            model.owned_by((load.element,)), 1 if load.meta else load.runs, model.owner
        )
        picks = [self._picks(model, load, run) for run in range(load.runs)]
        if not load.meta:
            return model, parameters, SideBySide(model, lambda _: picks, range(load.runs), form=FORM)
        support, query = (
            collate(picks, model.pad_id),
            collate([self._picks(model, load, -1 - run) for run in range(load.runs)], model.pad_id),
        )
        episode = Episode([support], query, range(load.runs)).to(model.device)
        inner = InnerLoop((load.element,), {load.element: 3e-5}, second_order=load.way == "maml")
        return model, parameters, partial(query_gradient, InnerLoops(model, inner, lambda _: episode, FORM))

    def _picks(self, model: TextModel, load: Load, run: int) -> list[TokenPair]:
        random = generator("gpu", run)
        ids = random.integers(20, model.plm.config.vocab_size, size=(load.batch, load.source + load.target)).tolist()
        return [(row[: load.source], row[load.source :]) for row in ids]

    def _cost(self, load: Load) -> tuple[int, float]:
        """Examples and operations per step."""
        counter = Counter(built(self.folder, load.element))
        if load.meta:
            order: Any = "second" if load.way == "maml" else "first"
            settings = Maml(tasks=load.runs, support=load.batch, query=load.batch, order=order)
            algorithm = bound("maml", settings, Priming("maml", (load.element,), (load.element,), 1))
        else:
            algorithm = bound("mtl", Mtl(batch=load.runs * load.batch), Priming("mtl", (load.element,)))
        return algorithm.step.examples, step_cost(algorithm, counter, load.source, load.target)


def tidy() -> None:
    """Release unused GPU memory, and reset its peak."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


@lru_cache(1)
def built(folder: Path, element: str) -> TextModel:
    """The PLM with an element, on the device; only the most recent one is kept in memory."""
    model = attach(load_plm(folder), (element,), ELEMENTS, SEED, Compute())
    return model.requires_grad_(False)
