"""(IA)^3 as PEFT has it, else as `adapters` has it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priming.sharing.formats import by_adapters, by_module, by_peft
from priming.sharing.interface import Attached, Format, Shared

_FACTORS = ".loras.ia3.lora_B"


class SharedFactors(Shared):
    """The library scales what each matrix gives, which PEFT does for modules that are not called feed-forward."""

    name = "ia3"

    def formats(self, element: Attached) -> Iterator[Format]:
        """One factor for each output of a matrix."""
        names = sorted(by_module(element, _FACTORS))
        config = {"peft_type": "IA3", "target_modules": names, "feedforward_modules": []}
        yield by_peft(element, config, lambda: _factors(element))
        yield by_adapters(element)


def _factors(element: Attached) -> dict[str, Tensor]:
    """The factors of each matrix by PEFT's names."""
    modules = dict(element.model.plm.named_modules())
    return {
        f"base_model.model.{name}.ia3_l": _whole(factors, getattr(modules[f"{name}.loras.ia3"], "lora_ind", None))
        for name, factors in by_module(element, _FACTORS).items()
    }


def _whole(factors: Tensor, rows: Tensor | None) -> Tensor:
    """Factors [E x 1] of all outputs of a matrix: 1 where only some `rows` of them have one in `factors` [e x 1]."""
    return factors if rows is None else torch.ones(len(rows), 1).index_put((rows.nonzero()[:, 0],), factors)


SHARED = SharedFactors()
