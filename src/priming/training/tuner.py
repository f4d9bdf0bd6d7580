"""A model ready for tuning: PLM, elements in place, the values that priming left, and the protocol of a task's sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from priming.evaluation.prediction import Predictor
from priming.models.elements import attach
from priming.models.encoding import Encoded, Encoder
from priming.models.plm import load_plm
from priming.models.text_model import TextModel
from priming.strategies import Strategy
from priming.study.compute import Compute
from priming.study.plm import Elements, Plm
from priming.study.tuning import Scoring, Tuning
from priming.tasks.prepared import PreparedTask, read_task
from priming.tasks.task import Example
from priming.tasks.text_form import TextForm
from priming.training.keys import nested_seed
from priming.training.record import load_into
from priming.training.sweep import Run, Sample, Sweep, winner


@dataclass(frozen=True)
class Tuner:
    """Tunes the elements of one strategy from one PLM with one seed."""

    plm: Plm
    plm_folder: Path
    elements: Elements
    strategy: Strategy
    tuning: Tuning
    scoring: Scoring
    seed: int
    compute: Compute = field(default_factory=Compute)
    task_prefix: bool = False
    plm_seed: int | None = None

    @property
    def random_seed(self) -> int:
        """What its random numbers are made from."""
        return nested_seed(self.seed, self.plm_seed)

    @cached_property
    def encoder(self) -> Encoder:
        """From text to token ids."""
        return Encoder(self._loaded[1], self.plm.max_input, self.plm.max_output)

    @cached_property
    def model(self) -> TextModel:
        """The PLM with fresh elements, frozen."""
        return self._loaded[0]

    @cached_property
    def _loaded(self) -> tuple[TextModel, PreTrainedTokenizerBase]:
        loaded = load_plm(self.plm_folder, dropout=self.tuning.dropout)
        model = attach(loaded, self.strategy.elements, self.elements, self.random_seed, self.compute)
        model.requires_grad_(False)
        return model, loaded.tokenizer

    def load(self, checkpoint: Path) -> None:
        """Put in place the elements of a priming that this strategy uses; the others are dropped."""
        for element in self.strategy.priming.outer if self.strategy.priming else ():
            if element in self.strategy.elements:
                load_into(self.model, checkpoint / f"{element}.safetensors", element)

    def set_values(self, values: Mapping[str, Tensor]) -> None:
        """Put these values in place, by parameter name; names that the model does not have are dropped."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name in values:
                    parameter.copy_(values[name])

    @property
    def predictor(self) -> Predictor:
        """What decodes with this model."""
        scoring = self.scoring
        return Predictor(self.model, self.encoder, scoring.length_normalised, scoring.generator, scoring.beam)

    def sweeps(self, tasks: Sequence[PreparedTask], samples: Sequence[int]) -> list[list[Run]]:
        """The runs of the sweep of each task and sample, tasks outermost; all of them are trained side by side."""
        data = [self._sample(task, number) for task in tasks for number in samples]
        runs = Sweep(self.model, self.strategy.tuned, self.tuning, self.scoring, self.predictor).run(data, self.random_seed)
        points = len(runs) // len(data)
        return [runs[i : i + points] for i in range(0, len(runs), points)]

    def development_scores(self, folders: Sequence[Path], samples: Sequence[int]) -> list[float]:
        """The best development score for each task prepared at `folders` and each sample; 0 where every run failed."""
        sweeps = self.sweeps([read_task(folder) for folder in folders], samples)
        return [0.0 if (best := winner(runs)) is None else runs[best].best_dev or 0.0 for runs in sweeps]

    def _sample(self, task: PreparedTask, number: int) -> Sample:
        train, dev, _ = task.sample(number)
        of_train, of_dev = self.encoded(task.name, train), self.encoded(task.name, dev)
        return Sample(task.name, number, of_train, of_dev, [e.targets for e in dev], task.labels, task.metric)

    def encoded(self, task: str, examples: Sequence[Example]) -> Encoded:
        """Examples of a task as token ids."""
        return self.encoder.examples(TextForm(self.task_prefix).pairs(task, examples))

    def inputs(self, task: str, examples: Sequence[Example]) -> list[list[int]]:
        """Their inputs alone."""
        return self.encoder.inputs([TextForm(self.task_prefix).input(task, example) for example in examples])
