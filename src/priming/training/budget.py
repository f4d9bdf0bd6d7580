"""How many steps a priming takes, and what a step costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from priming.models.encoding import Encoded
from priming.models.flops import Counter
from priming.strategies import Priming
from priming.study.priming import Maml, Meta, Mtl, Reptile, Upstream


@dataclass(frozen=True)
class Plan:
    """Steps, and examples and floating-point operations of one step."""

    steps: int
    examples: int
    cost: float


def plan(priming: Priming, settings: Upstream, counter: Counter, sets: Sequence[Encoded]) -> Plan:
    """The steps that a budget allows, at least one.

    A step's cost is that of examples of the mean length over what is drawn from the source tasks, padding left out.
    """
    by_example = isinstance(settings, Mtl) and settings.mixing == "examples"
    source, target = mean_lengths([Encoded.joined(sets)] if by_example else sets)
    examples, cost = step_cost(priming, settings, counter, source, target)
    budget = settings.budget
    if budget.steps is not None:
        steps = budget.steps
    elif budget.examples is not None:
        steps = round(budget.examples / examples)
    else:
        assert budget.flops is not None
        steps = round(budget.flops / cost)
    return Plan(max(1, steps), examples, cost)


def mean_lengths(sets: Sequence[Encoded]) -> tuple[float, float]:
    """Mean tokens of inputs and of targets, each task counted alike."""
    source = fmean(fmean(map(len, data.inputs)) for data in sets)
    target = fmean(fmean(len(references[0]) for references in data.targets) for data in sets)
    return source, target


def step_cost(priming: Priming, settings: Upstream, counter: Counter, source: float, target: float) -> tuple[int, float]:
    """Examples and operations of one (outer) step."""
    outer = counter.example(source, target, priming.outer)
    if isinstance(settings, Mtl):
        return settings.batch, settings.batch * outer.gradient
    assert isinstance(settings, Meta)
    inner = counter.example(source, target, priming.inner)
    frozen = sum(cost for element, cost in counter.products(source, target).items() if element not in priming.elements)
    per_inner = inner.gradient + (inner.hessian_vector(frozen) if isinstance(settings, Maml) and settings.order == "second" else 0.0)
    support = settings.support * priming.inner_steps
    both = counter.example(source, target, priming.elements)
    queries = 0 if isinstance(settings, Reptile) and settings.update == "standard" else settings.query
    return settings.tasks * (support + queries), settings.tasks * (support * per_inner + queries * both.gradient)
