"""What each step of a priming draws, and how long its batches are once they are padded: functions of the run's key and the step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple, cast

from priming.models.encoding import Encoded
from priming.study.priming import Meta, Mtl, Reptile, Upstream
from priming.training.batches import Pick, disjoint_picks, epoch_picks, mixture_picks, task_draw
from priming.training.keys import key
from priming.training.share import Share


class Pass(NamedTuple):
    """A padded batch that goes through the model: its examples, the tokens of each input and target, whether it is an inner step's."""

    examples: int
    source: int
    target: int
    inner: bool = False


@dataclass(frozen=True)
class MetaBatch:
    """The examples of a meta-batch, [M][B] of a support set an inner step and of the query set, and the dropout key of each task."""

    support: Sequence[list[list[Pick]]]
    query: list[list[Pick]]
    keys: Sequence[int]


def batches(settings: Mtl, sets: Sequence[Encoded], run_key: int) -> Callable[[int], list[Pick]]:
    """From the step to the batch of multi-task learning."""
    if settings.mixing == "examples":
        return partial(epoch_picks, Encoded.joined(sets), run_key, size=settings.batch)
    return partial(mixture_picks, sets, run_key, size=settings.batch)


def meta_batch(sets: Sequence[Encoded], settings: Meta, inner_steps: int, run_key: int, step: int, rows: slice = slice(None)) -> MetaBatch:
    """The meta-batch of a step: for each drawn task its support sets and a query set that shares no example with them.

    `rows` are the tasks of it that are wanted.
    """
    drawn = task_draw(len(sets), run_key, step, settings.tasks)[rows]
    keys = [key(run_key, "episode", step, place) for place in range(settings.tasks)][rows]
    different = min(inner_steps, 1) if settings.same_support else inner_steps
    picks = [disjoint_picks(sets[t], k, [settings.query, *[settings.support] * different]) for t, k in zip(drawn, keys, strict=True)]
    query, *support = (list(batch) for batch in zip(*picks, strict=True))
    return MetaBatch(support * inner_steps if settings.same_support else support, query, keys)


def passes(settings: Upstream, sets: Sequence[Encoded], inner_steps: int, run_key: int) -> Callable[[int], list[Pass]]:
    """From the step to the batches that go through the model, padded as one process pads them: each part of a batch by itself."""
    if isinstance(settings, Mtl):
        batch, parts = batches(settings, sets, run_key), Share().parts(settings.batch, settings.parts)
        return lambda step: [_padded(picks[rows]) for picks in [batch(step)] for rows in parts]
    meta = cast(Meta, settings)
    queries = not (isinstance(settings, Reptile) and settings.update == "standard")

    def of_step(step: int) -> list[Pass]:
        """The inner steps of each part of the meta-batch, and the query sets where there is a loss on them."""
        found = []
        for rows in Share().parts(meta.tasks, meta.parts):
            drawn = meta_batch(sets, meta, inner_steps, run_key, step, rows)
            found += [_padded(list(chain.from_iterable(support)), inner=True) for support in drawn.support]
            found += [_padded(list(chain.from_iterable(drawn.query)))] if queries else []
        return found

    return of_step


def _padded(picks: Sequence[Pick], inner: bool = False) -> Pass:
    return Pass(len(picks), max(len(ids) for ids, _ in picks), max(len(ids) for _, ids in picks), inner)
