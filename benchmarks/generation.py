"""Beam search of runs side by side: this code against `generate` of transformers, a run at a time.

    .venv/bin/python benchmarks/generation.py

README.md beside this file says what is compared.
"""

import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Annotated

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from embedded import embedded_study, prepare, write_plm
from hugging_face import build
from measuring import in_turn
from report import Json, Quick, Repeats, Report
from transformers import BartForConditionalGeneration
from workload import SEED, Shape, Workload

from priming.backbones.attachment import attach
from priming.backbones.compute import Compute
from priming.backbones.encoding import TextTokenizer, pad
from priming.backbones.loading import load_plm
from priming.forms.decoders import BEAM
from priming.forms.prediction import Predictor
from priming.study import Study

OURS, GENERATE = "this code", "generate"
ELEMENT, BEAMS = "adapter", 4
ENDING, SPREAD = 3.0, 6.0
"""Added to the logit of the end token, and a factor on the weights of the decoder's layers.

Without them a PLM of random weights repeats the token that it starts from.
"""
NEAR = 0.01
"""Of the outputs: of two sums that nearly tie, rounding may choose another."""


def write_ending_plm(study: Study, texts: Sequence[str], folder: Path) -> None:
    """The embedded study's PLM, with random weights; its outputs end after a few tokens or many."""
    write_plm(study, texts, folder)
    plm = BartForConditionalGeneration.from_pretrained(folder)
    with torch.no_grad():
        for parameter in plm.model.decoder.layers.parameters():
            parameter.mul_(SPREAD)
    plm.final_logits_bias[0, plm.config.eos_token_id] = ENDING
    plm.save_pretrained(folder)


class Answering:
    """Rows of source tasks of the embedded study, a task a run, and both ways of answering them."""

    def __init__(self, runs: int, rows: int, scratch: Path) -> None:
        study, folder = embedded_study(), scratch / "plm"
        tasks = prepare(study, "source", study.tasks.source[:runs], scratch / "tasks")
        texts = [[example.input for example in task.pool()] for task in tasks]
        write_ending_plm(study, [text for own in texts for text in own], folder)
        loaded, self.runs = load_plm(folder, dropout=0.0), runs
        self.tokenizer, self.model = loaded.tokenizer, attach(loaded, (ELEMENT,), study.elements, SEED, Compute())
        self.model.requires_grad_(False).eval()
        self.built = build(Workload(folder, Shape(ELEMENT, 1, 1, 1, 1, 1), scratch, Compute(), study.elements))
        self.built.trained.eval()
        random = torch.Generator().manual_seed(SEED)
        self.values = {
            name: value + 0.1 * torch.randn((runs, *value.shape), generator=random).to(value.device)
            for name, value in self.model.owned_by((ELEMENT,))
        }
        encoder = TextTokenizer(self.tokenizer, study.plms["small"].max_input, 1)
        self.inputs = [encoder.inputs(own[:rows]) for own in texts]

    def side_by_side(self, longest: int) -> list[list[str]]:
        """The outputs of each run, by this code."""
        encoder = TextTokenizer(self.tokenizer, len(max(self.inputs[0], key=len)), longest)
        predictor = Predictor(self.model, encoder, generator=BEAM, beam=BEAMS)
        found = predictor.predict(self.values, self.inputs, [None] * self.runs, [BEAM])
        return [own[BEAM] for own in found]

    def generated(self, longest: int) -> list[list[str]]:
        """The same by transformers and `adapters` alone: all rows of a run at a time."""
        return [self._generated(run, longest) for run in range(self.runs)]

    def _generated(self, run: int, longest: int) -> list[str]:
        plm, pad_id = self.built.plm, self.built.plm.config.pad_token_id
        with torch.no_grad():
            for name, parameter in self.built.tuned.items():
                parameter.copy_(self.values[name][run])
        ids = pad(self.inputs[run], pad_id).to(plm.device)
        settings = {"num_beams": BEAMS, "early_stopping": False, "length_penalty": 1.0, "do_sample": False}
        outputs = plm.generate(input_ids=ids, attention_mask=(ids != pad_id).long(), max_length=longest + 1, **settings)
        texts = self.tokenizer.batch_decode(outputs, skip_special_tokens=True, clean_up_tokenization_spaces=True)
        return [text.strip() for text in texts]


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    runs: Annotated[int, typer.Option(min=1, max=39, help="Runs.")] = 8,
    rows: Annotated[int, typer.Option(min=1, max=2000, help="Rows of each run.")] = 16,
    longest: Annotated[
        list[int] | None,
        typer.Option(
            min=1, max=90, help="Tokens of the longest output; repeatable. [default: 16, 32]", show_default=False
        ),
    ] = None,
    repeats: Repeats = 3,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Answer rows of the embedded study's source tasks by a beam search of four, in both ways; compare the outputs."""
    torch.set_num_threads(1)
    if quick:
        runs, rows, repeats, longest = 2, 4, 1, [8]
    report = Report("generation", {"runs": runs, "rows": rows, "beams": BEAMS}, OURS)
    with tempfile.TemporaryDirectory() as scratch:
        answering = Answering(runs, rows, Path(scratch))
        for most in longest or [16, 32]:
            ways = {
                OURS: partial(answering.side_by_side, most),
                GENERATE: partial(answering.generated, most),
            }
            seconds, found = in_turn(ways, repeats)
            case = f"{runs} runs x {rows} rows, {BEAMS} beams, at most {most} tokens"
            pairs = [pair for both in zip(*found.values(), strict=True) for pair in zip(*both, strict=True)]
            report.add(case, seconds)
            report.differ(case, "outputs, as a share,", mean(own != theirs for own, theirs in pairs), NEAR)
    report.finish(json)


if __name__ == "__main__":
    app()
