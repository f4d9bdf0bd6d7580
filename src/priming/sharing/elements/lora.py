"""LoRA as PEFT has it, else as `adapters` has it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from priming.sharing.formats import by_adapters, by_module, by_peft
from priming.sharing.interface import Attached, Format, Shared

_DOWN, _UP = ".loras.lora.lora_A", ".loras.lora.lora_B"


class SharedLora(Shared):
    """PEFT has one pair of factors a matrix; where queries, keys and values are one matrix, that of the library's pairs
    side by side."""

    name = "lora"

    def formats(self, element: Attached) -> Iterator[Format]:
        """Both scale by alpha / rank."""
        rank, alpha = element.options.rank, element.options.alpha
        ranks = {name: len(down) for name, down in by_module(element, _DOWN).items()}
        others = {name: own for name, own in ranks.items() if own != rank}
        config = {
            "peft_type": "LORA",
            "r": rank,
            "lora_alpha": alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "target_modules": sorted(ranks),
            "rank_pattern": {f"^{name}": own for name, own in others.items()},
            "alpha_pattern": {f"^{name}": alpha / rank * own for name, own in others.items()},
        }
        yield by_peft(element, config, lambda: _factors(element))
        yield by_adapters(element)


def _factors(element: Attached) -> dict[str, Tensor]:
    """Both factors of each matrix by PEFT's names."""
    modules, ups = dict(element.model.plm.named_modules()), by_module(element, _UP)
    found: dict[str, Tensor] = {}
    for name, down in by_module(element, _DOWN).items():
        up = _whole(ups[name], len(down), getattr(modules[f"{name}.loras.lora"], "lora_ind", None))
        found |= {f"base_model.model.{name}.lora_A.weight": down, f"base_model.model.{name}.lora_B.weight": up}
    return found


def _whole(up: Tensor, rank: int, rows: Tensor | None) -> Tensor:
    """The factor [E x R] of a matrix from those of its parts [e x r], each of which reads its own r of the R rows."""
    if rows is None:
        return up
    parts = rank // up.shape[1]
    return torch.zeros(len(rows), rank).index_put((rows.nonzero()[:, 0],), torch.block_diag(*up.chunk(parts)))


SHARED = SharedLora()
