"""Values that belong to tasks and that only inner loops move, kept from one outer step to the next."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from priming.runs.checkpoints import State
from priming.runs.shards import Shard

Named = Mapping[str, Tensor]


class Carried:
    """Heads of tasks: each task's own, or one for all, which the first task of a meta-batch moves.

    Changes of a step take effect when all parts of its meta-batch have been seen.
    """

    def __init__(self, initial: Named, tasks: int, shared: bool) -> None:
        """Begin with the same values by parameter name for each of so many tasks; `shared` if there is one for all."""
        self.shared = shared
        self.values = {n: v.detach().expand(1 if shared else tasks, *v.shape).clone() for n, v in initial.items()}
        self.changes = {name: torch.zeros_like(value) for name, value in self.values.items()}

    def starts(self, tasks: Sequence[int]) -> dict[str, Tensor]:
        """The values [M x ...] at which the inner loops of these tasks begin."""
        places = self._places(tasks)
        return {name: value[places] for name, value in self.values.items()}

    def moved(self, tasks: Sequence[int], ends: Named, first: bool) -> None:
        """Note the values [M x ...] at which they ended; `first` if the first task of the meta-batch is among them."""
        if self.shared and not first:
            return
        places = self._places(tasks[:1] if self.shared else tasks)
        for name, change in self.changes.items():
            change[places] = ends[name].detach()[: len(places)] - self.values[name][places]

    def settle(self, share: Shard) -> None:
        """Let the changes of a step take effect, those of all processes."""
        for name, change in self.changes.items():
            self.values[name] += share.sum(change)
            change.zero_()

    def state(self) -> State:
        """All values."""
        return State(self.values)

    def load_state(self, state: State) -> None:
        """Restore values."""
        for name, value in self.values.items():
            value.copy_(state.tensors[name])

    def _places(self, tasks: Sequence[int]) -> list[int]:
        return [0 for _ in tasks] if self.shared else list(tasks)
