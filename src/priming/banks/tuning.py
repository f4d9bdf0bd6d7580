"""Training runs side by side on any module: `torch.func.vmap` over their parameters, one pass for all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from priming.banks.batches import collated, padding_of, row_places
from priming.banks.checks import check
from priming.banks.runs import Evaluation, Example, Run, Tuned
from priming.banks.settings import Settings
from priming.protocol.keeping.table import KEEPINGS
from priming.runs.dropout import CoordinateDropout, dropout_keys
from priming.runs.keys import key
from priming.runs.loop import Course, train
from priming.runs.parameters import Gradients, Named, StackedParameters
from priming.runs.schedules import SCHEDULES
from priming.runs.side_by_side import for_each_run
from priming.runs.substitution import Places
from priming.runs.update_rules.table import update_rule

Progress = Callable[[int, list[float]], None]
"""Called with the number of steps done and the losses of the runs of a bank."""
_TUNED = "tuned"
_UNSCORED = "its development loss or score was never a number"


def tune(model: nn.Module, runs: Sequence[Run], settings: Settings, progress: Progress | None = None) -> list[Tuned]:
    """Train each run from the model's values, or its own, and return what came of each, in their order.

    A run gives the same alone and beside others, but for rounding. Its parameters are those of the model that ask for
    gradients; the model itself stays as it was.

    Raises:
        ValueError: nothing to train, a run without examples, values that fit no parameter, examples that cannot be one
            batch, or a model that cannot run under `vmap` or whose layers drop out as a whole.
    """
    check(model, runs, settings)
    banks = [runs[first : first + settings.bank] for first in range(0, len(runs), settings.bank)]
    return [found for bank in banks for found in _Bank(model, bank, settings).tuned(progress)]


class _Bank:
    """Runs that are trained together."""

    def __init__(self, model: nn.Module, runs: Sequence[Run], settings: Settings) -> None:
        self.model, self.runs, self.settings = model, runs, settings
        self.padding, self.places = padding_of(model, settings.padding), Places(model)
        self.parameters = StackedParameters(_initial(model, runs), lambda _: _TUNED)
        self.device = next(iter(self.parameters.flat.values())).device
        self.keys = [key("run", run.seed) for run in runs]
        keep = settings.keep if all(run.dev for run in runs) else "last"
        self.selection = KEEPINGS[keep].selector(self.parameters, None)
        self.losses: list[list[float]] = [[] for _ in runs]
        self.evaluations: list[list[Evaluation]] = [[] for _ in runs]

    def tuned(self, progress: Progress | None) -> list[Tuned]:
        """Train them."""
        settings, every = self.settings, self.settings.evaluate_every or self.settings.steps

        def after_step(step: int, losses: Tensor) -> None:
            """Keep the losses [R] of a step, and evaluate the runs if they are due."""
            for own, loss in zip(self.losses, losses.tolist(), strict=True):
                own.append(loss)
            if step % every == 0 or step == settings.steps:
                self._evaluate(step)
            if progress:
                progress(step, losses.tolist())

        course = Course(settings.steps, settings.warmup, settings.clip, SCHEDULES[settings.schedule])
        rates = torch.tensor([run.rate for run in self.runs], dtype=torch.float64, device=self.device)
        rule = update_rule(settings.optimizer)({_TUNED: rates}, settings.weight_decay)
        with _mode(self.model, training=settings.dropout):
            self._evaluate(0)
            outcome = train(self.parameters, self._objective, rule, course, after_step)
        return [self._of(place, outcome.failures.get(place)) for place in range(len(self.runs))]

    def _of(self, place: int, failure: str | None) -> Tuned:
        choice = self.selection.choices[place]
        return Tuned(
            {name: value.detach() for name, value in self.selection.values(place).items()},
            self.losses[place],
            self.evaluations[place],
            choice.step or 0,
            failure or (_UNSCORED if choice.step is None else None),
        )

    def _objective(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """The loss of each run on its own batch [R], and the gradients."""
        places = [
            row_places(len(run.train), own, step, self.settings.batch_size)
            for run, own in zip(self.runs, self.keys, strict=True)
        ]
        rows = [[run.train[place] for place in own] for run, own in zip(self.runs, places, strict=True)]
        keys = dropout_keys(self.keys, step, self.device) if self.settings.dropout else None
        losses = self._passed(parameters.views, rows, self._loss, keys)
        return losses.detach(), parameters.gradients(losses)

    def _loss(self, answer: Any, batch: Mapping[str, Tensor]) -> Tensor:
        return self.settings.loss(answer, batch)

    def _loss_and_score(self, answer: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Loss and mean score [2], or the loss [1]."""
        score, loss = self.settings.score, self.settings.loss(answer, batch)
        return torch.stack([loss] if score is None else [loss, score(answer, batch).mean()])

    def _passed(
        self,
        values: Named,
        rows: Sequence[Sequence[Example]],
        judge: Callable[[Any, Mapping[str, Tensor]], Tensor],
        keys: Tensor | None = None,
    ) -> Tensor:
        """What `judge` makes of the model's answers [R x ...]; `rows` are the examples of each run."""
        batch = {name: tensor.to(self.device) for name, tensor in collated(rows, self.padding).items()}

        def one(own: Named, of_run: Mapping[str, Tensor]) -> Tensor:
            """That of one run, from its parameters and its batch."""
            with self.places.taken_by(own):
                return judge(self.model(**of_run), of_run)

        return for_each_run(one, len(rows), values, (batch,), keys, CoordinateDropout)

    @torch.no_grad()
    def _evaluate(self, step: int) -> None:
        """Loss and score of each run on its development set; runs with sets of equal size side by side."""
        ranks: list[float | None] = [float("nan")] * len(self.runs)
        with _mode(self.model, training=False):
            sizes = sorted((len(run.dev), place) for place, run in enumerate(self.runs))
            for size, group in groupby(sizes, lambda one: one[0]):
                places = [place for _, place in group]
                for place, found in zip(places, self._measured(places, size) if size else [], strict=False):
                    self.evaluations[place].append(Evaluation(step, *found))
                    ranks[place] = found[-1] if self.settings.score else -found[0]
        self.selection.note(step, ranks)

    def _measured(self, places: Sequence[int], size: int) -> list[list[float]]:
        """Loss, and score if there is one, of some runs: means over their examples."""
        values = self.parameters.named(self.parameters.flat, places)
        sums = torch.zeros((), dtype=torch.float64, device=self.device)
        for first in range(0, size, self.settings.evaluation_batch):
            rows = [self.runs[place].dev[first : first + self.settings.evaluation_batch] for place in places]
            sums = sums + self._passed(values, rows, self._loss_and_score).double() * len(rows[0])
        means: list[list[float]] = (sums / size).tolist()
        return means


def _initial(model: nn.Module, runs: Sequence[Run]) -> Named:
    """The first values of the tuned parameters [R x ...]."""
    own = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    return {name: torch.stack([run.start.get(name, value).to(value) for run in runs]) for name, value in own.items()}


@contextmanager
def _mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Within it, the model is in training mode, or not; afterwards each of its modules is as before."""
    before = {module: module.training for module in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before.items():
            module.training = mode
