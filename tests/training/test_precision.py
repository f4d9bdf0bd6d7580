"""bfloat16: passes run in it, parameters do not, and results stay near."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode

from priming.algorithms.maml import Maml
from priming.backbones.compute import Compute
from priming.backbones.encoding import collate
from priming.backbones.text_model import TextModel
from priming.elements.sections import Rates
from priming.forms.decoding import Outputs, encode, greedy, label_scores
from priming.forms.label_tree import label_trees
from priming.forms.loss import run_losses
from priming.runs.parameters import StackedParameters
from priming.strategies import Priming
from priming.training.priming_run import PrimingJob
from priming.training.upstream import prime
from tests.tiny_bart import examples

from .conftest import RATES

Builder = Callable[..., TextModel]


def stacked(model: TextModel, runs: int) -> StackedParameters:
    return StackedParameters.repeated(
        [(n, p) for n, p in model.named_parameters() if ".adapters." in n], runs, model.owner
    )


@pytest.mark.parametrize("runs", [1, 3])
def test_losses_and_gradients_are_near(build: Builder, runs: int) -> None:
    model = build(("adapter",))
    batch = collate(
        [
            [(x, y[0]) for x, y in zip(e.inputs, e.targets, strict=True)]
            for e in (examples(4, seed) for seed in range(runs))
        ],
        1,
    )
    found = []
    for precision in ("float32", "bfloat16"):
        model.precision = precision
        parameters = stacked(model, runs)
        losses = run_losses(model, parameters.views, batch)
        assert losses.dtype == torch.float32
        found.append((losses.detach(), parameters.gradients(losses)["adapter"]))
    (loss, gradient), (near, near_gradient) = found
    assert not torch.equal(loss, near)
    torch.testing.assert_close(near, loss, rtol=0.02, atol=0.02)
    assert torch.cosine_similarity(near_gradient, gradient, dim=1).min() > 0.98
    assert near_gradient.dtype == torch.float32


def test_scores_are_float32_and_near(build: Builder) -> None:
    model = build(("adapter",))
    ids, mask = torch.randint(5, 40, (2, 3, 6)), torch.ones(2, 3, 6, dtype=torch.long)
    trees = label_trees([[[5, 6, 2], [7, 2]], [[8, 2], [9, 2]]], model.start_id, model.pad_id)
    found = []
    for precision in ("float32", "bfloat16"):
        model.precision = precision
        own = stacked(model, 2).views
        states, kept = encode(model, own, ids, mask)
        found.append(label_scores(model, own, states, kept, trees, normalised=False))
        assert greedy(model, own, states, kept, 3).shape[:2] == (2, 3)
    assert found[1].dtype == torch.float32
    assert not torch.equal(*found)
    torch.testing.assert_close(found[1], found[0], rtol=0.03, atol=0.1)


class Largest(TorchDispatchMode):
    """Within it, the numbers that the largest memory of a new tensor has."""

    found = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.found = max(self.found, made.untyped_storage().nbytes() // made.element_size())
        return made


def test_the_next_token_copies_no_vocabulary(build: Builder) -> None:
    """At BART-base's size, a copy of the output layer for every row is 37 GB for 512 rows."""
    model, runs, rows = build(("adapter",)), 2, 6
    model.precision = "bfloat16"
    model.requires_grad_(False)
    own = stacked(model, runs).views
    states, kept = encode(
        model, own, torch.randint(5, 40, (runs, rows, 6)), torch.ones(runs, rows, 6, dtype=torch.long)
    )
    weights = model.plm.lm_head.weight.numel()
    with torch.no_grad(), Largest() as largest:
        outputs = Outputs(model, own, states, kept)
        assert outputs.start().shape[:3] == (runs, rows, 1)
        next_tokens = torch.randint(5, 40, (runs, rows, 1))
        assert outputs.grow(next_tokens, torch.zeros_like(next_tokens)).shape[:3] == (runs, rows, 1)
    assert weights <= largest.found < 2 * weights


@pytest.mark.parametrize("order", ["first", "second"])
def test_a_priming_in_bfloat16_writes_float32(job: PrimingJob, tmp_path: Path, order: str) -> None:
    settings = Maml(
        budget=job.settings.budget,
        order=order,
        tasks=2,
        support=2,
        query=2,
        learning_rates=RATES,
        inner_learning_rates=Rates(adapter=0.1),
    )
    job = replace(job, priming=Priming.parse("maml[plm+adapter | adapter x1]"), settings=settings)
    prime(job, tmp_path / "float32")
    prime(replace(job, compute=Compute(precision="bfloat16")), tmp_path / "bfloat16")
    whole, half = (load_file(tmp_path / name / "adapter.safetensors") for name in ("float32", "bfloat16"))
    for name, value in whole.items():
        assert half[name].dtype == torch.float32
        assert (half[name] - value).abs().max() < 0.05
    assert '"precision": "bfloat16"' in (tmp_path / "bfloat16/result.json").read_text()
