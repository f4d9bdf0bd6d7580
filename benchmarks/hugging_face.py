"""The sweep as a user of Hugging Face's Seq2SeqTrainer and of `adapters` would run it: one run after the other.

These libraries alone build the model; data, settings and initial values are the project's. Where there is a choice, it
is the one that is fast here: one model for all runs, examples encoded beforehand, nothing
saved to disk or logged, and at evaluation the encoder runs once for all labels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import adapters
import numpy as np
import torch
from adapters import BnConfig, DoubleSeqBnConfig, ParBnConfig, PrefixTuningConfig, Seq2SeqAdapterTrainer, SeqBnConfig
from adapters.context import ForwardContext
from torch import Tensor, nn
from torch.utils.data import SequentialSampler
from transformers import (
    AutoConfig,
    AutoModelForSeq2SeqLM,
    EvalPrediction,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)
from transformers.modeling_outputs import BaseModelOutput
from workload import LABELS, SEED, TASK, Measured, Named, Workload

from priming.backbones.device import device_of
from priming.backbones.encoding import IGNORE_INDEX, pad
from priming.elements.sections import Elements
from priming.forms.batches import epoch_batch
from priming.runs.keys import key
from priming.training.grid import Point, Sample, grid
from priming.training.tuner import Tuner

Row = dict[str, Any]
LIBRARY = {"adapter": ".adapters.adapter.", "prefix": "model.prefix_tuning.prefix_tunings.prefix."}
"""Elements that `adapters` attaches, with a part of their parameters' names; a prefix also has others."""
NOTHING_ELSE: dict[str, Any] = {
    "logging_strategy": "no", "save_strategy": "no", "report_to": [], "disable_tqdm": True,
    "remove_unused_columns": False, "dataloader_pin_memory": False, "logging_nan_inf_filter": False,
}  # fmt: skip
"""Arguments with which a Trainer trains, and does nothing besides."""
BOTTLENECKS: dict[str, type[BnConfig]] = {
    "seq_bn": SeqBnConfig,
    "double_seq_bn": DoubleSeqBnConfig,
    "par_bn": ParBnConfig,
}


