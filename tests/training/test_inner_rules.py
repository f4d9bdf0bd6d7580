"""Inner steps of Adafactor against transformers' own, a task at a time, its memory reset or carried."""

import pytest
import torch
from torch import Tensor, nn
from transformers.optimization import Adafactor

from priming.algorithms.full_step_reptile import full_way_back
from priming.algorithms.inner_loops import Episode, InnerLoop
from priming.algorithms.inner_rules import InnerRules, RuledLoops
from priming.algorithms.interface import Sources
from priming.algorithms.maml import Maml, query_gradient
from priming.algorithms.table import bound
from priming.backbones.text_model import TextModel
from priming.forms.batches import batch_draw
from priming.runs.checkpoints import State
from priming.runs.parameters import StackedParameters
from priming.strategies import Priming
from tests.training.test_meta import TASKS, Builder, fixed_episode, plain_loss, start

Gradients = dict[str, Tensor]
RATES = {"plm": 0.01, "prompt": 0.03}
OUTER, INNER, STEPS, OUTER_STEPS = ("plm", "prompt"), ("prompt",), 2, 3

Found = tuple[dict[str, Tensor], dict[str, Tensor]]
"""The query gradients of all tasks on average, and the way back from where their last step ends."""


class Theirs:
    """The library's optimizer on parameters of its own, one for all tasks or a new one for each."""

    def __init__(self, model: TextModel, carried: bool) -> None:
        self.model, self.carried = model, carried
        self.values = {n: nn.Parameter(p.detach().clone()) for n, p in model.owned_by(OUTER)}
        self.optimizer = self.fresh()

    def fresh(self) -> Adafactor:
        groups = [
            {"params": [v for n, v in self.values.items() if self.model.owner(n) == element], "lr": rate}
            for element, rate in RATES.items()
        ]
        return Adafactor(groups, scale_parameter=False, relative_step=False, warmup_init=False)

    def step(self, loss: Tensor, elements: tuple[str, ...]) -> dict[str, Tensor]:
        """One step of these elements; returns their gradients."""
        moving = {n: v for n, v in self.values.items() if self.model.owner(n) in elements}
        found = torch.autograd.grad(loss, list(moving.values()), allow_unused=True)
        self.optimizer.zero_grad(set_to_none=True)
        for value, gradient in zip(moving.values(), found, strict=True):
            value.grad = torch.zeros_like(value) if gradient is None else gradient
        self.optimizer.step()
        return {n: v.grad.clone() for n, v in moving.items() if v.grad is not None}

    def outer_step(self, outer: dict[str, Tensor], episode: Episode) -> Found:
        gradients = {n: torch.zeros_like(v) for n, v in outer.items()}
        ways = {n: torch.zeros_like(v) for n, v in outer.items()}
        for task in range(TASKS):
            if not self.carried:
                self.optimizer = self.fresh()
            for name, value in self.values.items():
                value.data.copy_(outer[name])
            for batch in episode.support:
                self.step(plain_loss(self.model, self.values, batch, task), INNER)
            query = self.step(plain_loss(self.model, self.values, episode.query, task), OUTER)
            for name, value in self.values.items():
                gradients[name] += query[name] / TASKS
                ways[name] += (outer[name] - value.detach()) / TASKS
        return gradients, ways


def outer_values(parameters: StackedParameters) -> dict[str, Tensor]:
    return {n: view[0].detach().clone() for n, view in parameters.views.items()}


def close(parameters: StackedParameters, ours: Gradients, theirs: dict[str, Tensor]) -> None:
    """Equal, but where the true gradient is 0: Adafactor makes steps as large as others of what rounding leaves."""
    known = {n: torch.full_like(v, float(not n.endswith("k_proj.bias")))[None] for n, v in theirs.items()}
    for element, wanted in parameters.gathered({n: v[None] for n, v in theirs.items()}).items():
        counts = parameters.gathered(known)[element]
        torch.testing.assert_close(ours[element] * counts, wanted * counts, rtol=1e-5, atol=1e-8)


def loops(model: TextModel, episode: Episode, carried: bool) -> RuledLoops:
    return RuledLoops(model, InnerLoop(INNER, RATES), lambda step: episode, InnerRules("adafactor", carried, RATES))


