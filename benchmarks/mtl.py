"""Multi-task learning of the whole PLM: this code against Hugging Face's Seq2SeqTrainer on the same batches.

    .venv/bin/python benchmarks/mtl.py

README.md beside this file says what is compared.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from hugging_face import NOTHING_ELSE, Built, InOrder, build, collated
from measuring import in_turn, on_gpu
from report import Json, Quick, Repeats, Report
from torch import Tensor
from transformers import PrinterCallback, Seq2SeqTrainer, Seq2SeqTrainingArguments
from workload import BART_BASE, SEED, TINY, Named, Shape, Workload, random_plm

from priming.backbones.attachment import attach
from priming.backbones.compute import Compute
from priming.backbones.device import device_of
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.sections import Elements
from priming.forms.batches import TokenPair
from priming.forms.side_by_side import SideBySide
from priming.runs.keys import generator
from priming.runs.loop import Course, train
from priming.runs.parameters import StackedParameters
from priming.runs.update_rules.adamw import AdamW

OURS, TRAINER = "this code", "Trainer"
RATE, DECAY, WARMUP, CLIP = 1e-3, 0.01, 0.1, 1.0
NEAR = 1e-3
"""Of the norm of the weights."""
EMBEDDED = {**TINY, "d_model": 96, "encoder_ffn_dim": 256, "decoder_ffn_dim": 256}
WIDE = {
    **TINY, "d_model": 256, "encoder_layers": 4, "decoder_layers": 4, "encoder_ffn_dim": 1024, "decoder_ffn_dim": 1024,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """The size of the PLM, examples of a step, tokens of the longest input and target, steps."""

    name: str
    plm: dict[str, Any]
    batch: int
    source: int
    target: int
    steps: int

    def __str__(self) -> str:
        return f"{self.name}, {self.batch} x {self.source}/{self.target} tokens, {self.steps} steps"


CASES = (Case("the embedded study's BART", EMBEDDED, 32, 20, 6, 60), Case("BART, width 256", WIDE, 32, 64, 16, 6))
ON_GPU = (Case("BART-base", BART_BASE, 32, 512, 64, 20),)
TINY_CASE = (Case("tiny", EMBEDDED, 4, 12, 4, 5),)


def batches(case: Case) -> list[list[TokenPair]]:
    """Of each step; random ids, inputs and targets of half their longest to their longest."""
    random, vocabulary, found = generator("mtl"), case.plm["vocab_size"], []
    for _ in range(case.steps):
        lengths = [
            (
                int(random.integers(case.source // 2, case.source + 1)),
                int(random.integers(case.target // 2, case.target + 1)),
            )
            for _ in range(case.batch)
        ]
        found.append([tuple(random.integers(20, vocabulary, size=size).tolist() for size in pair) for pair in lengths])
    return found


def by_this_code(model: TextModel, given: Sequence[list[TokenPair]]) -> Named:
    """The weights after the last step; those of the model stay as they are."""
    parameters = StackedParameters.repeated(model.owned_by(("plm",)), 1, model.owner)
    rates = torch.full((1,), RATE, dtype=torch.float64, device=device_of(Compute()))
    objective = SideBySide(model, lambda step: [given[step]], [SEED])
    train(parameters, objective, AdamW({"plm": rates}, DECAY), Course(len(given), WARMUP, CLIP), lambda *_: None)
    return {name: value[0].detach() for name, value in parameters.views.items()}


class Trainer(InOrder, Seq2SeqTrainer):  # type: ignore[misc]
    """In the given order of batches."""


def by_trainer(built: Built, first: Named, given: Sequence[list[TokenPair]], scratch: Path) -> Named:
    """The same, by a model that transformers alone has built, from the `first` weights."""
    with torch.no_grad():
        for name, parameter in built.tuned.items():
            parameter.copy_(first[name])
    trainer = Trainer(
        model=built.trained,
        args=Seq2SeqTrainingArguments(
            output_dir=str(scratch),
            max_steps=len(given),
            per_device_train_batch_size=len(given[0]),
            learning_rate=RATE,
            lr_scheduler_type="linear",
            warmup_steps=int(WARMUP * len(given)),
            weight_decay=DECAY,
            max_grad_norm=CLIP,
            use_cpu=not on_gpu(),
            **NOTHING_ELSE,
        ),
        data_collator=lambda rows: collated(rows, built.plm.config.pad_token_id),
        train_dataset=[{"input_ids": inputs, "labels": targets} for inputs, targets in chain.from_iterable(given)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return {name: value.detach().clone() for name, value in built.tuned.items()}


def apart(one: Named, other: Named) -> float:
    """The norm of the difference of weights, over that of the weights."""

    def flat(weights: Named) -> Tensor:
        return torch.cat([weights[name].flatten() for name in sorted(one) if "k_proj.bias" not in name])

    return float((flat(one) - flat(other)).norm() / flat(other).norm())


def compare(case: Case, repeats: int, scratch: Path, report: Report) -> None:
    """Let the ways take turns; loading the PLM does not count."""
    given, folder = batches(case), random_plm(scratch / case.name.replace(" ", "-"), case.plm)
    model = attach(load_plm(folder, dropout=0.0), ("plm",), Elements(), SEED, Compute()).requires_grad_(False).eval()
    built = build(Workload(folder, Shape("plm", 1, 1, 1, 1, 1), scratch, Compute()))
    first = {name: value.clone() for name, value in model.owned_by(("plm",))}
    ways = {OURS: lambda: by_this_code(model, given), TRAINER: lambda: by_trainer(built, first, given, scratch)}
    seconds, found = in_turn(ways, repeats)
    tokens = sum(len(inputs) + len(targets) for step in given for inputs, targets in step)
    report.add(str(case), seconds, tokens_per_second={way: tokens / median(each) for way, each in seconds.items()})
    report.differ(str(case), "weights", apart(found[OURS], found[TRAINER]), NEAR)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(repeats: Repeats = 3, quick: Quick = False, json: Json = None) -> None:
    """Train on the same batches in both ways; compare tokens a second and the weights."""
    torch.set_num_threads(1)
    cases = TINY_CASE if quick else ON_GPU if on_gpu() else CASES
    report = Report("mtl", {"rate": RATE, "warmup": WARMUP, "clip": CLIP}, OURS)
    with tempfile.TemporaryDirectory() as scratch:
        for case in cases:
            compare(case, 1 if quick else repeats, Path(scratch), report)
    report.finish(json)


if __name__ == "__main__":
    app()
