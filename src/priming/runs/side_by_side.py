"""One function of a run's own parameters, computed for R runs at once."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor
from torch.func import vmap
from torch.utils._pytree import tree_map

from priming.runs.parameters import Named, only_row

Masking = Callable[[Tensor], AbstractContextManager[object]]
"""Maps a run's dropout key to the context that determines its dropout masks."""


def for_each_run(
    one: Callable[..., Tensor],
    runs: int,
    stacked: Mapping[str, Tensor],
    inputs: tuple[Any, ...],
    keys: Tensor | None = None,
    masking: Masking | None = None,
) -> Tensor:
    """What a function gives for each run [R x ...].

    Args:
        one: from a run's parameters by name and its inputs to a tensor.
        runs: R.
        stacked: parameters of the runs, [R x ...] by name.
        inputs: what `one` takes after the parameters: tensors [R x ...], or mappings of them.
        keys: dropout keys [R], int32; without them nothing may drop out.
        masking: the dropout context that uses `keys`.
    """

    def masked(own: Named, key: Tensor | None, of_run: Any) -> Tensor:
        """What the function gives for one run, with its dropout masks."""
        with masking(key) if masking is not None and key is not None else nullcontext():
            return one(own, *of_run)

    if runs == 1:  # same result, but a single run need not pay for vmap
        own = {name: only_row(value) for name, value in stacked.items()}
        return masked(own, None if keys is None else keys[0], tree_map(lambda tensor: tensor[0], inputs))[None]
    return vmap(masked, in_dims=(0, None if keys is None else 0, 0))(dict(stacked), keys, inputs)
