"""Ranking rows with choices of their own: the encoder once a row, against once a pair of input and choice.

    .venv/bin/python benchmarks/choices.py

README.md beside this file says what is compared.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from report import Json, Quick, Report
from torch.nn.functional import cross_entropy
from transformers import T5ForConditionalGeneration

from priming.backbones.attachment import attach
from priming.backbones.encoding import IGNORE_INDEX, pad
from priming.backbones.loading import load_plm
from priming.backbones.pretraining import fresh_plm
from priming.backbones.sections import Architecture, Generated, Pretraining
from priming.elements.sections import Elements
from priming.forms.choices_training import EPSILON, Asked, Chooser
from priming.runs.keys import generator

MIX = {2: 0.2, 3: 0.45, 4: 0.35}
"""Choices of a row, and their share of P3's rows for evaluation, rounded: 3.1 on average."""
TOGETHER = 32
NEAR = 1e-5


@dataclass(frozen=True)
class Took:
    """CPU seconds, tokens that the encoder read without and with padding, and the score of each choice of each row."""

    seconds: float
    tokens: int
    padded: int
    scores: list[list[float]]


def rows_of(number: int, vocabulary: int) -> list[Asked]:
    """Inputs of 20 to 200 random tokens, and choices of 1 to 12."""
    random, found = generator("choices"), []
    for _ in range(number):
        choices = [
            (*random.integers(3, vocabulary, size=int(random.integers(1, 12))).tolist(), 1)
            for _ in range(int(random.choice(list(MIX), p=list(MIX.values()))))
        ]
        ids = random.integers(3, vocabulary, size=int(random.integers(20, 200))).tolist()
        found.append(Asked(ids, [str(place) for place in range(len(choices))], choices))
    return found


def counted(encoder: torch.nn.Module, score: Callable[[], list[list[float]]]) -> Took:
    """What scoring takes; the encoder's masks tell what it reads."""
    read = [0, 0]

    def note(_: torch.nn.Module, __: object, given: dict[str, torch.Tensor]) -> None:
        mask = given["attention_mask"]
        read[0] += int(mask.sum())
        read[1] += mask.numel()

    hook = encoder.register_forward_pre_hook(note, with_kwargs=True)
    start = time.process_time()
    scores = score()
    seconds = time.process_time() - start
    hook.remove()
    return Took(seconds, *read, scores)


@torch.no_grad()
def pairs(plm: T5ForConditionalGeneration, rows: Sequence[Asked]) -> list[list[float]]:
    """By transformers alone, as Wu et al. (2022): batches of pairs, rows in their order, inputs repeated a choice."""
    flat = [(row, ids) for row in rows for ids in row.choices]
    found: list[float] = []
    for start in range(0, len(flat), TOGETHER):
        some = flat[start : start + TOGETHER]
        ids, labels = pad([row for row, _ in some], 0), pad([choice for _, choice in some], IGNORE_INDEX)
        lengths = torch.tensor([len(row) for row, _ in some])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        logits = plm(input_ids=ids, attention_mask=mask, labels=labels).logits
        losses = cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORE_INDEX, reduction="none").sum(dim=1)
        found += [-loss / (len(choice) + EPSILON) for loss, (_, choice) in zip(losses.tolist(), some, strict=True)]
    ready = iter(found)
    return [[next(ready) for _ in row.choices] for row in rows]


def compare(asked: Sequence[Asked], once: Took, each: Took, size: Mapping[str, int]) -> Report:
    """Print what both ways took, and how far their scores are apart."""
    choices = sum(len(row.choices) for row in asked)
    print(f"{len(asked)} rows, {choices / len(asked):.2f} choices each; T5 of {size['layers']}")
    print(f"{'':<24}{'encoder tokens':>16}{'with padding':>14}{'CPU s':>8}")
    for what, took in (("once a row", once), ("once a pair", each)):
        print(f"{what:<24}{took.tokens:>16,}{took.padded:>14,}{took.seconds:>8.1f}")
    ratios = each.tokens / once.tokens, each.padded / once.padded, each.seconds / once.seconds
    print(f"{'times less':<24}{ratios[0]:>16.2f}{ratios[1]:>14.2f}{ratios[2]:>8.2f}")
    worst = max(abs(a - b) / abs(b) for one, other in zip(once.scores, each.scores, strict=True)
                for a, b in zip(one, other, strict=True))  # fmt: skip
    print(f"scores differ by {worst:.1e} at the most: {'THE RESULTS DIFFER' if worst > NEAR else 'the results agree'}")
    report = Report(
        "choices",
        {"rows": len(asked), "choices": choices, **size},
        on_gpu=False,
    )
    ways = {"once a row": once, "once a pair": each}
    padded = {way: float(took.padded) for way, took in ways.items()}
    report.add("scoring", {way: [took.seconds] for way, took in ways.items()}, encoder_tokens=padded)
    report.differ("scoring", "scores", worst, NEAR)
    return report


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    rows: Annotated[int, typer.Option(help="Rows to score.", min=1)] = 600,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Score all choices of rows with P3's mix of numbers of choices, by the mean log-probability of their tokens."""
    torch.set_num_threads(1)
    size = {"d_model": 32, "layers": 1, "ffn": 64, "heads": 2} if quick else {"d_model": 256, "layers": 4, "ffn": 1024}
    asked = rows_of(40 if quick else rows, 1000)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shape = Architecture(family="t5", vocabulary=1000, **size)
        made = fresh_plm(Generated(architecture=shape, pretraining=Pretraining()), ["a text"] * 10)
        made.model.resize_token_embeddings(1000)
        made.model.save_pretrained(folder)
        made.tokenizer.save_pretrained(folder)
        model = attach(load_plm(folder, dropout=0.0), (), Elements(), 0).requires_grad_(False).eval()
        plain = T5ForConditionalGeneration.from_pretrained(folder).eval()
        stacked = {name: value.detach()[None] for name, value in model.owned_by(("plm",))}
        once = counted(
            model.plm.encoder, lambda: Chooser(model).answer(stacked, [asked], [None], ["ranking"])[0].scores
        )
        each = counted(plain.encoder, lambda: pairs(plain, asked))
    compare(asked, once, each, {"width": shape.d_model, "layers": shape.layers}).finish(json, table=False)


if __name__ == "__main__":
    app()