@pytest.mark.parametrize("carried", [False, True])
def test_full_step_reptile_equals_the_librarys_optimizer(build: Builder, carried: bool) -> None:
    model, episode = build(("plm", "prompt"), torch.float64), fixed_episode(STEPS)
    parameters, theirs, ours = start(model, OUTER), Theirs(model, carried), loops(model, episode, carried)
    for step in range(OUTER_STEPS):
        _, wanted = theirs.outer_step(outer_values(parameters), episode)
        _, found = full_way_back(ours, parameters, step)
        close(parameters, found, wanted)
        for element, flat in parameters.flat.items():
            flat.sub_(0.5 * found[element])


@pytest.mark.parametrize("carried", [False, True])
def test_first_order_maml_equals_the_librarys_optimizer(build: Builder, carried: bool) -> None:
    """The memory of the prompt alone, since the library's sees no query gradient here."""
    model, episode = build(("plm", "prompt"), torch.float64), fixed_episode(STEPS)
    parameters, ours = start(model, OUTER), loops(model, episode, carried)
    theirs = Theirs(model, carried)
    for step in range(OUTER_STEPS):
        wanted = {n: torch.zeros_like(v) for n, v in outer_values(parameters).items()}
        for task in range(TASKS):
            theirs.optimizer = theirs.optimizer if carried else theirs.fresh()
            for name, value in theirs.values.items():
                value.data.copy_(parameters.views[name][0])
            for batch in episode.support:
                theirs.step(plain_loss(model, theirs.values, batch, task), INNER)
            query = plain_loss(model, theirs.values, episode.query, task)
            found = torch.autograd.grad(query, list(theirs.values.values()), allow_unused=True)
            for name, gradient in zip(theirs.values, found, strict=True):
                wanted[name] += 0 if gradient is None else gradient / TASKS
        _, got = query_gradient(ours, parameters, step)
        close(parameters, got, wanted)
        for element, flat in parameters.flat.items():
            flat.sub_(0.1 * got[element])


def test_a_carried_memory_is_saved_and_restored(build: Builder) -> None:
    model, episode = build(("plm", "prompt"), torch.float64), fixed_episode(STEPS)
    first, second = loops(model, episode, True), loops(model, episode, True)
    parameters = start(model, OUTER)
    full_way_back(first, parameters, 0)
    saved = first.rules.state()
    second.rules.load_state(State({n: t.clone() for n, t in saved.tensors.items()}, saved.rest))
    once, again = (full_way_back(one, parameters, 1)[1] for one in (first, second))
    assert all(torch.equal(once[element], again[element]) for element in OUTER)
    fresh = full_way_back(loops(model, episode, True), parameters, 1)[1]
    assert not torch.equal(fresh["prompt"], once["prompt"])


def test_batches_of_tasks_hold_every_example_once_an_epoch() -> None:
    sizes, size, tasks = [23, 7, 3, 45], 5, 2
    whole = [number // size for number in sizes]
    epochs: list[list[tuple[int, int]]] = []
    for epoch in range(2):
        steps = range(epoch * sum(whole) // tasks, (epoch + 1) * sum(whole) // tasks)
        drawn = [one for step in steps for one in batch_draw(sizes, 9, step, tasks, size)]
        counts = [sum(task == own for own, _ in drawn) for task in range(len(sizes))]
        rows = [(task, int(row)) for task, own in drawn for row in own]
        assert counts == whole  # in proportion to size, with repeats, and none of a task that fills no batch
        assert len(set(rows)) == len(rows)
        assert all(len(own) == size for _, own in drawn)
        epochs.append(rows)
    assert epochs[0] != epochs[1]


def test_a_meta_batch_of_batches_needs_a_task_that_fills_one() -> None:
    with pytest.raises(Exception, match="no source task has 5 examples"):
        batch_draw([4, 3], 0, 0, 2, 5)


def test_heads_of_tasks_are_refused_where_a_task_may_be_twice_in_a_meta_batch() -> None:
    name, sources = "maml[plm | head x1]", Sources(3, 100)
    said = {
        (mixing, head, tasks): [
            complaint.key
            for complaint in bound(
                "maml",
                Maml(order="first", tasks=tasks, support=2, query=2, head=head, mixing=mixing),
                Priming.parse(name),
            ).complaints(name, sources)
        ]
        for mixing, head, tasks in (
            ("tasks", "per_task", 2),
            ("examples", "per_task", 2),
            ("tasks", "fresh", 8),
            ("examples", "fresh", 8),
        )
    }
    assert list(said.values()) == [[], [("head",)], [("tasks",)], []]
