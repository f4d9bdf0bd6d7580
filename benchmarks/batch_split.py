"""The sweep as a user of `adapters` alone would run it side by side: an adapter a run, on its own part of the batch.

`BatchSplit` lets each adapter see a slice of a batch, so that one pass of the frozen PLM serves all runs; the training
loop is plain torch, with a group of parameters a run.
"""

from collections.abc import Sequence
from typing import Any

import adapters
import torch
from adapters.composition import BatchSplit
from adapters.context import ForwardContext
from hugging_face import adapter_config
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForSeq2SeqLM, get_linear_schedule_with_warmup
from transformers.modeling_outputs import BaseModelOutput
from workload import LABELS, SEED, TASK, Measured, Named, Workload

from priming.backbones.device import device_of
from priming.backbones.encoding import IGNORE_INDEX, collate, pad
from priming.forms.batches import epoch_batch
from priming.runs.keys import key
from priming.training.grid import grid

PART = ".adapters."


def sweep_by_batch_split(workload: Workload) -> Measured:
    """All runs of the sweep at once."""
    tuner, samples, shape = workload.tuner(1), workload.samples, workload.shape
    runs = [(sample, point) for sample in samples for point in grid(tuner.strategy.tuned, tuner.tuning)]
    plm, names = _built(workload, len(runs))
    weights = [_of(plm, name, shape.element) for name in names]
    first = workload.tuned(tuner.model)
    with torch.no_grad():
        for own in weights:
            for name, parameter in own.items():
                parameter.copy_(first[name])
    optimizer = torch.optim.AdamW(_groups(weights, [point.rates[shape.element] for _, point in runs], tuner.tuning))
    steps, settings = shape.steps, tuner.tuning
    schedule = get_linear_schedule_with_warmup(optimizer, int(settings.warmup * steps), steps)
    keys = [key("tune", SEED, TASK, sample.number) for sample, _ in runs]
    ranked = pad(tuner.encoder.targets(LABELS), IGNORE_INDEX).to(plm.device)
    start, evaluation = workload.clock(), 0.0
    losses: list[list[float]] = [[] for _ in runs]
    scores: list[list[float]] = [[] for _ in runs]
    for step in range(steps + 1):
        if step % shape.evaluate_every == 0:
            begun = workload.clock()
            for own, found in zip(scores, _ranked(plm, names, [sample for sample, _ in runs], ranked), strict=True):
                own.append(found)
            evaluation += workload.clock() - begun
        if step == steps:
            break
        picks = [epoch_batch(s.train, k, step, shape.batch) for (s, _), k in zip(runs, keys, strict=True)]
        found = _step(plm, names, picks, weights, settings.clip, optimizer)
        schedule.step()
        if (step + 1) % shape.evaluate_every == 0:
            for own, loss in zip(losses, found.tolist(), strict=True):
                own.append(loss)
    seconds = workload.clock() - start
    final = [{name: parameter.detach().clone() for name, parameter in own.items()} for own in weights]
    return Measured(losses, scores, final, seconds - evaluation, evaluation)


def _built(workload: Workload, runs: int) -> tuple[Any, list[str]]:
    """The PLM with an adapter for each run; only these have gradients."""
    off = {"dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0}
    config = AutoConfig.from_pretrained(workload.folder, **off)
    plm: Any = AutoModelForSeq2SeqLM.from_pretrained(
        workload.folder, config=config, attn_implementation=workload.attention
    )
    adapters.init(plm)
    names = [f"run{number:03d}" for number in range(runs)]
    for name in names:
        plm.add_adapter(name, config=adapter_config("adapter", plm.config.d_model, workload.elements))
    plm.train_adapter(BatchSplit(*names, batch_sizes=[1] * runs))
    plm.to(device_of(workload.compute))
    return plm, names


def _of(plm: Any, name: str, element: str) -> Named:
    """The parameters of an adapter, by the project's names."""
    return {
        f"plm.{full.replace(f'{PART}{name}.', f'{PART}{element}.')}": parameter
        for full, parameter in plm.named_parameters()
        if f"{PART}{name}." in full
    }


def _groups(weights: Sequence[Named], rates: Sequence[float], settings: Any) -> list[dict[str, Any]]:
    """Matrices decay, vectors do not."""
    return [
        {
            "params": [parameter for parameter in own.values() if (parameter.dim() > 1) is matrices],
            "lr": rate,
            "weight_decay": settings.weight_decay if matrices else 0.0,
        }
        for own, rate in zip(weights, rates, strict=True)
        for matrices in (True, False)
    ]


def _step(
    plm: Any, names: Sequence[str], picks: Any, weights: Sequence[Named], clip: float | None, optimizer: Any
) -> Tensor:
    """A step of all runs; their losses [R]."""
    plm.train()
    batch = collate(picks, plm.config.pad_token_id).to(plm.device)
    runs, size = batch.input_ids.shape[:2]
    plm.set_active_adapters(BatchSplit(*names, batch_sizes=[size] * runs))
    labels = batch.labels.flatten(0, 1)
    logits = plm(input_ids=batch.input_ids.flatten(0, 1), attention_mask=batch.mask.flatten(0, 1), labels=labels).logits
    each = cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORE_INDEX, reduction="none").view(runs, -1)
    losses = each.sum(dim=1) / (labels != IGNORE_INDEX).view(runs, -1).sum(dim=1)
    optimizer.zero_grad()
    losses.sum().backward()
    if clip:
        for own in weights:
            torch.nn.utils.clip_grad_norm_(own.values(), clip)
    optimizer.step()
    return losses.detach()


@torch.no_grad()
def _ranked(plm: Any, names: Sequence[str], samples: Sequence[Any], ranked: Tensor) -> list[float]:
    """Each run's accuracy on its development set, its labels ranked; the encoder runs once."""
    plm.eval()
    rows = [ids for sample in samples for ids in sample.dev.inputs]
    inputs = pad(rows, plm.config.pad_token_id).to(plm.device)
    mask = (inputs != plm.config.pad_token_id).long()
    size, labels = len(samples[0].dev.inputs), len(ranked)
    plm.set_active_adapters(BatchSplit(*names, batch_sizes=[size] * len(samples)))
    with ForwardContext(plm, input_ids=inputs, attention_mask=mask):
        states = plm.get_encoder()(input_ids=inputs, attention_mask=mask).last_hidden_state
    plm.set_active_adapters(BatchSplit(*names, batch_sizes=[size * labels] * len(samples)))
    targets = ranked.repeat(len(rows), 1)
    logits = plm(
        encoder_outputs=BaseModelOutput(last_hidden_state=states.repeat_interleave(labels, 0)),
        attention_mask=mask.repeat_interleave(labels, 0),
        labels=targets,
        use_cache=False,
    ).logits
    picked = logits.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    scores = ((picked - logits.logsumexp(dim=-1)) * (targets != IGNORE_INDEX)).sum(dim=-1).view(len(samples), size, -1)
    gold = torch.tensor([[LABELS.index(references[0]) for references in s.dev_references] for s in samples])
    return (scores.argmax(dim=-1).cpu() == gold).double().mean(dim=1).tolist()
