"""Primings in progress, of one seed or of several side by side."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priming.algorithms.budget import Schedule
from priming.algorithms.interface import Algorithm, Upstream
from priming.algorithms.table import bound
from priming.backbones.compute import Compute
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.digests import of_json
from priming.elements.sections import Elements
from priming.forms.interface import Form
from priming.forms.training import training_of
from priming.runs.checkpoints import CheckpointDir, Checkpointer, Stateful
from priming.runs.keys import key, nested_seed
from priming.runs.loop import Course, Objective, Outcome, train
from priming.runs.loss_curve import LossCurve
from priming.runs.parameters import Named, StackedParameters
from priming.runs.schedules import SCHEDULES
from priming.runs.shards import Shard
from priming.strategies import Priming
from priming.study.plm import Plm
from priming.tasks.conventions import Conventions
from priming.training.record import Stopwatch
from priming.training.validation import CheckpointSelector, Validator

ALONE = Shard()


@dataclass(frozen=True)
class PrimingJob:
    """One priming: what to train, on which tasks, and the folders of its inputs."""

    study: str
    plm_name: str
    plm: Plm
    elements: Elements
    priming: Priming
    settings: Upstream
    seed: int
    plm_folder: Path
    source: Sequence[Path]
    validator: Validator | None = None
    development: Mapping[Path, Sequence[int]] = field(default_factory=dict)
    """With `keep: loss`, the development tasks, and the samples that are looked at."""
    described: Mapping[str, Any] | None = None
    compute: Compute = field(default_factory=Compute)
    place: CheckpointDir | None = None
    task_prefix: bool = False
    plm_seed: int | None = None
    named: str = ""
    tokens: Path | None = None
    """Where the tokens of source tasks are kept, if they are mapped."""

    @property
    def name(self) -> str:
        """The name of the priming in the study."""
        return self.named or str(self.priming)

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm with its settings."""
        return bound(self.priming.algorithm, self.settings, self.priming)

    @property
    def conventions(self) -> Conventions:
        """How examples are written."""
        return Conventions(self.task_prefix, self.settings.target_space)

    @property
    def random_seed(self) -> int:
        """The seed of its random numbers."""
        return nested_seed(self.seed, self.plm_seed)

    @property
    def run_key(self) -> int:
        """The key of all random numbers of its training."""
        return key("prime", self.random_seed, str(self.priming))


class PrimingRun:
    """A priming among those of a training: its budget, where it starts, its curve and the checkpoints that it keeps."""

    def __init__(self, job: PrimingJob, out: Path, budget: Schedule, start: Named) -> None:
        self.job, self.out, self.budget, self.start = job, out, budget, start
        self.curve = LossCurve(f"{job.name} seed {job.seed}", budget.steps)
        self.candidates: CheckpointSelector

    def begin(self, parameters: StackedParameters, place: int) -> None:
        """Its values are those of the run at a place among the parameters."""
        self.candidates = CheckpointSelector(self.job.settings, self.job.validator, parameters, place)

    def after_step(self, step: int, losses: Tensor) -> None:
        """Note a step and its loss [1]; none is noted after its last."""
        if step <= self.budget.steps:
            self.curve.after_step(step, losses)
            self.candidates.after_step(step, self.budget.steps)


class Training:
    """Primings of several seeds, or of one, in progress: what is trained, and all that changes from step to step."""

    def __init__(
        self,
        runs: Sequence[PrimingRun],
        model: TextModel,
        form: Form,
        sets: Sequence[TokenizedDataset],
        watch: Stopwatch,
        share: Shard,
    ) -> None:
        """The runs differ in their seeds alone; a single one starts as `model` is."""
        self.runs = sorted(runs, key=lambda run: -run.budget.steps)
        self.model, self.form, self.sets, self.watch, self.share = model, form, sets, watch, share
        starts = [run.start for run in self.runs]
        if len(runs) > 1:
            stacked = {name: torch.stack([start[name] for start in starts]) for name in starts[0]}
            self.parameters = StackedParameters(stacked, model.owner)
        else:
            self.parameters = StackedParameters.repeated(starts[0].items(), 1, model.owner)
            self.parameters.lend(model)
        self.optimizer = self.job.algorithm.update_rule(model.device, len(runs))
        for place, run in enumerate(self.runs):
            run.begin(self.parameters, place)

    @property
    def job(self) -> PrimingJob:
        """The first, which has the settings of all."""
        return self.runs[0].job

    def run(self) -> list[str | None]:
        """Train; returns of each run why it failed, or None if it did not."""
        settings, algorithm, outcome = self.job.settings, self.job.algorithm, Outcome()
        self.model.train(settings.dropout != 0)
        lengths = [run.budget.steps for run in self.runs]
        course = Course(
            max(lengths),
            settings.warmup,
            algorithm.clip,
            SCHEDULES[settings.schedule],
            lengths=lengths if len(set(lengths)) > 1 else (),
        )
        objective = self._objective(algorithm, lengths)
        keeper = self._keeper(algorithm, outcome)
        with keeper.saving() if keeper else nullcontext():
            train(self.parameters, objective, self.optimizer, course, self._after_step, keeper, outcome)
        return [outcome.failures.get(place) for place in range(len(self.runs))]

    def _objective(self, algorithm: Algorithm, lengths: Sequence[int]) -> Objective:
        form, keys = training_of(self.form), [run.job.run_key for run in self.runs]
        if len(keys) == 1:
            return algorithm.objective(self.model, form, self.sets, keys[0], self.share)
        return algorithm.side_by_side(self.model, form, self.sets, keys, lengths)

    def _after_step(self, step: int, losses: Tensor) -> None:
        for place, run in enumerate(self.runs):
            run.after_step(step, losses[place : place + 1])

    def _keeper(self, algorithm: Algorithm, outcome: Outcome) -> Checkpointer | None:
        place = self.job.place
        if place is None:
            return None
        parts: dict[str, Stateful] = {
            **algorithm.changing,
            "parameters": self.parameters,
            "optimizer": self.optimizer,
            "watch": self.watch,
        }
        if len(self.runs) == 1:
            parts |= {"candidates": self.runs[0].candidates, "curve": self.runs[0].curve}
        else:
            parts["outcome"] = outcome
            for number, run in enumerate(self.runs):
                parts |= {f"candidates {number}": run.candidates, f"curve {number}": run.curve}
            keys = [run.job.place.key for run in self.runs if run.job.place]
            place = CheckpointDir(place.folder, of_json(keys))
        return Checkpointer(place, parts, self.share.rank == 0, self.share.any)
