"""What cannot be tuned, said before anything is."""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from priming.banks.runs import Run
from priming.banks.settings import Settings
from priming.errors import nearest


def check(model: nn.Module, runs: Sequence[Run], settings: Settings) -> None:
    """Raise ValueError, with what to do about it, if these runs of this model cannot be trained."""
    for problem in (*_of_model(model, settings), *_of_settings(settings), *_of_runs(model, runs)):
        raise ValueError(problem)


def _of_model(model: nn.Module, settings: Settings) -> Iterator[str]:
    config: Any = getattr(model, "config", None)
    attention = getattr(config, "_attn_implementation", None)
    if attention not in (None, "eager"):
        yield (
            f"the model's attention is {attention!r}, which cannot run for several sets of parameters at once; "
            "load it with attn_implementation='eager'"
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        yield "no parameter of the model asks for gradients; add something to tune, or set requires_grad"
    for name, value in vars(config).items() if config and settings.dropout else ():
        if name.endswith("layerdrop") and value:
            yield f"config.{name} is {value}: layers that drop out as a whole are not supported; set it to 0"


def _of_settings(settings: Settings) -> Iterator[str]:
    for name in ("steps", "batch_size", "evaluation_batch", "bank"):
        if getattr(settings, name) < 1:
            yield f"{name} is {getattr(settings, name)}; allowed: 1 or more"
    if settings.evaluate_every is not None and settings.evaluate_every < 1:
        yield f"evaluate_every is {settings.evaluate_every}; allowed: 1 or more, or None"
    if not 0 <= settings.warmup < 1:
        yield f"warmup is {settings.warmup}; allowed: a fraction of the steps, from 0 to below 1"


def _of_runs(model: nn.Module, runs: Sequence[Run]) -> Iterator[str]:
    own = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    for number, run in enumerate(runs):
        if not run.train:
            yield f"runs[{number}] has no examples to train on"
        if not run.rate > 0:
            yield f"runs[{number}].rate is {run.rate}; allowed: above 0"
        for name, value in run.start.items():
            if name not in own:
                yield f"runs[{number}].start: the model tunes no parameter {name!r}{nearest(name, own)}"
            elif value.shape != own[name].shape:
                yield f"runs[{number}].start[{name!r}] is {tuple(value.shape)}; the model's is {tuple(own[name].shape)}"
