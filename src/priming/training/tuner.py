"""A model ready for tuning: the PLM with its elements, the primed values, and the protocol of a task's sweep."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from priming.backbones.attachment import attach
from priming.backbones.compute import Compute
from priming.backbones.encoding import TextTokenizer, TokenizedDataset
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.checked import checked
from priming.elements.sections import Elements
from priming.elements.table import ELEMENTS, in_place
from priming.errors import DataError, StudyError
from priming.forms.interface import Form
from priming.forms.rows import Example
from priming.forms.table import form_on
from priming.forms.training import AnsweringRuns, training_of
from priming.runs.keys import nested_seed
from priming.strategies import Strategy
from priming.study.plm import Plm
from priming.study.tuning import Scoring, Tuning
from priming.tasks.conventions import Conventions
from priming.tasks.prepared import PreparedTask, read_task
from priming.training.grid import Run, Sample, winner
from priming.training.known import Known
from priming.training.progress import LINES
from priming.training.record import load_into, primed_places
from priming.training.sweep import SavedSweep, Sweep
from priming.training.tokenization import text_tokenizer


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
    states: Path | None = None
    """Where states of a PLM that tuning leaves as it is are kept; without it they are computed for each sweep."""
    remembers: bool = True
    """Whether such states are computed once, and not in each step anew."""
    _held: list[Known] = field(default_factory=list, repr=False, compare=False)

    @property
    def random_seed(self) -> int:
        """The seed of its random numbers."""
        return nested_seed(self.seed, self.plm_seed)

    @cached_property
    def encoder(self) -> TextTokenizer:
        """The tokenizer, with the PLM's limits."""
        return text_tokenizer(self._loaded[1], self.plm, self.model.backbone, self.plm_folder.name)

    @cached_property
    def model(self) -> TextModel:
        """The PLM with elements, frozen; they are fresh, but for one that it brings."""
        return self._loaded[0]

    @cached_property
    def _loaded(self) -> tuple[TextModel, PreTrainedTokenizerBase]:
        loaded = load_plm(self.plm_folder, dropout=self.tuning.dropout, brings=self.plm.brings)
        elements = self.plm.elements_of(self.strategy)
        model = attach(loaded, elements, self.elements, self.random_seed, self.compute)
        model.requires_grad_(False)
        return model, loaded.tokenizer

    def load(self, checkpoint: Path) -> None:
        """Load the primed elements that this strategy uses; others are ignored."""
        for element in in_place(self.strategy.primed, self.model.backbone.passes):
            of_tasks, file = not ELEMENTS[element].carried, checkpoint / f"{element}.safetensors"
            if of_tasks and element in self.strategy.kept:
                ELEMENTS[element].reshape(self.model, load_file(checked(file)))
                self.model.places = primed_places(checkpoint)
            if not (of_tasks and element in self.strategy.tuned):
                load_into(self.model, file, element)

    def set_values(self, values: Mapping[str, Tensor]) -> None:
        """Set values by parameter name; parameters that the model lacks, or that start fresh, are ignored."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name in values and ELEMENTS[self.model.owner(name)].carried:
                    parameter.copy_(values[name])

    def form(self, tasks: Sequence[PreparedTask]) -> Form:
        """The form of these tasks on this model; raises StudyError if none suits the strategy and the decoder."""
        form = form_on(self.model.backbone.passes, [task.kind for task in tasks], self.plm_folder.name)
        form.refuse_lacking(self.strategy.elements, str(self.strategy), self.plm_folder.name)
        if self.scoring.decoder not in form.decoders:
            allowed = ", ".join(form.decoders)
            text = f"scoring.decoder is {self.scoring.decoder!r}, and PLM {self.plm_folder.name!r} answers by {allowed}"
            raise StudyError(f"{text}; set it to {allowed}")
        return form

    @cached_property
    def tuned(self) -> tuple[str, ...]:
        """The tuned elements; raises StudyError if the model has no place for any of those named."""
        if not self.strategy.tuned:
            return ()
        if tuned := in_place(self.strategy.tuned, self.model.backbone.passes):
            return tuned
        plm, named = self.plm_folder.name, "+".join(self.strategy.tuned)
        raise StudyError(f"{str(self.strategy)!r} tunes nothing of PLM {plm!r}, which has no place for {named}")

    def runs(self, form: Form) -> AnsweringRuns:
        """Inference with this model on tasks of a form."""
        return training_of(form).runs(self.model, self.encoder, self.scoring)

    @property
    def name(self) -> str:
        """Its name in the log."""
        return f"{self.strategy} seed {self.seed}"

    def sweeps(
        self,
        tasks: Sequence[PreparedTask],
        samples: Sequence[int],
        lines: int = LINES,
        kept: SavedSweep | None = None,
    ) -> list[list[Run]]:
        """The runs of the sweep of each task and sample, tasks outermost; all are trained side by side.

        If the strategy tunes nothing, there is one run each of the model as it is. The log has about `lines` lines per
        bank. With `kept` a sweep that was stopped resumes from its saved state.
        """
        form = self.form(tasks)
        self.fit(tasks)
        self.know(form, tasks, samples)
        data = [self._sample(form, task, number) for task in tasks for number in samples]
        runs = self.runs(form)
        sweep = Sweep(
            self.model, training_of(form), self.tuned, self.tuning, self.scoring, runs, self.name, lines, kept
        )
        with self.looking_up():
            found = (sweep.run if self.tuned else sweep.score)(data, self.random_seed)
        points = len(found) // len(data)
        return [found[i : i + points] for i in range(0, len(found), points)]

    def development_scores(self, folders: Sequence[Path], samples: Sequence[int]) -> list[float]:
        """The best development score for each task prepared at `folders` and each sample; 0 if every run failed."""
        sweeps = self.sweeps([read_task(folder) for folder in folders], samples, lines=1)
        return [0.0 if (best := winner(runs)) is None else runs[best].best_dev or 0.0 for runs in sweeps]

    def fit(self, tasks: Sequence[PreparedTask]) -> None:
        """Resize the tuned elements to suit these tasks side by side.

        Raises DataError if a kept element was primed for tasks with other labels.
        """
        if places := self.model.places:
            for task in tasks:
                if task.labels not in places:
                    text = f"task {task.name} has other labels than the source tasks ({', '.join(task.labels or ())})"
                    kept = "+".join(element for element in self.strategy.kept if not ELEMENTS[element].carried)
                    raise DataError(f"{text}: no primed {kept} fits it; tune one, as in '... -> adapter+{kept}'")
        for element in self.tuned:
            ELEMENTS[element].fit(self.model, [max(len(task.labels or ()) for task in tasks)], self.random_seed)

    def _sample(self, form: Form, task: PreparedTask, number: int) -> Sample:
        train, dev, _ = task.sample(number)
        of_train, of_dev = self.encoded(form, task, train), self.encoded(form, task, dev)
        if self.known:
            of_train, of_dev = self.known.data(of_train), self.known.data(of_dev)
        return Sample(task.name, number, of_train, of_dev, [e.targets for e in dev], task.labels, task.metric)

    @property
    def stands_on_top(self) -> bool:
        """Whether everything tuned stands on the PLM's last layer, so that the PLM's states stay as they are."""
        return bool(self.tuned) and set(self.tuned) <= self.model.on_top

    def know(self, form: Form, tasks: Sequence[PreparedTask], samples: Sequence[int]) -> None:
        """Compute, or find, the states of all rows of these tasks, if they stay as they are."""
        self._held.clear()
        if not (self.stands_on_top and self.remembers and self.model.prompt is None):
            return
        rows = (
            row
            for task in tasks
            for number in samples
            for part in task.sample(number)
            for row in self.inputs(form, task.name, part)
        )
        known = Known(self.model, training_of(form), rows, self.states)
        self._held.append(known)
        how = f"{'found' if known.found else 'computed'}, {known.size / 1e6:.0f} MB; the PLM's dropout is off"
        print(f"{self.name}: states of {known.rows} rows {how}", flush=True)

    @property
    def known(self) -> Known | None:
        """The states of the rows of the tasks that were tuned last, if they stay as they are."""
        return self._held[0] if self._held else None

    def looking_up(self) -> AbstractContextManager[None]:
        """Within it the model takes rows of `asked`."""
        return self.model.knowing(self.known.states if self.known else None)

    def asked(self, form: Form, task: str, examples: Sequence[Example]) -> Sequence[Sequence[int]]:
        """The inputs of examples as the model takes them when it answers."""
        inputs = self.inputs(form, task, examples)
        return self.known.inputs(inputs) if self.known else inputs

    def encoded(self, form: Form, task: PreparedTask, examples: Sequence[Example]) -> TokenizedDataset:
        """Examples of a task as token ids."""
        written = self._written(task.name, examples)
        return training_of(form).encoded(self.encoder, written, task.labels, self.model.place(task.labels))

    def inputs(self, form: Form, task: str, examples: Sequence[Example]) -> Sequence[Sequence[int]]:
        """The inputs of examples as token ids."""
        return training_of(form).inputs(self.encoder, self._written(task, examples))

    def _written(self, task: str, examples: Sequence[Example]) -> list[Example]:
        return Conventions(self.task_prefix).examples(task, examples)
