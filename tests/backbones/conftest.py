"""What tests of models share."""

from pathlib import Path
from typing import Any

import pytest
from torch import Tensor
from transformers.models.mt5.modeling_mt5 import MT5LayerNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

from tests.backbones.families import FAMILIES, LAYERS, Built, build
from tests.tiny_plms import save_generated_plm


@pytest.fixture
def float64_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    """T5 has its norms and softmax in float32 whatever the model is in, which would hide what is wrong by less."""

    def norm(self: Any, states: Tensor) -> Tensor:
        return self.weight * states * (states.pow(2).mean(-1, keepdim=True) + self.variance_epsilon).rsqrt()

    monkeypatch.setattr(T5LayerNorm, "forward", norm)
    monkeypatch.setattr(MT5LayerNorm, "forward", norm)
    monkeypatch.setattr(Tensor, "float", lambda tensor: tensor)


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with a tiny model of each family."""
    return {name: save_generated_plm(name, tmp_path_factory.mktemp(name), layers=LAYERS) for name in FAMILIES}


@pytest.fixture(scope="session")
def built(families: dict[str, Path]) -> Built:
    """`built(family, *elements, **settings)` is such a model with elements; settings are dropout and of `compute`."""
    return lambda family, *elements, **settings: build(families[family], family, *elements, **settings)
