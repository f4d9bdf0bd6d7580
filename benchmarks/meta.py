"""An outer step of first-order MAML: this code against a loop that clones the model for each task.

    .venv/bin/python benchmarks/meta.py

README.md beside this file says what is compared.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from hugging_face import Built, build, collated
from measuring import in_turn, on_gpu, peak_of
from report import Json, Quick, Repeats, Report
from torch import Tensor
from torch.func import functional_call
from workload import BART_BASE, SEED, TINY, Named, Shape, Workload, random_plm

from priming.algorithms.inner_loops import Episode, InnerLoop, InnerLoops
from priming.algorithms.maml import query_gradient
from priming.backbones.attachment import attach
from priming.backbones.compute import Compute
from priming.backbones.encoding import collate
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.sections import Elements
from priming.forms.batches import TokenPair
from priming.runs.keys import generator
from priming.runs.parameters import StackedParameters

OURS, CLONES = "this code", "a clone a task"
INNER, RATE = "adapter", 0.05
NEAR = 1e-4
"""Of the norm of the outer gradient."""


@dataclass(frozen=True)
class Case:
    """What an outer step moves, the size of the PLM, tasks, inner steps, examples of a batch, tokens of the longest."""

    outer: tuple[str, ...]
    plm: dict[str, Any] = field(default_factory=lambda: TINY)
    tasks: int = 8
    inner: int = 5
    batch: int = 8
    source: int = 16
    target: int = 4

    def __str__(self) -> str:
        frozen = "" if "plm" in self.outer else ", PLM frozen"
        return f"outer {'+'.join(self.outer)}{frozen}, {self.batch} x {self.source}/{self.target} tokens"

    def picks(self) -> list[list[list[TokenPair]]]:
        """Of each task a support batch an inner step, and the query batch: random ids."""
        random, vocabulary = generator("meta"), self.plm["vocab_size"]

        def ids(longest: int) -> list[int]:
            found: list[int] = random.integers(
                20, vocabulary, size=int(random.integers(longest // 2, longest + 1))
            ).tolist()
            return found

        def batch() -> list[TokenPair]:
            return [(ids(self.source), ids(self.target)) for _ in range(self.batch)]

        return [[batch() for _ in range(self.inner + 1)] for _ in range(self.tasks)]


class Ours:
    """The inner loops side by side; `steps` outer steps are one measurement."""

    def __init__(self, model: TextModel, case: Case) -> None:
        picks = case.picks()
        batches = [collate([own[number] for own in picks], model.pad_id) for number in range(case.inner + 1)]
        episode = Episode(batches[:-1], batches[-1], range(case.tasks)).to(model.device)
        loops = InnerLoops(model, InnerLoop((INNER,), {INNER: RATE}), lambda _: episode)
        self.parameters = StackedParameters.repeated(model.owned_by(case.outer), 1, model.owner)
        self.loops = loops

    def gradient(self) -> Named:
        """The outer gradient by parameter name."""
        _, flat = query_gradient(self.loops, self.parameters, 0)
        return {block.name: block.gradient[0] for block in self.parameters.blocks(flat, shaped=True)}


class Clones:
    """As learn2learn does: for each task all parameters are cloned, and the clones of the inner element take its steps.

    Inner gradients count as constants, so the query loss's gradient in the clones is that in what was cloned.
    """

    def __init__(self, built: Built, first: Named, case: Case) -> None:
        self.plm, self.case = built.plm.eval(), case
        with torch.no_grad():
            for name, parameter in built.tuned.items():
                parameter.copy_(first[name])
        for name, parameter in self.plm.named_parameters():
            parameter.requires_grad_("plm" in case.outer or f"plm.{name}" in built.tuned)
        self.moving = {name.removeprefix("plm.") for name in built.tuned}
        self.batches = [[self._batch(picks) for picks in own] for own in case.picks()]

    def gradient(self) -> Named:
        """The outer gradient by parameter name."""
        self.plm.zero_grad()
        for *support, query in self.batches:
            clones = {name: parameter.clone() for name, parameter in self.plm.named_parameters()}
            for batch in support:
                moving = [clones[name] for name in self.moving]
                gradients = torch.autograd.grad(self._loss(clones, batch), moving)
                clones |= {
                    name: value - RATE * gradient
                    for name, value, gradient in zip(self.moving, moving, gradients, strict=True)
                }
            (self._loss(clones, query) / self.case.tasks).backward()
        return {f"plm.{name}": p.grad for name, p in self.plm.named_parameters() if p.grad is not None}

    def _loss(self, clones: Named, batch: dict[str, Tensor]) -> Tensor:
        loss: Tensor = functional_call(self.plm, clones, (), batch).loss
        return loss

    def _batch(self, picks: Sequence[TokenPair]) -> dict[str, Tensor]:
        rows = [{"input_ids": inputs, "labels": targets} for inputs, targets in picks]
        return {name: value.to(self.plm.device) for name, value in collated(rows, self.plm.config.pad_token_id).items()}


def apart(one: Named, other: Named) -> float:
    """The norm of the difference of gradients, over that of the second."""
    if one.keys() != other.keys():
        raise RuntimeError("the ways have gradients of different parameters")
    ours, theirs = (torch.cat([given[name].flatten() for name in sorted(one)]) for given in (one, other))
    return float((ours - theirs).norm() / theirs.norm())


def compare(case: Case, steps: int, repeats: int, scratch: Path, report: Report) -> None:
    """Let the ways take turns, and measure the memory of each."""
    folder = random_plm(scratch / "plm", case.plm)
    model = attach(load_plm(folder, dropout=0.0), (INNER,), Elements(), SEED, Compute()).requires_grad_(False).eval()
    built = build(Workload(folder, Shape(INNER, 1, 1, 1, 1, 1), scratch, Compute()))
    first = {name: value.clone() for name, value in model.owned_by((INNER,))}
    ways: dict[str, Callable[[], Named]] = {
        OURS: Ours(model, case).gradient,
        CLONES: Clones(built, first, case).gradient,
    }
    memory = {way: peak for way, work in ways.items() if (peak := peak_of(work)) is not None}

    def repeated(work: Callable[[], Named]) -> Callable[[], Named]:
        return lambda: [work() for _ in range(steps)][-1]

    seconds, found = in_turn({way: repeated(work) for way, work in ways.items()}, repeats)
    report.add(str(case), {way: [each / steps for each in own] for way, own in seconds.items()}, peak_mb=memory)
    report.differ(str(case), "outer gradients", apart(found[OURS], found[CLONES]), NEAR)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    tasks: Annotated[int, typer.Option(min=1, help="Tasks of an outer step.")] = 8,
    inner: Annotated[int, typer.Option(min=1, help="Inner steps.")] = 5,
    steps: Annotated[int, typer.Option(min=1, help="Outer steps in each repeat; the mean counts.")] = 5,
    repeats: Repeats = 5,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Compute the outer gradient in both ways, the PLM frozen and moved by the outer step; compare it, and memory."""
    torch.set_num_threads(1)
    if quick:
        tasks, inner, steps, repeats = 2, 2, 1, 1
    size = {"plm": BART_BASE, "source": 512, "target": 64} if on_gpu() else {}
    base = Case((INNER,), **{"tasks": tasks, "inner": inner, **size})
    report = Report(
        "meta", {"tasks": tasks, "inner_steps": inner, "outer_steps": steps, "width": base.plm["d_model"]}, OURS
    )
    with tempfile.TemporaryDirectory() as scratch:
        for case in (base, replace(base, outer=("plm", INNER))):
            compare(case, steps, repeats, Path(scratch), report)
    report.finish(json)


if __name__ == "__main__":
    app()
