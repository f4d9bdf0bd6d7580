"""Ranking many labels three ways: on a tree of their prefixes, with states repeated a label, and a pair at a time.

    .venv/bin/python benchmarks/ranking.py

A sweep of five runs on a generated task of the size of banking77: time, memory, and whether scores and answers agree.
See README.md beside this file.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

os.environ["OMP_NUM_THREADS"] = "1"

import adapters
import torch
import typer
from adapters import DoubleSeqBnConfig
from report import Json, Quick, Report
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BartConfig, BartForConditionalGeneration

from priming.backbones.encoding import IGNORE_INDEX, TokenizedDataset, pad, shift_right
from priming.backbones.tokenizer import SPECIAL, train_tokenizer
from priming.elements.adapter import Adapter
from priming.elements.sections import Elements
from priming.forms.answers import Answers
from priming.forms.decoding import encode
from priming.forms.methods import apply
from priming.forms.prediction import Predictor
from priming.forms.rows_of_runs import chunks, padded
from priming.forms.text_training import TRAINING
from priming.runs.keys import generator
from priming.strategies import Strategy
from priming.study.plm import Plm
from priming.study.tuning import Grid, Scoring, Tuning
from priming.training.grid import Sample, winner
from priming.training.sweep import Sweep
from priming.training.tuner import Tuner

TREE, REPEATED, PAIRS = "on a tree", "repeated states", "a pair at a time"
VOCABULARY, STEPS, SEED, BOTTLENECK = 1500, 10, 1, 16
EMBEDDED = {
    "vocab_size": VOCABULARY, "d_model": 96, "max_position_embeddings": 96, "init_std": 0.06, "dropout": 0.0,
    "encoder_layers": 2, "encoder_ffn_dim": 256, "encoder_attention_heads": 4,
    "decoder_layers": 2, "decoder_ffn_dim": 256, "decoder_attention_heads": 4,
}  # fmt: skip
"""The PLM of the embedded study, with random weights."""
NEAR = 1e-5


@dataclass(frozen=True)
class Size:
    """Labels, rows of the development and the test set, runs of the sweep, rows that are scored a pair at a time."""

    labels: int
    dev: int
    test: int
    runs: int
    sample: int

    @property
    def ranked(self) -> int:
        """Rows ranked: by all runs before the first step and after the last, by the winner again, and its test rows."""
        return 2 * self.runs * self.dev + self.dev + self.test


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock and of CPU for all rows, and the most memory of the process in MB."""

    clock: float
    cpu: float
    memory: float


def words(number: int) -> list[str]:
    """Different words of two or three syllables."""
    random, found = generator("ranking", "words"), {}
    while len(found) < number:
        syllables = [
            "bdfgklmnprst"[i] + "aeiou"[j] for i, j in zip(*random.integers((12, 5), size=(3, 2)).T, strict=True)
        ]
        found["".join(syllables[: random.integers(2, 4)])] = None
    return list(found)


def labels(number: int) -> tuple[str, ...]:
    """Labels of two to five words, as `failed card payment`; a few first words begin them all."""
    random, known, found = generator("ranking", "labels"), words(85), {}
    while len(found) < number:
        rest = random.choice(known[25:], size=int(random.choice([1, 2, 2, 3, 4])), replace=False)
        found[" ".join([known[int(random.integers(25))], *rest])] = None
    return tuple(found)


def write_plm(folder: Path) -> None:
    """A random BART, and a tokenizer to which each word is a token."""
    tokenizer = train_tokenizer([" ".join(words(85))] * 3, VOCABULARY)
    torch.manual_seed(0)
    ids = {name: SPECIAL.index(token) for name, token in (("bos", "<s>"), ("pad", "<pad>"), ("eos", "</s>"))}
    config = BartConfig(
        **EMBEDDED,
        **{f"{name}_token_id": number for name, number in ids.items()},
        decoder_start_token_id=ids["eos"],
        forced_eos_token_id=None,
    )
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def rows(number: int, end: int, *name: str) -> tuple[tuple[int, ...], ...]:
    """Inputs of 8 to 31 random tokens."""
    random = generator("ranking", *name)
    return tuple(
        (*random.integers(10, VOCABULARY, size=int(random.integers(7, 31))).tolist(), end) for _ in range(number)
    )


