"""How many steps a priming takes, and what a step costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

from priming.models.encoding import Encoded
from priming.models.flops import Counter
from priming.strategies import Priming
from priming.study.priming import Maml, Meta, Mtl, Reptile, Upstream
from priming.training.draws import Pass, passes

Cost = Callable[[float, float], float]
"""From input and target tokens to the operations of an example."""


@dataclass(frozen=True)
class Plan:
    """Steps, examples and floating-point operations of one step, and the operations that all steps execute, padding included."""

    steps: int
    examples: int
    cost: float
    executed: float


def plan(priming: Priming, settings: Upstream, counter: Counter, sets: Sequence[Encoded], run_key: int) -> Plan:
    """The steps that a budget allows, at least one.

    A step's cost is that of examples of the mean length over what is drawn from the source tasks, padding left out. What it
    executes follows from the batches that it draws by `run_key`, padded.
    """
    by_example = isinstance(settings, Mtl) and settings.mixing == "examples"
    source, target = mean_lengths([Encoded.joined(sets)] if by_example else sets)
    examples, cost = step_cost(priming, settings, counter, source, target)
    executed = executed_cost(priming, settings, counter, passes(settings, sets, priming.inner_steps, run_key))
    budget = settings.budget
    if budget.steps is not None:
        steps = budget.steps
    elif budget.examples is not None:
        steps = round(budget.examples / examples)
    elif budget.flops is not None:
        steps = round(budget.flops / cost)
    else:
        assert budget.executed_flops is not None
        steps = _steps_for(budget.executed_flops, executed)
    steps = max(1, steps)
    return Plan(steps, examples, cost, sum(map(executed, range(steps))))


def _steps_for(operations: float, executed: Callable[[int], float]) -> int:
    """The number of steps, one or more, that together come nearest to `operations`."""
    steps, spent = 1, executed(0)
    while spent < operations:
        more = executed(steps)
        if spent + more - operations > operations - spent:
            break
        steps, spent = steps + 1, spent + more
    return steps


def mean_lengths(sets: Sequence[Encoded]) -> tuple[float, float]:
    """Mean tokens of inputs and of targets, each task counted alike."""
    source = fmean(fmean(map(len, data.inputs)) for data in sets)
    target = fmean(fmean(len(references[0]) for references in data.targets) for data in sets)
    return source, target


def step_cost(priming: Priming, settings: Upstream, counter: Counter, source: float, target: float) -> tuple[int, float]:
    """Examples and operations of one (outer) step."""
    inner, outer = _costs(priming, settings, counter)
    if isinstance(settings, Mtl):
        return settings.batch, settings.batch * outer(source, target)
    assert isinstance(settings, Meta)
    support = settings.support * priming.inner_steps
    queries = 0 if isinstance(settings, Reptile) and settings.update == "standard" else settings.query
    operations = support * inner(source, target) + queries * outer(source, target)
    return settings.tasks * (support + queries), settings.tasks * operations


def executed_cost(priming: Priming, settings: Upstream, counter: Counter, drawn: Callable[[int], Sequence[Pass]]) -> Callable[[int], float]:
    """From the step to the operations that it executes, with every example as long as its padded batch."""
    inner, outer = map(cache, _costs(priming, settings, counter))

    def of_step(step: int) -> float:
        """Inner steps and query sets, or the batch, of a step."""
        return sum(one.examples * (inner if one.inner else outer)(one.source, one.target) for one in drawn(step))

    return of_step


def _costs(priming: Priming, settings: Upstream, counter: Counter) -> tuple[Cost, Cost]:
    """What an example costs in an inner step, what is differentiated through it included, and in the outer loss."""
    second = isinstance(settings, Maml) and settings.order == "second"
    outer_elements = priming.outer if isinstance(settings, Mtl) else priming.elements

    def inner(source: float, target: float) -> float:
        """The gradient of the inner elements, and for second order what differentiating it costs."""
        cost = counter.example(source, target, priming.inner)
        frozen = sum(found for element, found in counter.products(source, target).items() if element not in priming.elements)
        return cost.gradient + (cost.hessian_vector(frozen) if second else 0.0)

    def outer(source: float, target: float) -> float:
        """The gradient of all elements that are trained."""
        return counter.example(source, target, outer_elements).gradient

    return inner, outer
