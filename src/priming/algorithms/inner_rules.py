"""Inner loops whose steps are those of an update rule with a memory, such as Adafactor (Wu et al., 2022)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from priming.algorithms.inner_loops import Episode, Episodes, InnerLoop, InnerLoops
from priming.backbones.text_model import TextModel
from priming.forms.loss import MEAN
from priming.forms.training import Loss
from priming.runs.checkpoints import State
from priming.runs.parameters import Named, StackedParameters
from priming.runs.update_rules.interface import UpdateRule
from priming.runs.update_rules.table import update_rule

INNER, REST = "inner", "rest"
"""What moves in inner steps, and what moves in the last step alone; each has steps of its own."""


@dataclass
class InnerRules:
    """What the rule of inner steps remembers.

    If it is `carried`, tasks take their inner steps one after the other, and each begins with what the one before left
    behind; otherwise each begins with nothing, and they take them side by side.
    """

    name: str
    carried: bool
    rates: dict[str, float]
    """By element."""
    kept: dict[str, UpdateRule] = field(default_factory=dict)

    def rule(self, what: str, runs: int, device: torch.device) -> UpdateRule:
        """The rule that moves inner elements, or the rest, of so many tasks."""
        if self.carried and what in self.kept:
            return self.kept[what]
        rates = {element: torch.full((runs,), rate, device=device) for element, rate in self.rates.items()}
        made = update_rule(self.name)(rates)
        if self.carried:
            self.kept[what] = made
        return made

    def state(self) -> State:
        """All that is carried from step to step."""
        states = {what: rule.state() for what, rule in self.kept.items()}
        tensors = {f"{what}/{name}": tensor for what, own in states.items() for name, tensor in own.tensors.items()}
        return State(tensors, {what: own.rest for what, own in states.items()})

    def load_state(self, state: State) -> None:
        """Restore it."""
        for what, steps in state.rest.items():
            own = {name.partition("/")[2]: t for name, t in state.tensors.items() if name.partition("/")[0] == what}
            device = next((tensor.device for tensor in own.values()), torch.device("cpu"))
            self.rule(what, 1, device).load_state(State(own, steps))


class RuledLoops(InnerLoops):
    """Steps of an update rule from the outer values, for each task of a meta-batch."""

    def __init__(
        self, model: TextModel, inner: InnerLoop, episodes: Episodes, rules: InnerRules, form: Loss = MEAN
    ) -> None:
        """`rules` are those of all parts of a meta-batch."""
        super().__init__(model, inner, episodes, form)
        self.rules = rules

    def adapt(self, outer: Named, episode: Episode, step: int) -> tuple[Named, Named, Tensor]:
        """As of others; the outer gradient passes through the inner steps as if they were not there."""
        moved, shared = self._starts(outer, episode)
        ends, losses = [], []
        for rows in self._together(len(episode.run_keys)):
            start = {name: value[rows] for name, value in moved.items()}
            stacked, loss, _ = self._steps(start, shared, episode.only(rows), step)
            ends.append({n: start[n] + (view.detach() - start[n].detach()) for n, view in stacked.views.items()})
            losses.append(loss)
        moved = {name: torch.cat([end[name] for end in ends]) for name in moved}
        if self.carried:
            self.carried.moved(episode.tasks, moved, self.first)
        return moved, shared, torch.cat(losses).mean()[None]

    def full_ways(self, outer: Named, episode: Episode, step: int) -> tuple[Tensor, Named]:
        """The mean query loss [1], and where outer values [1 x ...] are minus where tasks end on average.

        Each task takes its inner steps, and then one step of all outer elements on its query set, for which it has a
        copy of the PLM of its own.
        """
        moved, shared = self._starts(outer, episode)
        ways, losses = {name: torch.zeros_like(value)[None] for name, value in outer.items()}, []
        for one in self._one_by_one(len(episode.run_keys)):
            own, start = episode.only(one), {name: value[one] for name, value in moved.items()}
            inner, _, rule = self._steps(start, shared, own, step)
            rest = StackedParameters({name: value.detach()[None] for name, value in shared.items()}, self.model.owner)
            loss = self.losses({**inner.views, **rest.views}, {}, own.query, own, f"{step}.query")
            values = [*inner.views.values(), *rest.views.values()]
            found = dict(zip([*inner.views, *rest.views], self._gradients(loss, values), strict=True))
            alive = torch.ones(1, dtype=torch.bool, device=self.model.device)
            for parameters, its in ((inner, rule), (rest, self.rules.rule(REST, 1, self.model.device))):
                its.step(parameters, parameters.gathered(found), 1.0, alive)
                for name in parameters.views.keys() & ways.keys():
                    ways[name] += outer[name].detach() - parameters.views[name].detach()
            losses.append(loss.detach())
        return torch.cat(losses).mean()[None], {name: way / len(losses) for name, way in ways.items()}

    def _steps(
        self, start: Named, shared: Named, episode: Episode, step: int
    ) -> tuple[StackedParameters, Tensor, UpdateRule]:
        """Where the inner steps of some tasks end, the losses of their last step [M], and the rule that took them."""
        runs, device = len(episode.run_keys), self.model.device
        parameters = StackedParameters({n: v.detach() for n, v in start.items()}, self.model.owner)
        rule, alive = self.rules.rule(INNER, runs, device), torch.ones(runs, dtype=torch.bool, device=device)
        losses, fixed = torch.zeros(runs, device=device), {name: value.detach() for name, value in shared.items()}
        support, states = self._looked_up(episode, fixed)
        with self.model.knowing(states):
            for i, batch in enumerate(support):
                losses = self.losses(parameters.views, fixed, batch, episode, f"{step}.{i}")
                rule.step(parameters, parameters.gradients(losses), 1.0, alive)
        return parameters, losses.detach(), rule

    def _together(self, tasks: int) -> Iterator[slice]:
        return self._one_by_one(tasks) if self.rules.carried else iter([slice(0, tasks)])

    @staticmethod
    def _one_by_one(tasks: int) -> Iterator[slice]:
        return (slice(task, task + 1) for task in range(tasks))

    @staticmethod
    def _gradients(losses: Tensor, values: Sequence[Tensor]) -> list[Tensor]:
        found = torch.autograd.grad(losses.sum(), values, allow_unused=True)
        return [torch.zeros_like(v) if g is None else g for v, g in zip(values, found, strict=True)]
