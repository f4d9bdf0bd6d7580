"""How many steps a priming takes, and what a step costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

from priming.algorithms.interface import Algorithm, Pass
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.flops import Counter

Cost = Callable[[float, float], float]
"""From input and target tokens to the operations of an example."""


@dataclass(frozen=True)
class Schedule:
    """Steps, and examples and floating-point operations per step; also operations executed overall, with padding."""

    steps: int
    examples: int
    cost: float
    executed: float


def schedule(algorithm: Algorithm, counter: Counter, sets: Sequence[TokenizedDataset], run_key: int) -> Schedule:
    """The steps that a budget allows, at least one.

    A step's cost is that of examples of the mean length over what is drawn from the source tasks, padding left out.
    What it executes follows from the batches that it draws by `run_key`, padded.
    """
    source, target = mean_lengths(algorithm.lengths_of(sets))
    cost = step_cost(algorithm, counter, source, target)
    executed = executed_cost(algorithm, counter, algorithm.passes(sets, run_key))
    budget, examples = algorithm.settings.budget, algorithm.step.examples
    if budget.steps is not None:
        steps = budget.steps
    elif budget.examples is not None:
        steps = round(budget.examples / examples)
    elif budget.flops is not None:
        steps = round(budget.flops / cost)
    else:
        steps = _steps_for(budget.executed_flops, executed)
    steps = max(1, steps)
    return Schedule(steps, examples, cost, sum(map(executed, range(steps))))


def _steps_for(operations: float, executed: Callable[[int], float]) -> int:
    """The number of steps, one or more, that together come nearest to `operations`."""
    steps, spent = 1, executed(0)
    while spent < operations:
        more = executed(steps)
        if spent + more - operations > operations - spent:
            break
        steps, spent = steps + 1, spent + more
    return steps


def mean_lengths(sets: Sequence[TokenizedDataset]) -> tuple[float, float]:
    """Mean tokens of inputs and of targets, each task counted alike."""
    means = [data.mean_lengths for data in sets]
    return fmean(source for source, _ in means), fmean(target for _, target in means)


def step_cost(algorithm: Algorithm, counter: Counter, source: float, target: float) -> float:
    """Operations of one (outer) step."""
    inner, outer = _costs(algorithm, counter)
    step = algorithm.step
    return step.groups * (step.inner * inner(source, target) + step.outer * outer(source, target))


def executed_cost(
    algorithm: Algorithm, counter: Counter, drawn: Callable[[int], Sequence[Pass]]
) -> Callable[[int], float]:
    """From the step to the operations that it executes, with every example as long as its padded batch."""
    inner, outer = map(cache, _costs(algorithm, counter))

    def of_step(step: int) -> float:
        """Inner steps and query sets, or the batch, of a step."""
        return sum(one.examples * (inner if one.inner else outer)(one.source, one.target) for one in drawn(step))

    return of_step


def _costs(algorithm: Algorithm, counter: Counter) -> tuple[Cost, Cost]:
    """What an example costs in an inner step, what is differentiated through it included, and in the outer loss."""
    moves = algorithm.moves

    def inner(source: float, target: float) -> float:
        """The gradient of the inner elements, and where it is differentiated, what that costs."""
        cost = counter.example(source, target, moves.inner)
        products = counter.products(source, target)
        frozen = sum(found for element, found in products.items() if element not in moves.elements)
        return cost.gradient + (cost.hessian_vector(frozen) if algorithm.through_inner_steps else 0.0)

    def outer(source: float, target: float) -> float:
        """The gradient of all elements that are trained."""
        return counter.example(source, target, algorithm.differentiated).gradient

    return inner, outer
