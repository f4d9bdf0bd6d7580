"""The benchmark's workload: a PLM, few-shot samples, a grid, and the initial values of every run."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import BartConfig, BartForConditionalGeneration

from priming.backbones.compute import Compute
from priming.backbones.device import device_of
from priming.backbones.encoding import TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.backbones.tokenizer import SPECIAL, train_tokenizer
from priming.elements.sections import Elements
from priming.runs.keys import generator
from priming.strategies import Strategy
from priming.study.plm import Plm
from priming.study.tuning import Grid, Scoring, Tuning
from priming.training.grid import Sample
from priming.training.tuner import Tuner

TASK, SEED = "benchmark", 1
LABELS = ("good", "bad")
SHOTS = 16
RATES = {"plm": (5e-4, 1e-3), "adapter": (5e-3, 1e-2), "prompt": (0.25, 0.5), "prefix": (0.05, 0.1)}
Named = dict[str, Tensor]
CPU, DEFAULT = Compute(device="cpu"), Elements()

TINY = {
    "vocab_size": 1250, "d_model": 128, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 512,
    "decoder_ffn_dim": 512, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_position_embeddings": 256,
    "init_std": 0.06,
}  # fmt: skip
BART_BASE = {
    "vocab_size": 50265, "d_model": 768, "encoder_layers": 6, "decoder_layers": 6, "encoder_ffn_dim": 3072,
    "decoder_ffn_dim": 3072, "encoder_attention_heads": 12, "decoder_attention_heads": 12,
    "max_position_embeddings": 1024, "init_std": 0.02, "dropout": 0.1, "attention_dropout": 0.1,
    "activation_dropout": 0.1,
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A sweep: tuned element, batch size, tokens of the longest input, number of runs, steps per run."""

    element: str
    batch: int
    tokens: int
    runs: int
    steps: int
    evaluate_every: int


@dataclass(frozen=True)
class Measured:
    """One way's results, and its total seconds.

    Per run: losses and development scores at every evaluation, and the tuned parameters after the last step.
    """

    losses: list[list[float]]
    scores: list[list[float]]
    weights: list[Named]
    training: float
    evaluation: float


@dataclass(frozen=True)
class Workload:
    """The sweep of one shape from the PLM in `folder`; `scratch` is a folder for temporary files.

    `attention` is the implementation in the Trainer's model; the project's is always eager.
    """

    folder: Path
    shape: Shape
    scratch: Path
    compute: Compute = CPU
    elements: Elements = DEFAULT
    attention: str = "eager"

    def tuner(self, bank: int) -> Tuner:
        """The project's tuner, with at most `bank` runs side by side; its model holds the initial values."""
        strategy = Strategy.parse(f"none -> {self.shape.element}")
        return Tuner(
            Plm(path=str(self.folder)),
            self.folder,
            self.elements,
            strategy,
            self._tuning(bank),
            Scoring(),
            SEED,
            self.compute,
        )

    def clock(self) -> float:
        """CPU seconds of the only thread; on a GPU, wall time once it has finished its work."""
        if device_of(self.compute).type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def _tuning(self, bank: int) -> Tuning:
        shape = self.shape
        grid = Grid(**{shape.element: list(RATES[shape.element])})
        schedule = {"steps": shape.steps, "evaluate_every": shape.evaluate_every, "batch_sizes": [shape.batch]}
        return Tuning(**schedule, learning_rates=grid, dropout=0.0, bank=bank, ties="first")

    @cached_property
    def samples(self) -> list[Sample]:
        """As many samples as the shape's runs need, each at every rate."""
        tuner = self.tuner(1)
        return [
            _sample(tuner, number, self.shape.tokens)
            for number in range(self.shape.runs // len(RATES[self.shape.element]))
        ]

    def tuned(self, model: TextModel) -> Named:
        """The tuned parameters of a model, by name."""
        return dict(model.owned_by((self.shape.element,)))


def random_plm(folder: Path, size: Mapping[str, Any] = TINY) -> Path:
    """Write a random BART of this size, with a tokenizer, to `folder`."""
    tokenizer = train_tokenizer([" ".join(LABELS)] * 2, 300)
    torch.manual_seed(0)
    config = BartConfig(
        **size, forced_eos_token_id=None, bos_token_id=SPECIAL.index("<s>"), pad_token_id=SPECIAL.index("<pad>"),
        eos_token_id=SPECIAL.index("</s>"), decoder_start_token_id=SPECIAL.index("</s>"),
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _sample(tuner: Tuner, number: int, tokens: int) -> Sample:
    """SHOTS examples per class for training, and as many for development."""
    random = generator(TASK, number)
    vocabulary = tuner.model.plm.config.vocab_size
    train, dev = (_examples(tuner, random, vocabulary, tokens) for _ in range(2))
    return Sample(TASK, number, train, dev, [(label,) for _ in range(SHOTS) for label in LABELS], LABELS)


def _examples(tuner: Tuner, random: np.random.Generator, vocabulary: int, tokens: int) -> TokenizedDataset:
    """Random ids, between three quarters of `tokens` and `tokens` long; every second id is the label's."""
    outputs: Sequence[list[int]] = tuner.encoder.targets(LABELS)
    inputs, targets = [], []
    for row in range(SHOTS * len(LABELS)):
        label = row % len(LABELS)
        body = random.integers(20, vocabulary, size=int(random.integers(tokens * 3 // 4, tokens + 1)) - 1)
        body[::2] = 10 + label
        inputs.append((*body.tolist(), tuner.model.end_id))
        targets.append((tuple(outputs[label]),))
    return TokenizedDataset(tuple(inputs), tuple(targets))
