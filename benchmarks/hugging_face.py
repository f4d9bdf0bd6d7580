"""The sweep as a user of Hugging Face's Seq2SeqTrainer and of `adapters` would run it: one run after the other.

Where there is a choice it is the one that is fast here: one model for all runs, examples encoded beforehand, nothing
saved to disk or logged, and at evaluation the encoder runs once for all labels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adapters import Seq2SeqAdapterTrainer
from torch import Tensor, nn
from torch.utils.data import SequentialSampler
from transformers import EvalPrediction, PrinterCallback, Seq2SeqTrainer, Seq2SeqTrainingArguments
from workload import LABELS, SEED, TASK, Measured, Named, Workload

from priming.models.device import device_of
from priming.models.encoding import IGNORED, pad, shifted
from priming.models.text_model import TextModel
from priming.training.batches import epoch_picks
from priming.training.keys import key
from priming.training.sweep import Point, Sample, grid
from priming.training.tuner import Tuner

Row = dict[str, Any]
LIBRARY = ("adapter", "prefix")


class Prompted(nn.Module):
    """A PLM with a soft prompt, which `adapters` does not offer for BART, as the Trainer wants a model."""

    def __init__(self, model: TextModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.model(input_ids, attention_mask, shifted(labels, self.model.start_id, self.model.pad_id))
        return {"loss": nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)}


class Ranking:
    """What both trainers get: batches in the given order, label ranking on a clock, the best parameters kept in memory."""

    def prepare(self, text_model: TextModel, tuned: Named, labels: Sequence[Sequence[int]], clock: Callable[[], float]) -> None:
        self.text_model, self.tuned, self.ranked, self.clock = text_model, tuned, pad(labels, IGNORED).to(text_model.device), clock
        self.losses: list[Tensor] = []
        self.scores: list[float] = []
        self.best: Named = {}
        self.seconds = 0.0

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset)

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Matrices, as the project does it."""
        return [name for name, parameter in model.named_parameters() if parameter.dim() > 1]

    def training_step(self, *inputs: Any, **named: Any) -> Tensor:
        loss: Tensor = super().training_step(*inputs, **named)  # type: ignore[misc]
        self.losses.append(loss)
        return loss

    def evaluate(self, *inputs: Any, **named: Any) -> dict[str, float]:
        start = self.clock()
        metrics: dict[str, float] = super().evaluate(*inputs, **named)  # type: ignore[misc]
        if not self.scores or metrics["eval_accuracy"] > max(self.scores):
            self.best = {name: parameter.detach().clone() for name, parameter in self.tuned.items()}
        self.scores.append(metrics["eval_accuracy"])
        self.seconds += self.clock() - start
        return metrics

    @torch.no_grad()
    def prediction_step(self, _model: nn.Module, inputs: Mapping[str, Tensor], *_: Any, **__: Any) -> tuple[None, Tensor, Tensor]:
        """The log-probability of each label [B x L], and the right label [B]."""
        model, count = self.text_model, len(self.ranked)
        states, mask = model.encode(inputs["input_ids"], inputs["attention_mask"])
        targets = self.ranked.repeat(len(states), 1)
        decoder_ids = shifted(targets, model.start_id, model.pad_id)
        logits = model.decode(states.repeat_interleave(count, 0), mask.repeat_interleave(count, 0), decoder_ids)
        picked = logits.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        scores = ((picked - logits.logsumexp(dim=-1)) * (targets != IGNORED)).sum(dim=-1)
        return None, scores.view(-1, count), inputs["gold"]


class RankingTrainer(Ranking, Seq2SeqTrainer):  # type: ignore[misc]
    """For the whole PLM, and for prompts."""


class RankingAdapterTrainer(Ranking, Seq2SeqAdapterTrainer):  # type: ignore[misc]
    """For what `adapters` attaches."""


