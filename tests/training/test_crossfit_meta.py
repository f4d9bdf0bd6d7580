"""Meta-learning as CrossFit's public code does it: episodes of pairs, and Reptile's outer step by torch's own AdamW."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import get_linear_schedule_with_warmup

from priming.algorithms.interface import Budget
from priming.algorithms.maml import Maml
from priming.algorithms.meta import MetaLearner
from priming.algorithms.reptile import Reptile
from priming.algorithms.table import bound
from priming.backbones.encoding import Batch, TokenizedDataset, collate, shift_right
from priming.backbones.text_model import TextModel
from priming.elements.sections import Rates
from priming.forms.table import FORMS
from priming.forms.training import training_of
from priming.runs.loop import Course, train
from priming.runs.parameters import StackedParameters
from priming.runs.shards import Shard
from priming.strategies import Priming
from tests.tiny_bart import examples

SIZES = ((8, 6), (6, 8), (3, 9), (7, 2))
PAIRS = [replace(examples(sum(sizes), seed), split=sizes[0]) for seed, sizes in enumerate(SIZES)]
RUN_KEY, STEPS, CLIP, RATE, INNER = 5, 6, 0.1, 1e-3, 0.05


def learner(settings: Maml | Reptile, name: str) -> MetaLearner:
    priming = Priming.parse(name)
    found = bound(priming.algorithm, settings, priming)
    assert isinstance(found, MetaLearner)
    return found


def rows(batch: Sequence[tuple[Sequence[int], Sequence[int]]], data: TokenizedDataset) -> list[int]:
    """Where a batch's examples stand in a set without repeats."""
    return [data.inputs.index(tuple(ids)) for ids, _ in batch]


def test_support_is_trained_on_and_query_is_of_the_development_examples() -> None:
    maml = learner(Maml(episodes="pairs", tasks=2, support=4, query=4), "maml[plm | plm x3]")
    seen: Counter[int] = Counter()
    for step in range(20):
        drawn = maml.meta_batch(PAIRS, RUN_KEY, step)
        assert len(drawn.support) == 3
        assert drawn.support[0] == drawn.support[1] == drawn.support[2]
        for place in range(2):
            [pair] = [n for n, data in enumerate(PAIRS) if tuple(drawn.query[place][0][0]) in data.inputs]
            data, split = PAIRS[pair], SIZES[pair][0]
            seen[pair] += 1
            support, query = rows(drawn.support[0][place], data), rows(drawn.query[place], data)
            assert len(support) == len(query) == 4
            assert all(row < split for row in support)
            assert all(row >= split for row in query)
            assert len(set(support)) == 4 or split < 4  # with replacement only where there are too few
            assert len(set(query)) == 4 or SIZES[pair][1] < 4
    assert seen == dict.fromkeys(range(4), 10)


def test_without_a_query_set_support_is_of_all_examples_each_once() -> None:
    reptile = learner(
        Reptile(episodes="pairs", tasks=1, support=3, same_support=False, update="optimizer"), "reptile[plm | plm x4]"
    )
    for step in range(4):
        drawn = reptile.meta_batch(PAIRS, RUN_KEY, step)
        batches = [batch[0] for batch in drawn.support]
        [pair] = [n for n, data in enumerate(PAIRS) if tuple(batches[0][0][0]) in data.inputs]
        found = [row for batch in batches for row in rows(batch, PAIRS[pair])]
        assert len(found) == 12
        if len(PAIRS[pair]) >= 12:
            assert len(set(found)) == 12


def by_hand(model: TextModel, named: dict[str, torch.nn.Parameter], reptile: MetaLearner) -> list[Tensor]:
    """CrossFit's loop: each task's difference is added to the gradient, which is clipped and goes to AdamW."""
    outer = list(named.values())
    decayed = [p for p in outer if p.dim() > 1]
    plain = [p for p in outer if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, eps=1e-8)
    schedule = get_linear_schedule_with_warmup(optimizer, 2, STEPS)

    def loss(values: dict[str, Tensor], batch: Batch, task: int) -> Tensor:
        labels = batch.labels[task]
        inputs = (batch.input_ids[task], batch.mask[task], shift_right(labels, 2, 1))
        logits = torch.func.functional_call(model, values, inputs)
        return cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")

    for step in range(STEPS):
        drawn = reptile.meta_batch(PAIRS, RUN_KEY, step)
        for p in outer:
            p.grad = torch.zeros_like(p)
        for task in range(len(drawn.keys)):
            fast = {name: p.detach().clone().requires_grad_() for name, p in named.items()}
            for batch in drawn.support:
                gradients = torch.autograd.grad(loss(fast, collate(batch, 1), task), list(fast.values()))
                fast = {
                    name: (value - INNER * gradient).detach().requires_grad_()
                    for (name, value), gradient in zip(fast.items(), gradients, strict=True)
                }
            for name, p in named.items():
                assert p.grad is not None
                p.grad += (p - fast[name]).detach()
        torch.nn.utils.clip_grad_norm_(outer, CLIP)
        optimizer.step()
        schedule.step()
    return [p.detach().clone() for p in outer]


