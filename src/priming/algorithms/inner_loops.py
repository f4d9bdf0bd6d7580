"""The inner loops of a meta-batch: runs side by side over the shared PLM; M stands for the tasks of a meta-batch.

With several seeds it is that of all seeds: the tasks of the first, then those of the second, and so on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from priming.algorithms.carried import Carried
from priming.backbones.encoding import Batch
from priming.backbones.text_model import TextModel
from priming.forms.loss import MEAN, run_losses
from priming.forms.methods import call
from priming.forms.training import Loss
from priming.runs.dropout import CoordinateDropout, dropout_keys
from priming.runs.parameters import Named, StackedParameters


@dataclass(frozen=True)
class Episode:
    """A meta-batch: a support batch an inner step and one query batch, each [M x B x ...], and a dropout key a task."""

    support: Sequence[Batch]
    query: Batch
    run_keys: Sequence[int]
    tasks: Sequence[int] = ()
    """The numbers of the tasks among the source tasks."""

    def to(self, device: torch.device) -> "Episode":
        """The same meta-batch on `device`."""
        there = {id(batch): batch.to(device) for batch in self.support}
        support = [there[id(batch)] for batch in self.support]
        return Episode(support, self.query.to(device), self.run_keys, self.tasks)

    def only(self, rows: slice) -> "Episode":
        """The part of these tasks."""
        parts = {id(batch): batch.of_runs(rows) for batch in self.support}
        support = [parts[id(batch)] for batch in self.support]
        return Episode(support, self.query.of_runs(rows), self.run_keys[rows], self.tasks[rows])


@dataclass(frozen=True)
class InnerLoop:
    """SGD on the inner elements: rates by element; whether second derivatives flow; whether to normalise gradients."""

    elements: tuple[str, ...]
    rates: Mapping[str, float]
    second_order: bool = False
    normalised: bool = False


Episodes = Callable[[int], Episode]


class InnerLoops:
    """SGD from the outer values for each task of a meta-batch."""

    def __init__(self, model: TextModel, inner: InnerLoop, episodes: Episodes, form: Loss = MEAN) -> None:
        """The loss of a task has the same `form` in inner steps and on query sets."""
        self.model, self.inner, self.episodes, self.form = model, inner, episodes, form
        self.fixed = dict(model.owned_by(inner.elements))
        self.carried: Carried | None = None
        self.first = True
        """Whether these are the first tasks of a meta-batch."""
        self.seeds = 1
        """Seeds side by side. With several, outer values are [seeds x ...], and what tasks share is [M x ...]."""

    def rate(self, name: str) -> float:
        """The inner rate of the parameter of this name."""
        return self.inner.rates[self.model.owner(name)]

    def outer(self, parameters: StackedParameters) -> Named:
        """The outer values of the runs that are not done, the first so many: [...] of one, [seeds x ...] of several."""
        views = parameters.views
        return {name: view[0] if self.seeds == 1 else view[: self.seeds] for name, view in views.items()}

    def adapt(self, outer: Named, episode: Episode, step: int) -> tuple[Named, Named, Tensor]:
        """Run the inner loops from `outer`.

        Returns the moved parameters [M x ...] and the shared rest [...] by name, and the mean loss of the last inner
        step [seeds].
        """
        moved, shared = self._starts(outer, episode)
        losses = torch.zeros(len(episode.run_keys), device=self.model.device)
        support, states = self._looked_up(episode, shared)
        with self.model.knowing(states):
            for i, batch in enumerate(support):
                moved, losses = self._inner_step(moved, shared, batch, episode, f"{step}.{i}")
        if self.carried:
            self.carried.moved(episode.tasks, moved, self.first)
        return moved, shared, self.mean(losses.detach())

    def mean(self, losses: Tensor) -> Tensor:
        """The mean over the tasks of each seed [seeds] of losses [M]."""
        return losses.view(self.seeds, -1).mean(dim=1)

    def full_ways(self, outer: Named, episode: Episode, step: int) -> tuple[Tensor, Named]:
        """The mean query loss [1], and where outer values [1 x ...] are minus where tasks end on average.

        Each task takes its inner steps, and then one step of all outer elements on its query set. The mean of that step
        needs only the mean of the tasks' gradients, so the PLM is not stacked for it.
        """
        moved, shared, _ = self.adapt(outer, episode, step)
        moved = {n: v.detach().requires_grad_() for n, v in moved.items()}
        shared = {n: v.detach().requires_grad_() for n, v in shared.items()}
        losses = self.losses(moved, shared, episode.query, episode, f"{step}.query")
        names = [*(n for n in moved if n in outer), *shared]
        gradients = torch.autograd.grad(losses.sum(), [{**shared, **moved}[n] for n in names], allow_unused=True)
        ways = {
            n: _way(outer[n], moved.get(n), g, losses.shape[0], self.rate(n))
            for n, g in zip(names, gradients, strict=True)
        }
        return losses.detach().mean()[None], ways

    def _starts(self, outer: Named, episode: Episode) -> tuple[Named, Named]:
        """Where the inner loops begin [M x ...], and the shared rest [...]."""
        tasks = len(episode.run_keys)
        if self.seeds > 1:
            return self._starts_of_seeds(outer, tasks)
        start = {name: outer.get(name, parameter.detach()) for name, parameter in self.fixed.items()}
        moved = {name: value.expand(tasks, *value.shape) for name, value in start.items()}
        moved |= self.carried.starts(episode.tasks) if self.carried else {}
        return moved, {name: value for name, value in outer.items() if name not in moved}

    def _starts_of_seeds(self, outer: Named, tasks: int) -> tuple[Named, Named]:
        """As `_starts`, of outer values [seeds x ...]; the rest is repeated for each task."""
        repeated = {name: value.repeat_interleave(tasks // self.seeds, dim=0) for name, value in outer.items()}
        moved = {n: repeated.get(n, p.detach().expand(tasks, *p.shape)) for n, p in self.fixed.items()}
        return moved, {name: value for name, value in repeated.items() if name not in moved}

    def _looked_up(self, episode: Episode, shared: Named) -> tuple[Sequence[Batch], Tensor | None]:
        """The support batches, where one pass serves all inner steps, as rows of its states; and these [N x D].

        So it is where inner steps see one support set, move what stands on top of the PLM alone, and are not
        differentiated, and no dropout acts in the PLM.
        """
        if (
            self.seeds > 1
            or len(episode.support) < 2
            or any(batch is not episode.support[0] for batch in episode.support)
            or not set(self.inner.elements) <= self.model.on_top
            or self.inner.second_order
            or self.model.drops
            or self.model.prompt is not None
        ):
            return episode.support, None
        first = episode.support[0]
        with torch.no_grad():
            ids, mask = (each.flatten(0, 1) for each in (first.input_ids, first.mask))
            states = call(self.model, "below", shared, ids, mask)[0]
        numbers = torch.arange(states.shape[:2].numel(), device=states.device).view(first.input_ids.shape)
        return [replace(first, input_ids=numbers)] * len(episode.support), states.flatten(0, 1)

    def losses(self, moved: Named, shared: Named, batch: Batch, episode: Episode, name: str) -> Tensor:
        """The loss of each task [M]; with nothing moved, that of the shared parameters."""
        device = batch.input_ids.device
        keys = dropout_keys(episode.run_keys, name, device) if self.model.training else None
        if self.seeds > 1:
            moved, shared = {**shared, **moved}, {}
        return run_losses(self.model, moved, batch, shared, keys, CoordinateDropout, self.form)

    def _inner_step(
        self, moved: Named, shared: Named, batch: Batch, episode: Episode, name: str
    ) -> tuple[Named, Tensor]:
        second = self.inner.second_order
        here = {
            n: value if second and value.requires_grad else value.detach().requires_grad_()
            for n, value in moved.items()
        }
        losses = self.losses(here, shared, batch, episode, name)
        gradients: Sequence[Tensor] = torch.autograd.grad(losses.sum(), list(here.values()), create_graph=second)
        gradients = self._normalised(gradients) if self.inner.normalised else gradients
        start = here if second else moved
        return {n: value - self.rate(n) * g for (n, value), g in zip(start.items(), gradients, strict=True)}, losses

    @staticmethod
    def _normalised(gradients: Sequence[Tensor]) -> list[Tensor]:
        squares = torch.stack([g.flatten(1).square().sum(dim=1) for g in gradients]).sum(dim=0)
        scale = 1 / (squares.sqrt() + 1e-12)
        return [g * scale.view(-1, *[1] * (g.dim() - 1)) for g in gradients]


def _way(start: Tensor, moved: Tensor | None, gradient: Tensor | None, tasks: int, rate: float) -> Tensor:
    if gradient is None:
        return start.new_zeros(start.shape)[None]
    end = moved.detach().mean(dim=0) if moved is not None else start
    mean = gradient.mean(dim=0) if moved is not None else gradient / tasks
    return (start - (end - rate * mean))[None]