def sweep_by_trainer(workload: Workload) -> Measured:
    """Every run of the sweep, one after the other."""
    tuner = workload.tuner(1)
    model, samples = tuner.model, workload.samples
    model.plm.set_attn_implementation(workload.attention)
    tuned = workload.tuned(model)
    trained = _trainable(model, workload.shape.element, tuned)
    first = {name: parameter.detach().clone() for name, parameter in tuned.items()}
    start = workload.clock()
    done, weights = [], []
    for sample, point in ((sample, point) for sample in samples for point in grid(tuner.strategy.tuned, tuner.tuning)):
        with torch.no_grad():
            for name, parameter in tuned.items():
                parameter.copy_(first[name])
        done.append(_train(workload, tuner, trained, tuned, sample, point))
        weights.append({name: parameter.detach().clone() for name, parameter in tuned.items()})
    seconds = workload.clock() - start
    evaluation = sum(trainer.seconds for trainer in done)
    every = workload.shape.evaluate_every
    losses = [[loss.item() for loss in trainer.losses[every - 1 :: every]] for trainer in done]
    return Measured(losses, [trainer.scores for trainer in done], weights, seconds - evaluation, evaluation)


def _trainable(model: TextModel, element: str, tuned: Named) -> nn.Module:
    """What the Trainer is given, with the gradient on for the tuned parameters alone."""
    if element in LIBRARY:
        model.plm.train_adapter(element)
    model.requires_grad_(False)
    for parameter in tuned.values():
        parameter.requires_grad_()
    return Prompted(model) if element == "prompt" else model.plm


def _train(workload: Workload, tuner: Tuner, trained: nn.Module, tuned: Named, sample: Sample, point: Point) -> Ranking:
    shape = workload.shape
    run_key = key("tune", SEED, TASK, sample.number)
    picks = chain.from_iterable(epoch_picks(sample.train, run_key, step, shape.batch) for step in range(shape.steps))
    trainer = (RankingAdapterTrainer if shape.element in LIBRARY else RankingTrainer)(
        model=trained,
        args=_arguments(tuner, point.rates[shape.element], shape.batch, workload.scratch),
        data_collator=lambda rows: _collated(rows, tuner.model.pad_id),
        train_dataset=[{"input_ids": inputs, "labels": targets} for inputs, targets in picks],
        eval_dataset=list(_development(sample)),
        compute_metrics=_accuracy,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.prepare(tuner.model, tuned, tuner.encoder.targets(LABELS), workload.clock)
    trainer.train()
    return trainer


def _arguments(tuner: Tuner, rate: float, batch: int, scratch: Path) -> Seq2SeqTrainingArguments:
    settings = tuner.tuning
    return Seq2SeqTrainingArguments(
        output_dir=str(scratch),
        max_steps=settings.steps,
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=64,
        learning_rate=rate,
        lr_scheduler_type="linear",
        warmup_steps=int(settings.warmup * settings.steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip or 0.0,
        eval_strategy="steps",
        eval_steps=settings.evaluate_every,
        eval_on_start=True,
        logging_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        logging_nan_inf_filter=False,
        bf16=tuner.compute.precision == "bfloat16",
        use_cpu=device_of(tuner.compute).type == "cpu",
    )


def _development(sample: Sample) -> Iterator[Row]:
    for inputs, targets, references in zip(sample.dev.inputs, sample.dev.targets, sample.dev_references, strict=True):
        yield {"input_ids": inputs, "labels": targets[0], "gold": LABELS.index(references[0])}


def _collated(rows: Sequence[Row], pad_id: int) -> dict[str, Tensor]:
    inputs = pad([row["input_ids"] for row in rows], pad_id)
    batch = {"input_ids": inputs, "attention_mask": (inputs != pad_id).long(), "labels": pad([row["labels"] for row in rows], IGNORED)}
    return batch | ({"gold": torch.tensor([row["gold"] for row in rows])} if "gold" in rows[0] else {})


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    chosen = np.asarray(prediction.predictions).argmax(axis=-1)
    return {"accuracy": float((chosen == prediction.label_ids).mean())}
