"""Pretraining by text infilling: a run alone of the one training loop, on all parameters of a PLM."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from priming.models.encoding import Batch
from priming.models.plm import LoadedPlm
from priming.models.pretraining import infilling_batch, infilling_loss
from priming.study.plm import Pretraining
from priming.training.curve import Curve
from priming.training.keys import generator
from priming.training.loop import Schedule, train
from priming.training.optimizer import AdamW
from priming.training.parameters import Gradients, StackedParameters
from priming.training.record import Stopwatch
from priming.training.state import Keeper, Place


@dataclass(frozen=True)
class Pretrained:
    """How a pretraining went: why it failed, None if it did not, and the points of its loss."""

    failure: str | None
    curve: Sequence[Mapping[str, Any]]


def pretrain(
    name: str, loaded: LoadedPlm, texts: Sequence[str], settings: Pretraining, max_input: int, watch: Stopwatch, place: Place | None = None
) -> Pretrained:
    """Train the model of `loaded` in place, on its device.

    Args:
        name: what the study calls the PLM.
        loaded: model and tokenizer.
        texts: what it is to write out.
        settings: steps, rates and masks.
        max_input: tokens that a text is cut to.
        watch: runs since the job began.
        place: where its state is kept and found, if anywhere.

    Raises:
        StoppedError: a signal told it to stop; its state is kept where there is a place for it.
    """
    loaded.model.eval()  # it has no dropout
    parameters = StackedParameters.repeated(loaded.model.named_parameters(), 1)
    rate = torch.tensor([settings.learning_rate], dtype=torch.float64, device=loaded.model.device)
    optimizer = AdamW({"plm": rate}, settings.weight_decay)
    curve = Curve(f"{name}, pretraining", settings.steps)
    keeper = Keeper(place, {"parameters": parameters, "optimizer": optimizer, "curve": curve, "watch": watch}) if place else None
    with parameters.lent_to(loaded.model) as own, keeper.saving() if keeper else nullcontext():
        objective = Infilling(loaded, own, texts, settings, max_input)
        outcome = train(parameters, objective, optimizer, Schedule(settings.steps, settings.warmup, settings.clip), curve.after_step, keeper)
    return Pretrained(outcome.failures.get(0), curve.points)


class Infilling:
    """The loss of writing masked texts out, and its gradient in the parameters that are lent to the model."""

    def __init__(self, loaded: LoadedPlm, own: Mapping[str, nn.Parameter], texts: Sequence[str], settings: Pretraining, max_input: int) -> None:
        """`own` are the parameters of the model that are trained, in any order."""
        self.loaded, self.own, self.texts, self.settings, self.max_input = loaded, own, texts, settings, max_input

    def __call__(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """The loss [1] and its gradient at `step`."""
        loss = infilling_loss(self.loaded.model, self.batch(step).to(self.loaded.model.device))
        gradients = torch.autograd.grad(loss, list(self.own.values()))
        return loss.detach()[None], parameters.gathered(dict(zip(self.own, gradients, strict=True)))

    def batch(self, step: int) -> Batch:
        """The texts and masks of `step`, functions of the seed and the step."""
        random = generator("pretrain", self.settings.seed, step)
        chosen = [self.texts[i] for i in random.integers(len(self.texts), size=self.settings.batch)]
        return infilling_batch(self.loaded, chosen, self.settings, self.max_input, random)