class Prompted(nn.Module):
    """A PLM with a soft prompt, in the form that the Trainer needs; `adapters` has none for BART."""

    def __init__(self, plm: Any, length: int) -> None:
        super().__init__()
        self.plm, self.prompt = plm, nn.Parameter(torch.zeros(length, plm.config.d_model))

    def embedded(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Embeddings and mask of prompt and inputs, as arguments of the PLM."""
        embeddings = torch.cat(
            [self.prompt.expand(len(input_ids), -1, -1), self.plm.get_input_embeddings()(input_ids)], dim=1
        )
        ones = attention_mask.new_ones(len(input_ids), len(self.prompt))
        return {"inputs_embeds": embeddings, "attention_mask": torch.cat([ones, attention_mask], dim=1)}

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Any:
        return self.plm(**self.embedded(input_ids, attention_mask), labels=labels)


@dataclass(frozen=True)
class Built:
    """The Trainer's model: a PLM, and the tuned parameters by the project's names; only these have gradients."""

    trained: nn.Module
    plm: Any
    tuned: Named

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder states and their mask."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if isinstance(self.trained, Prompted):
            inputs = self.trained.embedded(**inputs)
        # For the encoder alone, `adapters` needs the batch for which it builds prefixes.
        with ForwardContext(self.plm, **inputs) if hasattr(self.plm, "adapters_config") else nullcontext():
            return self.plm.get_encoder()(**inputs).last_hidden_state, inputs["attention_mask"]


def build(workload: Workload) -> Built:
    """The PLM with its element, from the folder of the workload."""
    config = AutoConfig.from_pretrained(workload.folder, dropout=0.0, attention_dropout=0.0, activation_dropout=0.0)
    plm: Any = AutoModelForSeq2SeqLM.from_pretrained(
        workload.folder, config=config, attn_implementation=workload.attention
    )
    element, sizes = workload.shape.element, workload.elements
    trained = Prompted(plm, sizes.prompt.length) if element == "prompt" else plm
    if element in LIBRARY:
        adapters.init(plm)
        plm.add_adapter(element, config=adapter_config(element, plm.config.d_model, sizes))
        plm.train_adapter(element)
    trained.requires_grad_(False).to(device_of(workload.compute))
    if element in LIBRARY:
        tuned = {
            f"plm.{name}": p for name, p in plm.named_parameters(remove_duplicate=False) if LIBRARY[element] in name
        }
    else:
        tuned = (
            {f"plm.{name}": p for name, p in plm.named_parameters()} if element == "plm" else {"prompt": trained.prompt}
        )
    for parameter in tuned.values():
        parameter.requires_grad_()
    return Built(trained, plm, tuned)


def adapter_config(element: str, width: int, sizes: Elements) -> BnConfig | PrefixTuningConfig:
    if element == "prefix":
        return PrefixTuningConfig(flat=True, prefix_length=sizes.prefix.length)
    return BOTTLENECKS[sizes.adapter.config](
        reduction_factor=width / sizes.adapter.bottleneck, non_linearity=sizes.adapter.nonlinearity
    )


class InOrder:
    """A Trainer's training as the project's: batches in a given order; only matrices decay."""

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset)

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        return [name for name, parameter in model.named_parameters() if parameter.dim() > 1]


class Ranking(InOrder):
    """What both trainers share: timed label ranking, the best parameters kept in memory."""

    def prepare(self, built: Built, labels: Sequence[Sequence[int]], clock: Callable[[], float]) -> None:
        self.built, self.tuned, self.ranked, self.clock = (
            built,
            built.tuned,
            pad(labels, IGNORE_INDEX).to(built.plm.device),
            clock,
        )
        self.losses: list[Tensor] = []
        self.scores: list[float] = []
        self.best: Named = {}
        self.seconds = 0.0

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
    def prediction_step(
        self, _model: nn.Module, inputs: Mapping[str, Tensor], *_: Any, **__: Any
    ) -> tuple[None, Tensor, Tensor]:
        """The log-probability of each label [B x L], and the right label [B]."""
        count = len(self.ranked)
        with self.compute_loss_context_manager():  # type: ignore[attr-defined]
            states, mask = self.built.encode(inputs["input_ids"], inputs["attention_mask"])
            targets = self.ranked.repeat(len(states), 1)
            encoded = BaseModelOutput(last_hidden_state=states.repeat_interleave(count, 0))
            output = self.built.plm(
                encoder_outputs=encoded,
                attention_mask=mask.repeat_interleave(count, 0),
                labels=targets,
                use_cache=False,
            )
        logits = output.logits.float()
        picked = logits.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        scores = ((picked - logits.logsumexp(dim=-1)) * (targets != IGNORE_INDEX)).sum(dim=-1)
        return None, scores.view(-1, count), inputs["gold"]


class RankingTrainer(Ranking, Seq2SeqTrainer):  # type: ignore[misc]
    """For tuning the whole PLM, or prompts."""


class RankingAdapterTrainer(Ranking, Seq2SeqAdapterTrainer):  # type: ignore[misc]
    """For elements that `adapters` attaches."""


def sweep_by_trainer(workload: Workload) -> Measured:
    """Every run of the sweep, one after the other."""
    tuner, samples, built = workload.tuner(1), workload.samples, build(workload)
    tuned, first = built.tuned, workload.tuned(tuner.model)
    if tuned.keys() != first.keys():
        raise RuntimeError("the project's model and that of the libraries have parameters of different names")
    start = workload.clock()
    done, weights = [], []
    for sample, point in ((sample, point) for sample in samples for point in grid(tuner.strategy.tuned, tuner.tuning)):
        with torch.no_grad():
            for name, parameter in tuned.items():
                parameter.copy_(first[name])
        done.append(_train(workload, tuner, built, sample, point))
        weights.append({name: parameter.detach().clone() for name, parameter in tuned.items()})
    seconds = workload.clock() - start
    evaluation = sum(trainer.seconds for trainer in done)
    every = workload.shape.evaluate_every
    losses = [[loss.item() for loss in trainer.losses[every - 1 :: every]] for trainer in done]
    return Measured(losses, [trainer.scores for trainer in done], weights, seconds - evaluation, evaluation)


def _train(workload: Workload, tuner: Tuner, built: Built, sample: Sample, point: Point) -> Ranking:
    shape = workload.shape
    run_key = key("tune", SEED, TASK, sample.number)
    picks = chain.from_iterable(epoch_batch(sample.train, run_key, step, shape.batch) for step in range(shape.steps))
    trainer = (RankingAdapterTrainer if shape.element in LIBRARY else RankingTrainer)(
        model=built.trained,
        args=_arguments(tuner, point.rates[shape.element], shape.batch, workload.scratch),
        data_collator=lambda rows: collated(rows, built.plm.config.pad_token_id),
        train_dataset=[{"input_ids": inputs, "labels": targets} for inputs, targets in picks],
        eval_dataset=list(_development(sample)),
        compute_metrics=_accuracy,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.prepare(built, tuner.encoder.targets(LABELS), workload.clock)
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
        **NOTHING_ELSE,
        bf16=tuner.compute.precision == "bfloat16",
        use_cpu=device_of(tuner.compute).type == "cpu",
    )


def _development(sample: Sample) -> Iterator[Row]:
    for inputs, targets, references in zip(sample.dev.inputs, sample.dev.targets, sample.dev_references, strict=True):
        yield {"input_ids": inputs, "labels": targets[0], "gold": LABELS.index(references[0])}


def collated(rows: Sequence[Row], pad_id: int) -> dict[str, Tensor]:
    inputs = pad([row["input_ids"] for row in rows], pad_id)
    batch = {
        "input_ids": inputs,
        "attention_mask": (inputs != pad_id).long(),
        "labels": pad([row["labels"] for row in rows], IGNORE_INDEX),
    }
    return batch | ({"gold": torch.tensor([row["gold"] for row in rows])} if "gold" in rows[0] else {})


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    chosen = np.asarray(prediction.predictions).argmax(axis=-1)
    return {"accuracy": float((chosen == prediction.label_ids).mean())}
