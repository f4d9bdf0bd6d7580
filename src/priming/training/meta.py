"""Meta-learning: the outer gradients of MAML (Finn et al., 2017) and of Reptile (Nichol et al., 2018).

The inner loops of a meta-batch are runs side by side over the shared PLM; M stands for the tasks of a meta-batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from priming.models.elements import element_of
from priming.models.encoding import Batch
from priming.models.loss import MEAN, LossForm, run_losses
from priming.models.text_model import TextModel
from priming.training.dropout import CoordinateDropout
from priming.training.parameters import Gradients, Named, StackedParameters
from priming.training.side_by_side import dropout_keys


@dataclass(frozen=True)
class Episode:
    """A meta-batch: a support batch an inner step and one query batch, each [M x B x ...], and a dropout key a task."""

    support: Sequence[Batch]
    query: Batch
    run_keys: Sequence[int]

    def to(self, device: torch.device) -> "Episode":
        """The same meta-batch on `device`."""
        return Episode([batch.to(device) for batch in self.support], self.query.to(device), self.run_keys)


@dataclass(frozen=True)
class InnerLoop:
    """SGD on the inner elements: rates by element; whether second derivatives flow; whether gradients are normalised."""

    elements: tuple[str, ...]
    rates: Mapping[str, float]
    second_order: bool = False
    normalised: bool = False


Episodes = Callable[[int], Episode]


class MetaLearner:
    """What MAML and Reptile share: the inner loops of a meta-batch."""

    def __init__(self, model: TextModel, inner: InnerLoop, episodes: Episodes, form: LossForm = MEAN) -> None:
        """The loss of a task has the same `form` in inner steps and on query sets."""
        self.model, self.inner, self.episodes, self.form = model, inner, episodes, form
        self.fixed = {n: p for n, p in model.named_parameters() if element_of(n) in inner.elements}

    def adapt(self, outer: Named, episode: Episode, step: int) -> tuple[Named, Named, Tensor]:
        """Run the inner loops from `outer`.

        Returns the moved parameters [M x ...] and the shared rest [...] by name, and the mean loss of the last inner
        step [1].
        """
        tasks = len(episode.run_keys)
        start = {name: outer.get(name, parameter.detach()) for name, parameter in self.fixed.items()}
        moved = {name: value.expand(tasks, *value.shape) for name, value in start.items()}
        shared = {name: value for name, value in outer.items() if name not in moved}
        losses = torch.zeros(tasks, device=self.model.device)
        for i, batch in enumerate(episode.support):
            moved, losses = self._inner_step(moved, shared, batch, episode, f"{step}.{i}")
        return moved, shared, losses.detach().mean()[None]

    def losses(self, moved: Named, shared: Named, batch: Batch, episode: Episode, name: str) -> Tensor:
        """The loss of each task [M]; with nothing moved, that of the shared parameters."""
        device = batch.input_ids.device
        keys = dropout_keys(episode.run_keys, name, device) if self.model.training else None
        return run_losses(self.model, moved, batch, shared, keys, CoordinateDropout, self.form)

    def _inner_step(self, moved: Named, shared: Named, batch: Batch, episode: Episode, name: str) -> tuple[Named, Tensor]:
        second = self.inner.second_order
        here = {n: value if second and value.requires_grad else value.detach().requires_grad_() for n, value in moved.items()}
        losses = self.losses(here, shared, batch, episode, name)
        gradients: Sequence[Tensor] = torch.autograd.grad(losses.sum(), list(here.values()), create_graph=second)
        gradients = self._normalised(gradients) if self.inner.normalised else gradients
        start = here if second else moved
        return {n: value - self.inner.rates[element_of(n)] * g for (n, value), g in zip(start.items(), gradients, strict=True)}, losses

    @staticmethod
    def _normalised(gradients: Sequence[Tensor]) -> list[Tensor]:
        squares = torch.stack([g.flatten(1).square().sum(dim=1) for g in gradients]).sum(dim=0)
        scale = 1 / (squares.sqrt() + 1e-12)
        return [g * scale.view(-1, *[1] * (g.dim() - 1)) for g in gradients]


class Maml(MetaLearner):
    """The gradient of the mean query loss in the values from which the inner loops began.

    First order: the inner gradients count as constants.
    """

    def __call__(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """The mean query loss [1] and its gradient in the outer parameters, stacked with R = 1."""
        outer = {name: view[0] for name, view in parameters.views.items()}
        episode = self.episodes(step)
        moved, shared, _ = self.adapt(outer, episode, step)
        loss = self.losses(moved, shared, episode.query, episode, f"{step}.query").mean()[None]
        return loss.detach(), parameters.gradients(loss)


class StandardReptile(MetaLearner):
    """theta - mean over tasks of where the inner loops end; `Interpolation` then moves theta towards that mean."""

    def __call__(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """The mean loss of the last inner step [1] and the pseudo-gradient."""
        outer = {name: view[0].detach() for name, view in parameters.views.items()}
        moved, _, loss = self.adapt(outer, self.episodes(step), step)
        way = {
            name: (outer[name] - moved[name].mean(dim=0))[None] if name in moved else torch.zeros_like(view)
            for name, view in parameters.views.items()
        }
        return loss, parameters.gathered({name: value.detach() for name, value in way.items()})


class FullStepReptile(MetaLearner):
    """Reptile as continued pretraining for promptability has it (Wu et al., 2022).

    The inner loops move the inner elements; then every task takes one SGD step of all outer elements on its query set.
    The pseudo-gradient theta - mean(theta of the tasks) goes to the outer optimizer. The last step's mean needs only the
    mean of the tasks' gradients, so the PLM is not stacked for it.
    """

    def __call__(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """The mean query loss [1] and the pseudo-gradient."""
        outer = {name: view[0].detach() for name, view in parameters.views.items()}
        episode = self.episodes(step)
        moved, shared, _ = self.adapt(outer, episode, step)
        moved = {n: v.detach().requires_grad_() for n, v in moved.items()}
        shared = {n: v.detach().requires_grad_() for n, v in shared.items()}
        losses = self.losses(moved, shared, episode.query, episode, f"{step}.query")
        names = [*(n for n in moved if n in outer), *shared]
        gradients = torch.autograd.grad(losses.sum(), [{**shared, **moved}[n] for n in names], allow_unused=True)
        way = {
            n: self._way(outer[n], moved.get(n), g, losses.shape[0], self.inner.rates[element_of(n)]) for n, g in zip(names, gradients, strict=True)
        }
        return losses.detach().mean()[None], parameters.gathered(way)

    @staticmethod
    def _way(start: Tensor, moved: Tensor | None, gradient: Tensor | None, tasks: int, rate: float) -> Tensor:
        if gradient is None:
            return torch.zeros_like(start)[None]
        end = moved.detach().mean(dim=0) if moved is not None else start
        mean = gradient.mean(dim=0) if moved is not None else gradient / tasks
        return (start - (end - rate * mean))[None]
