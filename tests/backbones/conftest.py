"""What tests of models share."""

from typing import Any

import pytest
from torch import Tensor
from transformers.models.mt5.modeling_mt5 import MT5LayerNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm


@pytest.fixture
def float64_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    """T5 has its norms and softmax in float32 whatever the model is in, which would hide what is wrong by less."""

    def norm(self: Any, states: Tensor) -> Tensor:
        return self.weight * states * (states.pow(2).mean(-1, keepdim=True) + self.variance_epsilon).rsqrt()

    monkeypatch.setattr(T5LayerNorm, "forward", norm)
    monkeypatch.setattr(MT5LayerNorm, "forward", norm)
    monkeypatch.setattr(Tensor, "float", lambda tensor: tensor)