class Repeated(Predictor):
    """The states of each row are repeated for each label, and labels padded to the longest, as was done here once."""

    def answer(
        self, stacked: Mapping[str, Tensor], inputs: Any, labels: Any, decoders: Any, after_rows: Any = None
    ) -> list[Answers]:
        self.model.eval()
        targets = [self.encoder.targets(own) for own in labels]
        longest = max(len(ids) for own in targets for ids in own)
        size = (1 << 28) // (len(targets[0]) * longest * VOCABULARY)
        scores: list[list[list[float]]] = [[] for _ in inputs]
        for chunk in chunks(inputs, max(1, min(self.at_once, size) // len(inputs))):
            found = self._scores(stacked, *encode(self.model, stacked, *padded(self.model, chunk)), targets)
            for own, more in zip(scores, found.tolist(), strict=True):
                own.extend(more)
        return [
            Answers({"ranking": [names[row.index(max(row))] for row in own[: len(given)]]}, own[: len(given)])
            for names, own, given in zip(labels, scores, inputs, strict=True)
        ]

    @torch.no_grad()
    def _scores(self, stacked: Mapping[str, Tensor], states: Tensor, mask: Tensor, labels: Any) -> Tensor:
        runs, size, count = *states.shape[:2], len(labels[0])
        targets = pad([ids for own in labels for ids in own], IGNORE_INDEX).view(runs, 1, count, -1)
        ids = shift_right(targets, self.model.start_id, self.model.pad_id).expand(runs, size, count, -1).flatten(1, 2)
        repeated = states.repeat_interleave(count, 1), mask.repeat_interleave(count, 1)
        logits = apply(self.model, "decode", stacked, *repeated, ids).view(runs, size, count, -1, VOCABULARY)
        picked = logits.gather(-1, targets.clamp(min=0).expand(logits.shape[:-1])[..., None])[..., 0]
        return ((picked - logits.logsumexp(dim=-1)) * (targets != IGNORE_INDEX)).sum(dim=-1)


def tuner_of(folder: Path, runs: int) -> Tuner:
    """The tuner of a sweep over so many rates."""
    rates = [1e-3 * 2**number for number in range(runs)]
    schedule = {"steps": STEPS, "evaluate_every": STEPS, "batch_sizes": [16]}
    tuning = Tuning(**schedule, learning_rates=Grid(adapter=rates), dropout=0.0, bank=runs, ties="first")
    plm = Plm(path=str(folder), max_input=32, max_output=8)
    elements = Elements(adapter=Adapter(bottleneck=BOTTLENECK))
    return Tuner(plm, folder, elements, Strategy.parse("none -> adapter"), tuning, Scoring(), SEED)


def sweep(folder: Path, size: Size, kind: type[Predictor], out: Path) -> None:
    """Tune and answer; write what it took, the scores of the test rows [B x L], and the winner's adapter."""
    torch.set_num_threads(1)
    tuner, names = tuner_of(folder, size.runs), labels(size.labels)
    targets = tuner.encoder.targets(names)
    assert all(3 <= len(ids) <= 6 for ids in targets), "a label is not of two to five tokens"
    end = tuner.model.end_id
    train = TokenizedDataset(rows(size.labels, end, "train"), tuple((tuple(ids),) for ids in targets))
    dev_targets = tuple((tuple(targets[row % len(names)]),) for row in range(size.dev))
    dev = TokenizedDataset(rows(size.dev, end, "dev"), dev_targets)
    references = [(names[row % len(names)],) for row in range(size.dev)]
    sample = Sample("benchmark", 0, train, dev, references, names)
    predictor = kind(tuner.model, tuner.encoder)
    test = rows(size.test, end, "test")
    start = time.perf_counter(), time.process_time()
    runs = Sweep(tuner.model, TRAINING, ("adapter",), tuner.tuning, tuner.scoring, predictor, lines=0).run(
        [sample], SEED
    )
    best = runs[winner(runs) or 0].best
    stacked = {name: value[None] for name, value in best.items()}
    predictor.answer(stacked, [dev.inputs], [names], ["ranking"])
    [found] = predictor.answer(stacked, [test], [names], ["ranking"])
    cost = torch.tensor([time.perf_counter() - start[0], time.process_time() - start[1], peak()], dtype=torch.float64)
    kept = {f"adapter/{name}": value.contiguous() for name, value in best.items()}
    save_file({"scores": torch.tensor(found.scores), "cost": cost, **kept}, out)


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pairs(folder: Path, size: Size, tuned: Path, out: Path) -> None:
    """The library's model with the adapter of the winner, on an input and a label at a time: some test rows."""
    torch.set_num_threads(1)
    tuner = tuner_of(folder, size.runs)
    model: Any = BartForConditionalGeneration.from_pretrained(folder, attn_implementation="eager")
    adapters.init(model)
    model.add_adapter(
        "adapter", DoubleSeqBnConfig(reduction_factor=EMBEDDED["d_model"] / BOTTLENECK, non_linearity="relu")
    )
    model.set_active_adapters("adapter")
    values = {n.removeprefix("adapter/plm."): v for n, v in load_file(tuned).items() if n.startswith("adapter/")}
    wrong = model.load_state_dict(values, strict=False)
    assert not wrong.unexpected_keys, wrong.unexpected_keys
    model.eval()
    targets = [torch.tensor([ids]) for ids in tuner.encoder.targets(labels(size.labels))]
    inputs = rows(size.test, tuner.model.end_id, "test")[: size.sample]
    start = time.perf_counter(), time.process_time()
    scores = torch.tensor([[_score(model, row, target) for target in targets] for row in inputs])
    times = size.ranked / len(inputs)
    spent = time.perf_counter() - start[0], time.process_time() - start[1]
    cost = torch.tensor([spent[0] * times, spent[1] * times, peak()], dtype=torch.float64)
    save_file({"scores": scores, "cost": cost}, out)


@torch.no_grad()
def _score(model: Any, row: Sequence[int], target: Tensor) -> float:
    logits = model(input_ids=torch.tensor([row]), labels=target, use_cache=False).logits[0]
    return -cross_entropy(logits, target[0], reduction="sum").item()


def alone(work: Callable[..., None], *given: Any) -> None:
    """Do work in a process of its own, so that its memory is."""
    process = get_context("spawn").Process(target=work, args=given)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    count: Annotated[int, typer.Option("--labels", min=2, help="Labels of the task.")] = 77,
    dev: Annotated[int, typer.Option(min=1, help="Rows of the development set.")] = 616,
    test: Annotated[int, typer.Option(min=1, help="Rows of the test set.")] = 3080,
    runs: Annotated[int, typer.Option(min=1, help="Runs of the sweep.")] = 5,
    sample: Annotated[int, typer.Option(min=1, help="Test rows that are scored a pair at a time.")] = 20,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Run the same sweep three ways, compare scores, answers, times and memory."""
    size = Size(count, dev, test, runs, min(sample, test))
    if quick:
        size = replace(size, labels=9, dev=10, test=20, runs=2, sample=3)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "plm"
        out = {way: Path(scratch) / f"{way}.safetensors" for way in (TREE, REPEATED, PAIRS)}
        write_plm(folder)
        alone(sweep, folder, size, Predictor, out[TREE])
        alone(sweep, folder, size, Repeated, out[REPEATED])
        alone(pairs, folder, size, out[TREE], out[PAIRS])
        found = {way: load_file(path) for way, path in out.items()}
    print("\n".join(report(size, found)), flush=True)
    recorded(size, found).finish(json, table=False)


def recorded(size: Size, found: Mapping[str, Mapping[str, Tensor]]) -> Report:
    """For the file: what was timed, without what was extrapolated from it."""
    costs = {way: Cost(*values["cost"].tolist()) for way, values in found.items()}
    whole, part = f"{size.ranked} rows", f"{size.sample} rows"
    file = Report("ranking", vars(size), on_gpu=False)
    file.add(
        whole,
        {way: [costs[way].cpu] for way in (TREE, REPEATED)},
        peak_mb={way: cost.memory for way, cost in costs.items()},
    )
    file.add(part, {PAIRS: [costs[PAIRS].cpu * size.sample / size.ranked]}, peak_mb={PAIRS: costs[PAIRS].memory})
    for way, (worst, _, _) in differences(found).items():
        file.differ(part, f"scores of {way}", worst, NEAR * found[way]["scores"].abs().max().item())
    file.differ(whole, "answers that lead clearly", 0.0 if agree(found) else 1.0, 0.0)
    return file


def differences(found: Mapping[str, Mapping[str, Tensor]]) -> dict[str, tuple[float, int, int]]:
    """Against each other way: the largest difference of a score, and how many rows are answered alike, of how many.

    The repeated states are those of a sweep of its own, whose weights may differ by rounding.
    """
    result = {}
    for way in (REPEATED, PAIRS):
        theirs = found[way]["scores"]
        ours = found[TREE]["scores"][: len(theirs)]
        same = int((ours.argmax(dim=1) == theirs.argmax(dim=1)).sum())
        result[way] = ((ours - theirs).abs().max().item(), same, len(theirs))
    return result


def agree(found: Mapping[str, Mapping[str, Tensor]]) -> bool:
    """Whether scores are equal but for rounding, and answers where the best two labels are further apart."""
    for way, (worst, _, number) in differences(found).items():
        first, second = found[way]["scores"].topk(2, dim=1).values.T
        ours = found[TREE]["scores"][:number].argmax(dim=1)
        clear = first - second > 2 * worst
        scale = found[way]["scores"].abs().max().item()
        if worst > NEAR * scale or not torch.equal(ours[clear], found[way]["scores"].argmax(dim=1)[clear]):
            return False
    return True


def report(size: Size, found: Mapping[str, Mapping[str, Tensor]]) -> Iterator[str]:
    """The table, ratios, and differences."""
    costs = {way: Cost(*values["cost"].tolist()) for way, values in found.items()}
    yield f"{size.labels} labels, {size.dev} + {size.test} rows, {size.runs} runs: {size.ranked:,} rows are ranked"
    yield f"{'':<20}{'seconds':>12}{'CPU seconds':>14}{'peak MB':>10}{'CPU / tree':>12}"
    for way, cost in costs.items():
        ratio = cost.cpu / costs[TREE].cpu
        yield f"{way:<20}{cost.clock:>12.1f}{cost.cpu:>14.1f}{cost.memory:>10.0f}{ratio:>12.1f}"
    yield f"{PAIRS}: timed on {size.sample} rows, the rest extrapolated"
    for way, (worst, same, number) in differences(found).items():
        yield f"{way} against {TREE}: scores differ by {worst:.1e} at the most, {same} of {number} answers are the same"
    yield "the results agree" if agree(found) else "THE RESULTS DIFFER"


if __name__ == "__main__":
    app()
