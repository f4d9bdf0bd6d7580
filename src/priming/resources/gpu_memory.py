"""The GPU memory that a job takes, estimated from the study alone.

What is counted: weights, gradients, what the update rule remembers, copies that inner loops and sweeps hold, and
activations at the longest inputs and outputs that the study allows. Not counted: CUDA's own context, the gaps that an
allocator leaves, and temporary tensors of single operations.
"""

import math
from typing import NamedTuple

from priming.jobs.graph import Job, Result
from priming.resources.estimates import AT_ONCE, longest_tokens
from priming.resources.sizes import Size, element_parameters
from priming.runs.update_rules.table import HELD
from priming.study import Study

ENCODER, DECODER, ROWS = 32.0, 35.0, 2.25
"""Numbers held for the backward pass: times the width, per token and layer of an encoder or a decoder; and times the
heads, per pair of query and key. Measured on T5 1.1 with dropout, as are those in bfloat16 (tests/resources)."""
BFLOAT16, BFLOAT16_ROWS = 2 / 3, 7 / 9
"""Bytes in bfloat16 as a share of those in float32: norms and other functions stay in float32."""
CAST = 2.0
"""Bytes of a weight's copy in bfloat16, which autocast holds for the backward pass."""


class Tokens(NamedTuple):
    """Tokens of an input and of an output."""

    source: int
    target: int


def gpu_memory(study: Study, job: Job, size: Size) -> float | None:
    """Bytes on each GPU; None for jobs that use none, and for a PLM whose size is a guess."""
    if size.guessed or job.step not in _OF_STEP or study.compute.device == "cpu":
        return None
    return _OF_STEP[job.step](study, job.results[0], size)


def activations(study: Study, size: Size, tokens: Tokens, examples: float) -> float:
    """Bytes held for the backward pass of so many examples of the longest inputs and outputs."""
    half = study.compute.precision == "bfloat16"
    of_states, of_rows = (BFLOAT16, BFLOAT16_ROWS) if half else (1.0, 1.0)
    (source, target), layers = tokens, size.layers / size.stacks
    if size.stacks == 1:  # input and output pass together
        source, target = source + target, 0
    heads = max(1, size.width // 64)
    encoder = ENCODER * size.width * source * of_states + ROWS * heads * source**2 * of_rows
    decoder = DECODER * size.width * target * of_states + ROWS * heads * target * (source + target) * of_rows
    whole, once = layers * (encoder + decoder), CAST * size.body if half else 0.0
    if study.compute.checkpointing:
        inputs = layers * size.width * (source + target)
        whole, once = inputs + max(encoder, decoder), once / size.layers
    logits = 3.0 * target * size.vocabulary
    return 4.0 * examples * (whole + logits) + once


def _tokens(study: Study, plm: str) -> Tokens:
    return Tokens(*longest_tokens(study, plm))


def _parameters(study: Study, size: Size, elements: tuple[str, ...]) -> float:
    return float(sum(element_parameters(element, study.elements, size) for element in elements))


def _prime(study: Study, result: Result, size: Size) -> float:
    """Weights once, which those that are trained share; gradients; what the update rule holds; inner loops."""
    assert result.priming
    algorithm = study.algorithm_of(result.priming, result.plm)
    settings, outer = algorithm.settings, _parameters(study, size, result.priming.outer)
    gradients = 1.0
    if algorithm.has_inner_loop:  # as they are made and in their buffer; then those of the micro-batches before
        gradients = 3.0 if settings.accumulation_steps > 1 else 2.0
    rule = algorithm.optimizer
    held = gradients + (HELD[rule] if rule else 1.0)
    kept = 1.0 if settings.chooses else 0.0
    inner = algorithm.copies * _parameters(study, size, result.priming.inner)
    abreast = min(settings.bank, len(study.seeds)) if algorithm.banks else 1
    examples = math.ceil(algorithm.held / study.compute.gpus) * abreast
    spread = algorithm.spread * outer if abreast > 1 else 0.0
    weights = 4.0 * (size.parameters + abreast * (outer * (held + kept) + spread + inner))
    return weights + activations(study, size, _tokens(study, result.plm), examples)


def _tune(study: Study, result: Result, size: Size) -> float:
    """The PLM once; for each run of a bank its parameters, gradients, what the update rule holds, and the best step."""
    assert result.strategy
    tuning, tokens = study.tuning_of(result.plm, result.strategy), _tokens(study, result.plm)
    answering = 4.0 * AT_ONCE * (tokens.source * size.width * 4 + 2.0 * tokens.target * size.vocabulary)
    tuned = _parameters(study, size, result.strategy.tuned)
    points = math.prod(len(tuning.learning_rates.of(element)) for element in result.strategy.tuned)
    runs = min(tuning.bank, points * len(study.tasks.samples) * tuning.bank_tasks) if result.strategy.tuned else 0
    held = 3.0 + HELD[tuning.optimizer]
    training = activations(study, size, tokens, runs * max(tuning.batch_sizes)) if runs else 0.0
    return 4.0 * (size.parameters + runs * tuned * held) + max(training, answering)


def _pretrain(study: Study, result: Result, size: Size) -> float:
    """By AdamW, with outputs as long as inputs; nothing where the PLM is only fetched."""
    plm = study.plms[result.plm]
    if plm.generate is None:
        return 0.0
    held = 1.0 + 2.0 + HELD["adamw"]
    once = activations(study, size, Tokens(plm.max_input, plm.max_input), plm.generate.pretraining.batch)
    return 4.0 * size.parameters * held + once


_OF_STEP = {"pretrain": _pretrain, "prime": _prime, "tune": _tune}
