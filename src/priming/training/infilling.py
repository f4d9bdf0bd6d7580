"""Pretraining by text infilling: a single run of the common training loop, on all parameters of a PLM."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from priming.backbones.encoding import Batch
from priming.backbones.loading import LoadedPlm
from priming.backbones.sections import Pretraining
from priming.backbones.table import BACKBONES
from priming.runs.checkpoints import CheckpointDir, Checkpointer, Stateful
from priming.runs.keys import generator
from priming.runs.loop import Course, train
from priming.runs.loss_curve import LossCurve
from priming.runs.parameters import Gradients, StackedParameters
from priming.runs.update_rules.adamw import AdamW
from priming.training.record import Stopwatch


@dataclass(frozen=True)
class Pretrained:
    """The outcome of a pretraining: why it failed (None if it did not), and its loss curve."""

    failure: str | None
    curve: Sequence[Mapping[str, Any]]


def pretrain(
    name: str,
    loaded: LoadedPlm,
    texts: Sequence[str],
    settings: Pretraining,
    max_input: int,
    watch: Stopwatch,
    place: CheckpointDir | None = None,
) -> Pretrained:
    """Train the model of `loaded` in place, on its device.

    Args:
        name: the PLM's name in the study.
        loaded: model and tokenizer.
        texts: the texts to reconstruct.
        settings: steps, rates and masks.
        max_input: the number of tokens to which texts are truncated.
        watch: a stopwatch, started with the job.
        place: the folder to save its state in and resume from, if any.

    Raises:
        StoppedError: stopped by a signal; the state is saved if there is a `place`.
    """
    loaded.model.eval()  # it has no dropout
    parameters = StackedParameters.repeated(loaded.model.named_parameters(), 1, lambda _: "plm")
    rate = torch.tensor([settings.learning_rate], dtype=torch.float64, device=loaded.model.device)
    optimizer = AdamW({"plm": rate}, settings.weight_decay)
    curve = LossCurve(f"{name}, pretraining", settings.steps)
    parts: dict[str, Stateful] = {"parameters": parameters, "optimizer": optimizer, "curve": curve, "watch": watch}
    keeper = Checkpointer(place, parts) if place else None
    course = Course(settings.steps, settings.warmup, settings.clip)
    with parameters.lent_to(loaded.model) as own, keeper.saving() if keeper else nullcontext():
        objective = Infilling(loaded, own, texts, settings, max_input)
        objective.batch(0)  # the tokenizer is saved with the length it cuts at, also where no step is left to resume
        outcome = train(parameters, objective, optimizer, course, curve.after_step, keeper)
    return Pretrained(outcome.failures.get(0), curve.points)


class Infilling:
    """The loss of reconstructing masked texts, and its gradient with respect to the model's trained parameters."""

    def __init__(
        self,
        loaded: LoadedPlm,
        own: Mapping[str, nn.Parameter],
        texts: Sequence[str],
        settings: Pretraining,
        max_input: int,
    ) -> None:
        """`own` are the trained parameters of the model, in any order."""
        self.loaded, self.own, self.texts, self.settings, self.max_input = loaded, own, texts, settings, max_input

    def __call__(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """The loss [1] and its gradient at `step`."""
        loss = BACKBONES[self.loaded.model.config.model_type].pretraining_loss(
            self.loaded.model, self.batch(step).to(self.loaded.model.device)
        )
        gradients = torch.autograd.grad(loss, list(self.own.values()))
        return loss.detach()[None], parameters.gathered(dict(zip(self.own, gradients, strict=True)))

    def batch(self, step: int) -> Batch:
        """The texts and masks of `step`; they depend only on seed and step."""
        random = generator("pretrain", self.settings.seed, step)
        chosen = [self.texts[i] for i in random.integers(len(self.texts), size=self.settings.batch)]
        backbone = BACKBONES[self.loaded.model.config.model_type]
        return backbone.pretraining_batch(self.loaded, chosen, self.settings, self.max_input, random)
