"""Evaluation of a sweep by ranking: this code, that of an earlier commit, and CrossFit's way by the libraries alone.

    .venv/bin/python benchmarks/evaluation.py

README.md beside this file says what is compared.
"""

import io
import json as text
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import typer
from embedded import embedded_study, prepare, write_plm
from evaluation_worker import EVALUATIONS, steps
from hugging_face import Built, build
from measuring import timed
from report import PROJECT, Json, Quick, Repeats, Report
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from workload import Shape, Workload

from priming.backbones.compute import Compute
from priming.backbones.encoding import IGNORE_INDEX, pad
from priming.errors import UserError
from priming.forms.text_training import TRAINING
from priming.strategies import Strategy
from priming.study import Study
from priming.study.tuning import Scoring, Tuning
from priming.training.tuner import Tuner

OURS, CROSSFIT = "this code", "CrossFit's way"
BEFORE = "51e1bf5"
LINEAR = ("adapter",)
"""Elements that commits as early as that computed otherwise: the activation of adapters did not run."""
NEAR = 1e-5
"""Of the largest score: what float32 leaves."""
ROWS = 32
"""Rows that CrossFit's way takes at once."""


@dataclass(frozen=True)
class Given:
    """What all ways evaluate; `folder` holds the PLM, the values of the runs, and `rows` as JSON.

    `rows` has of each run its rows for development and test and its labels; and the winners, a run of each sample.
    """

    folder: Path
    tuner: Tuner
    rows: Mapping[str, Any]

    @property
    def runs(self) -> int:
        """R."""
        return len(self.rows["labels"])

    def values(self) -> list[dict[str, Tensor]]:
        """The values of the runs [R x ...] at each evaluation."""
        first, last = (load_file(self.folder / f"{which}.safetensors") for which in ("first", "last"))
        return steps(first, last)


def write(study: Study, element: str, names: Sequence[str], points: int, folder: Path) -> Given:
    """Target tasks of the embedded study on its samples; a sweep's runs whose elements move from the same values."""
    tasks = prepare(study, "target", names, folder / "tasks")
    samples = [(task.labels, *task.sample(number)) for task in tasks for number in study.tasks.samples]
    plm = write_plm(study, [example.input for _, train, *_ in samples for example in train], folder / "plm")
    strategy, sizes = Strategy.parse(f"none -> {element}"), study.elements
    tuner = Tuner(plm, folder / "plm", sizes, strategy, Tuning(dropout=0.0), Scoring(), 1, Compute())
    rows: dict[str, Any] = {"dev": [], "test": [], "labels": []}
    for labels, _, dev, test in (sample for sample in samples for _ in range(points)):
        rows["dev"].append(TRAINING.inputs(tuner.encoder, dev))
        rows["test"].append(TRAINING.inputs(tuner.encoder, test))
        rows["labels"].append(labels)
    runs = len(samples) * points
    rows |= {"winners": list(range(0, runs, points)), "element": element, "plm": plm.model_dump(exclude_defaults=True)}
    rows["elements"] = {element: getattr(sizes, element).model_dump(exclude_defaults=True)}
    (folder / "given.json").write_text(text.dumps(rows), encoding="utf-8")
    first = {
        name: value.detach().cpu().expand(runs, *value.shape).contiguous()
        for name, value in tuner.model.owned_by((element,))
    }
    random = torch.Generator().manual_seed(1)
    save_file(first, folder / "first.safetensors")
    moved = {name: value + 0.1 * torch.randn(value.shape, generator=random) for name, value in first.items()}
    save_file(moved, folder / "last.safetensors")
    return Given(folder, tuner, rows)