@pytest.mark.parametrize("name", ["maml[adapter | adapter x3]", "reptile[adapter | adapter x3]"])
def test_the_development_loss_is_that_after_plain_inner_steps(build: Callable[..., TextModel], name: str) -> None:
    """With sets so small that every draw is of all of them, in any order, and the mean loss has no order either."""
    model = build(("plm", "adapter"), torch.float64)
    sets = [replace(examples(8, seed), split=4) for seed in range(5)]
    support, query = (8, 4) if name.startswith("reptile") else (4, 4)
    rates = {"learning_rates": Rates(adapter=RATE), "inner_learning_rates": Rates(adapter=INNER)}
    kind = Reptile if name.startswith("reptile") else Maml
    settings = kind(tasks=2, support=support, query=query, keep="loss", **rates)
    learned = learner(settings, name)
    values = {n: p.detach().clone() for n, p in model.owned_by(("adapter",))}
    torch.nn.Module.train(model)  # although nothing drops in this one
    found = learned.development_loss(model, training_of(FORMS["text"]), sets, RUN_KEY)(values)
    assert model.plm.config.dropout == 0
    model.eval()
    losses = []
    for data in sets:
        pairs = [(ids, references[0]) for ids, references in zip(data.inputs, data.targets, strict=True)]
        inner, outer = (pairs, None) if kind is Reptile else (pairs[:4], pairs[4:])
        fast = {n: v.clone().requires_grad_() for n, v in values.items()}
        for _ in range(3):
            last = mean_loss(model, fast, inner)
            gradients = torch.autograd.grad(last, list(fast.values()))
            fast = {
                n: (v - INNER * g).detach().requires_grad_() for (n, v), g in zip(fast.items(), gradients, strict=True)
            }
        losses.append((last if outer is None else mean_loss(model, fast, outer)).item())
    assert found == pytest.approx(sum(losses) / len(losses), rel=1e-9)


def mean_loss(
    model: TextModel, values: dict[str, Tensor], pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> Tensor:
    batch = collate([list(pairs)], 1)
    labels = batch.labels[0]
    logits = torch.func.functional_call(model, values, (batch.input_ids[0], batch.mask[0], shift_right(labels, 2, 1)))
    return cross_entropy(logits.flatten(0, 1), labels.flatten())


@pytest.mark.parametrize("parts", [1, 2])
def test_reptile_by_the_optimizer_equals_a_plain_loop(build: Callable[..., TextModel], parts: int) -> None:
    model = build(("plm", "adapter"), torch.float64)
    model.eval()
    settings = Reptile(
        update="optimizer",
        episodes="pairs",
        over_tasks="sum",
        tasks=2,
        support=3,
        same_support=False,
        budget=Budget(steps=STEPS),
        loss="sum",
        clip=CLIP,
        accumulation_steps=parts,
        learning_rates=Rates(adapter=RATE),
        inner_learning_rates=Rates(adapter=INNER),
    )
    reptile = learner(settings, "reptile[adapter | adapter x4]")
    parameters = StackedParameters.repeated(model.owned_by(("adapter",)), 1, model.owner)
    objective = reptile.objective(model, training_of(FORMS["text"]), PAIRS, RUN_KEY, Shard())
    course = Course(STEPS, 2 / STEPS, reptile.clip)
    outcome = train(parameters, objective, reptile.update_rule(model.device), course, lambda step, losses: None)
    assert not outcome.failures
    named = {n: torch.nn.Parameter(p.detach().clone()) for n, p in model.owned_by(("adapter",))}
    before = [p.detach().clone() for p in named.values()]
    theirs = by_hand(model, named, reptile)
    ours = parameters.row(0)
    for name, expected, at_first in zip(named, theirs, before, strict=True):
        assert not torch.equal(expected, at_first), name
        torch.testing.assert_close(ours[name], expected, rtol=1e-8, atol=1e-10)
