"""What a development set can be scored by."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

Score = Callable[[Any, Mapping[str, Tensor]], Tensor]
"""From what the model answers and the batch, a number for each example [B]; it runs under `vmap`."""
Loss = Callable[[Any, Mapping[str, Tensor]], Tensor]
"""From what the model answers and the batch, a scalar."""


def accuracy(answer: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """Whether the class of the highest logit is the label [B]; for models that classify inputs."""
    return (answer.logits.argmax(dim=-1) == batch["labels"]).float()


def own_loss(answer: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """The loss that the model's answer has where it was given labels."""
    found: Tensor = answer.loss
    return found