class Library:
    """CrossFit's way, by transformers and `adapters` alone: each run on its development set and on the test set.

    A run at a time, batches of 32 rows padded to the longest input and output that a study allows, a pass of the whole
    model for each label.
    """

    def __init__(self, given: Given) -> None:
        rows, tuner = given.rows, given.tuner
        shape = Shape(rows["element"], ROWS, tuner.plm.max_input, 1, 1, 1)
        self.built: Built = build(Workload(tuner.plm_folder, shape, given.folder, Compute(), tuner.elements))
        self.built.trained.eval()
        self.given, self.values = given, given.values()
        names = [list(own) for own in rows["labels"]]
        self.targets = [self._padded(tuner.encoder.targets(own), tuner.plm.max_output, IGNORE_INDEX) for own in names]

    def evaluate(self) -> list[list[list[float]]]:
        """All evaluations; the last scores of the development sets, then those of the winners' tests."""
        rows, dev, test = self.given.rows, [], []
        for values in self.values:
            dev = [self._scores(values, run, own) for run, own in enumerate(rows["dev"])]
        for run, own in enumerate(rows["test"]):
            test.append(self._scores(self.values[-1], run, own))
        return dev + [test[run] for run in rows["winners"]]

    @torch.no_grad()
    def _scores(self, values: Mapping[str, Tensor], run: int, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        for name, parameter in self.built.tuned.items():
            parameter.copy_(values[name][run])
        found, pad_id = [], self.built.plm.config.pad_token_id
        for start in range(0, len(rows), ROWS):
            ids = self._padded(rows[start : start + ROWS], self.given.tuner.plm.max_input, pad_id)
            mask = (ids != pad_id).long()
            found += torch.stack([self._label(ids, mask, target) for target in self.targets[run]], dim=1).tolist()
        return found

    def _label(self, ids: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        """The log-probability of one label for each row [B]."""
        labels = target.repeat(len(ids), 1)
        logits = self.built.trained(input_ids=ids, attention_mask=mask, labels=labels).logits.float()
        return -cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORE_INDEX, reduction="none").sum(dim=1)

    def _padded(self, rows: Sequence[Sequence[int]], length: int, value: int) -> Tensor:
        found = pad(rows, value)
        longer = torch.nn.functional.pad(found, (0, length - found.shape[1]), value=value)
        return longer.to(self.built.plm.device)


class Worker:
    """The package in `source`, in a process of its own."""

    def __init__(self, source: Path, folder: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("evaluation_worker.py")), str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(source)}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def ask(self, request: str) -> dict[str, Any]:
        """What it answers."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{request}\n")
        self.process.stdin.flush()
        if not (line := self.process.stdout.readline()):
            raise SystemExit(f"error: evaluation_worker.py ended with status {self.process.wait()}")
        found: dict[str, Any] = text.loads(line)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def source_of_commit(commit: str, folder: Path) -> Path:
    """The package at a commit, unpacked; exits if there is no such commit here."""
    found = subprocess.run(["git", "-C", str(PROJECT), "archive", commit, "src"], capture_output=True, check=False)
    if found.returncode:
        raise SystemExit(f"error: git knows no commit {commit!r} here; give one with --against, or --against none")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


def compare(given: Given, against: Path | None, commit: str, repeats: int, report: Report) -> None:
    """Let the ways take turns, and add times and differences to the report."""
    element = given.rows["element"]
    case, library = f"{element}, {given.runs} runs", Library(given)
    sources = {OURS: PROJECT / "src"} | ({commit: against} if against else {})
    times: dict[str, list[float]] = {OURS: [], **({commit: []} if against else {}), CROSSFIT: []}
    with ExitStack() as stack:
        workers = {way: stack.enter_context(Worker(source, given.folder)) for way, source in sources.items()}
        for _ in range(repeats):
            for way, worker in workers.items():
                times[way].append(worker.ask("evaluate")["seconds"])
            seconds, scores = timed(library.evaluate)
            times[CROSSFIT].append(seconds)
        answered = {way: worker.ask("scores") for way, worker in workers.items()}
    report.add(case, times)
    ours = answered.pop(OURS)
    scored = {way: each["scores"] for way, each in answered.items()} | {CROSSFIT: scores}
    for way, found in scored.items():
        report.differ(case, f"scores of {way}", apart(ours["scores"], found), NEAR)
    for way, each in answered.items():
        report.differ(case, f"clear answers of {way}", float(contrary(ours, each["answers"])), 0.0)


def apart(one: Sequence[Any], other: Sequence[Any]) -> float:
    """The largest difference of scores, over the largest score."""
    ours, theirs = (torch.tensor([score for run in found for row in run for score in row]) for found in (one, other))
    return float((ours - theirs).abs().max() / theirs.abs().max())


def contrary(ours: Mapping[str, Any], answers: Sequence[Sequence[str]]) -> int:
    """How many rows are answered otherwise, whose best label leads by more than rounding."""
    number = 0
    for scores, own, theirs in zip(ours["scores"], ours["answers"], answers, strict=True):
        best, second = torch.tensor(scores).topk(2, dim=1).values.T
        clear = best - second > 2 * NEAR * best.abs().max()
        number += sum(a != b and is_clear for a, b, is_clear in zip(own, theirs, clear.tolist(), strict=True))
    return number


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    element: Annotated[
        list[str] | None, typer.Option(help="Element; repeatable. [default: prompt, adapter]", show_default=False)
    ] = None,
    tasks: Annotated[int, typer.Option(min=1, max=17, help="Target tasks of the embedded study.")] = 5,
    points: Annotated[int, typer.Option(min=1, help="Points of the grid.")] = 2,
    against: Annotated[str, typer.Option(help="An earlier commit, or none.")] = BEFORE,
    repeats: Repeats = 3,
    quick: Quick = False,
    json: Json = None,
) -> None:
    """Evaluate the same runs in each way, six times on development sets and once on test sets; compare the scores."""
    torch.set_num_threads(1)
    if quick:
        tasks, points, repeats = 2, 1, 1
    study = embedded_study()
    names = study.tasks.target[:tasks]
    sizes = {"tasks": tasks, "samples": len(study.tasks.samples), "points": points, "evaluations": EVALUATIONS}
    report = Report("evaluation", sizes, OURS)
    for each in element or ["prompt", "adapter"]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            earlier = None if against == "none" or each in LINEAR else source_of_commit(against, folder / "earlier")
            compare(write(study, each, names, points, folder), earlier, against, repeats, report)
    report.finish(json)


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
