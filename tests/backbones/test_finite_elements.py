"""Elements whose weights are no numbers are refused where they are loaded."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from priming.backbones.attachment import attach
from priming.backbones.loading import load_plm
from priming.errors import DataError
from priming.training.record import load_into, save_tensors
from tests.tiny_bart import SIZES


def test_an_element_that_is_not_finite_is_refused(plm_folders: Mapping[str, Path], tmp_path: Path) -> None:
    bart = attach(load_plm(plm_folders["bart"]), ("adapter",), SIZES, 0)
    values = {name: value.detach().clone() for name, value in bart.owned_by(("adapter",))}
    name = sorted(values)[0]
    values[name].view(-1)[-1] = torch.nan
    save_tensors(tmp_path / "adapter.safetensors", values)
    with pytest.raises(DataError, match=f"has weights that are not finite, in {name}; delete {tmp_path} and run snake"):
        load_into(bart, tmp_path / "adapter.safetensors", "adapter")
