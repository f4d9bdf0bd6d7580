"""Estimates of GPU memory, against figures that were worked out by others and against tensors that are held."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import T5Config, T5ForConditionalGeneration

from priming.jobs.graph import Job, graph
from priming.resources.gpu_memory import Tokens, activations, gpu_memory
from priming.resources.plan import described, plan
from priming.resources.sizes import KNOWN, Size, plm_size
from priming.runs.dropout import CoordinateDropout
from priming.study import Study

GIGA = 1e9
TINY = Path(__file__).parents[1] / "tiny_study.yaml"
LARGE, XL = "google/t5-large-lm-adapt", "google/t5-xl-lm-adapt"
RATES = {"plm": 1e-3, "prompt": 1e-3}
PRIMING = {"learning_rates": RATES, "optimizer": "adafactor", "budget": {"steps": 1}}
MTL, FOMAML = "mtl[plm+prompt] -> prompt", "maml[plm+prompt | prompt x7] -> prompt"


def study(hub: str = LARGE, strategy: str = MTL, lengths: tuple[int, int] = (748, 192), **compute: Any) -> Study:
    """The paper's trainings in its micro-batches; 20 tokens of a prompt come to the inputs."""
    data = yaml.safe_load(TINY.read_text())
    return Study.model_validate(
        {
            **data,
            "plms": {"t5": {"hub": hub, "revision": "abc", "max_input": lengths[0], "max_output": lengths[1]}},
            "elements": {"prompt": {"length": 20}},
            "strategies": [strategy, "none -> prompt"],
            "scoring": {"arg_baseline": "none"},
            "priming": {
                "mtl": {**PRIMING, "batch": 4, "accumulation_steps": 2},
                "maml": {
                    **PRIMING, "order": "first", "tasks": 2, "accumulation_steps": 2, "support": 1, "query": 1,
                    "inner_learning_rates": RATES,
                },
            },
            "tuning": {
                "steps": 2, "bank": 1, "batch_sizes": [16], "optimizer": "adafactor", "learning_rates": {"prompt": [1]}
            },
            "compute": compute,
        }
    )  # fmt: skip


def memory(of: Study, step: str) -> float | None:
    jobs = graph(of).jobs.values()
    job: Job = next(job for job in jobs if job.step == step)
    return gpu_memory(of, job, plm_size(of.plms["t5"], Path()))


@pytest.mark.parametrize(
    ("hub", "tokens", "published"),
    [
        (LARGE, Tokens(182, 25), 0.7),
        (XL, Tokens(182, 25), 1.4),
        (LARGE, Tokens(768, 192), 6),
        (XL, Tokens(768, 192), 12),
    ],
)
def test_activations_of_one_example(hub: str, tokens: Tokens, published: float) -> None:
    """Worked out for eager attention in float32, with masks of one byte."""
    found = activations(study(hub), plm_size(study(hub).plms["t5"], Path()), tokens, 1)
    assert found / GIGA == pytest.approx(published, rel=0.25)


@pytest.mark.parametrize(
    ("hub", "strategy", "lengths", "step", "published"),
    [
        (LARGE, MTL, (748, 192), "prime", 18),
        (XL, MTL, (748, 192), "prime", 47),
        (LARGE, FOMAML, (748, 192), "prime", 19),
        (XL, FOMAML, (748, 192), "prime", 58),
        (LARGE, MTL, (160, 25), "tune", 14),
        (XL, MTL, (160, 25), "tune", 34),
    ],
)
def test_trainings_of_t5(hub: str, strategy: str, lengths: tuple[int, int], step: str, published: float) -> None:
    """Multi-task learning on two examples at a time, a step of a meta-learner on one, tuning a prompt on sixteen."""
    found = memory(study(hub, strategy, lengths), step)
    assert found is not None
    assert found / GIGA == pytest.approx(published, rel=0.25)


def test_weights_gradients_and_moments_by_hand() -> None:
    """What AdamW holds beside Adafactor: two moments, a scratch tensor, a byte; of all parameters that are trained."""
    factored, moments = study(), study()
    mtl = moments.priming.mtl.model_copy(update={"optimizer": "adamw"})
    moments = moments.model_copy(update={"priming": moments.priming.model_copy(update={"mtl": mtl})})
    more = (memory(moments, "prime") or 0) - (memory(factored, "prime") or 0)
    trained = KNOWN["t5-v1_1-large"].parameters + 20 * 1024
    assert more == pytest.approx(4 * trained * (3.25 - 0.05), rel=1e-6)


def test_less_in_bfloat16_and_with_layers_computed_again() -> None:
    whole, half, again = (
        memory(study(**on), "prime") for on in ({}, {"precision": "bfloat16"}, {"checkpointing": True})
    )
    assert whole is not None
    assert half is not None
    assert again is not None
    assert whole > half > again
    # Of 24 + 24 layers: their inputs, and the activations of one.
    weights = 4 * 783_150_080 * 2
    assert again - weights < 0.15 * (whole - weights)


def test_nothing_is_said_of_guesses_and_processors() -> None:
    assert memory(study("someone/very-large"), "prime") is None
    assert memory(study(device="cpu"), "prime") is None
    assert memory(study(), "score") is None


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("tokens", [Tokens(128, 16), Tokens(64, 64), Tokens(256, 128)])
def test_activations_are_those_that_a_t5_holds(precision: str, tokens: Tokens) -> None:
    """Counted tensor by tensor on a T5 1.1 with the feed-forward width of T5-Large."""
    width, layers, vocabulary = 256, 2, 300
    config = T5Config(
        vocab_size=vocabulary, d_model=width, d_kv=64, num_heads=width // 64, d_ff=704, num_layers=layers,
        num_decoder_layers=layers, feed_forward_proj="gated-gelu", tie_word_embeddings=False, dropout_rate=0.1,
        use_cache=False,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config).train()
    own, held = {p.untyped_storage().data_ptr() for p in model.parameters()}, dict[int, tuple[int, Any]]()

    def note(value: torch.Tensor) -> torch.Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            held[storage.data_ptr()] = storage.nbytes(), value
        return value

    half = precision == "bfloat16"
    casting = torch.autocast("cpu", torch.bfloat16, cache_enabled=False) if half else nullcontext()
    with (
        torch.autograd.graph.saved_tensors_hooks(note, lambda value: value),
        casting,
        CoordinateDropout(torch.tensor(1)),
    ):
        logits = model(
            input_ids=torch.randint(3, 300, (3, tokens.source)),
            decoder_input_ids=torch.randint(3, 300, (3, tokens.target)),
        ).logits
        logits.flatten(0, 1).float().log_softmax(dim=-1).sum()
    size = Size(sum(p.numel() for p in model.parameters()), width, 2 * layers, vocabulary)
    found = activations(study(precision=precision), size, tokens, 3)
    assert found == pytest.approx(sum(number for number, _ in held.values()), rel=0.1)


def test_the_plan_has_a_column() -> None:
    found = plan(study(), Path())
    primed = memory(study(), "prime")
    assert primed is not None
    assert {phase.step: phase.gpu_memory for phase in found.phases}["prime"] >= primed
    lines = described(found).splitlines()
    assert lines[2].endswith("GPU memory")
    assert next(line for line in lines if line.startswith("prime")).endswith(f"{primed / GIGA:.1f} GB")
    assert lines[-1].startswith("GPU memory: an estimate")
