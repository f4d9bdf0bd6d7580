"""Banks on models of transformers: against a loop of torch and transformers alone, run by run."""

import copy
from collections.abc import Sequence
from typing import Any

import adapters
import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import get_linear_schedule_with_warmup

from priming.banks import Run, Settings, Tuned, accuracy, tune
from tests.banks.models import model_of, rows_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:`past_key_value` is deprecated:FutureWarning"),  # by adapters, in T5
    pytest.mark.filterwarnings("ignore:Passing a tuple of `past_key_values`"),
]
STEPS, WARMUP, ALL = 6, 0.34, 8
RATES = (3e-3, 1e-2, 3e-2)
ADDED = ("seq_bn", "lora", "ia3", "prefix_tuning")


def with_adapter(kind: str, config: str) -> Any:
    model = model_of(kind)
    adapters.init(model)
    model.add_adapter("own", config=config)
    model.train_adapter("own")
    return model


def batch_of(rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
    ids = [torch.tensor(row["input_ids"]) for row in rows]
    labels = [torch.tensor(row["labels"]) for row in rows]
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=1),
        "attention_mask": pad_sequence([torch.ones_like(one) for one in ids], batch_first=True),
        "labels": pad_sequence(labels, batch_first=True, padding_value=-100)
        if labels[0].dim()
        else torch.stack(labels),
    }


def by_torch(model: Any, run: Run, evaluate_every: int) -> tuple[list[float], list[float], dict[str, Tensor]]:
    """Losses of steps, development losses, and the last values: every batch is the whole training set."""
    model = copy.deepcopy(model).eval()
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in named.values() if (p.dim() > 1) is matrices], "weight_decay": decay}
            for matrices, decay in ((True, 0.1), (False, 0.0))
        ],
        lr=run.rate,
    )
    schedule = get_linear_schedule_with_warmup(optimizer, int(WARMUP * STEPS), STEPS)
    train, dev, losses, found = batch_of(run.train), batch_of(run.dev), [], []
    for step in range(STEPS + 1):
        if step % evaluate_every == 0 or step == STEPS:
            with torch.no_grad():
                found.append(model(**dev).loss.item())
        if step == STEPS:
            break
        optimizer.zero_grad()
        loss = model(**train).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(named.values(), 0.5)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses, found, {name: p.detach() for name, p in named.items()}


def runs_of(kind: str) -> list[Run]:
    return [
        Run(rows_of(kind, ALL, seed), rows_of(kind, 5 + seed % 2, 10 + seed), rate, seed)
        for seed, rate in enumerate(RATES)
    ]


def settings(**more: Any) -> Settings:
    given = {"steps": STEPS, "batch_size": ALL, "warmup": WARMUP, "weight_decay": 0.1, "clip": 0.5, "dropout": False}
    return Settings(**{**given, "evaluate_every": 4, **more})


def close(one: dict[str, Tensor], other: dict[str, Tensor], within: float = 2e-5) -> bool:
    assert one.keys() == other.keys()
    return all(torch.allclose(one[name], other[name], rtol=1e-4, atol=within) for name in one)


CASES = [
    *[(kind, config) for kind in ("bart", "t5", "gpt2", "llama", "bert") for config in ADDED],
    *[(kind, "") for kind in ("bart", "t5", "bert")],
]


@pytest.mark.parametrize(("kind", "config"), CASES)
def test_as_torch_and_transformers_train_a_run_alone(kind: str, config: str) -> None:
    model = with_adapter(kind, config) if config else model_of(kind)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    runs = runs_of(kind)
    for run, found in zip(runs, tune(model, runs, settings(keep="last")), strict=True):
        losses, dev, last = by_torch(model, run, 4)
        assert found.losses == pytest.approx(losses, rel=1e-4)
        assert [point.step for point in found.evaluations] == [0, 4, 6]
        assert [point.loss for point in found.evaluations] == pytest.approx(dev, rel=1e-4)
        assert close(found.state, last, 1e-4)
        assert (found.step, found.failure) == (STEPS, None)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_values_load_into_the_model(tmp_path: Any) -> None:
    model = with_adapter("bart", "seq_bn")
    (run, *_), found = runs_of("bart"), tune(model, runs_of("bart"), settings())
    model.load_state_dict(found[0].state, strict=False)
    kept = next(point for point in found[0].evaluations if point.step == found[0].step)
    with torch.no_grad():
        assert model.eval()(**batch_of(run.dev)).loss.item() == pytest.approx(kept.loss, rel=1e-5)
    assert kept.loss == min(point.loss for point in found[0].evaluations)


@pytest.mark.parametrize("bank", [1, 2, 64])
def test_a_run_gives_the_same_alone_and_beside_others(bank: int) -> None:
    """With dropout, batches of its own, and seeds."""
    model, runs = with_adapter("bart", "seq_bn"), runs_of("bart")
    of_bank = tune(model, runs, settings(dropout=True, batch_size=3, bank=bank))
    alone = [tune(model, [run], settings(dropout=True, batch_size=3))[0] for run in runs]
    for one, other in zip(of_bank, alone, strict=True):
        assert one.losses == pytest.approx(other.losses, rel=1e-4)
        assert close(one.state, other.state)
        assert one.step == other.step
    assert not close(alone[0].state, tune(model, [Run(runs[0].train, runs[0].dev, RATES[0], 5)], settings())[0].state)


def test_scores_choose_the_step() -> None:
    model = with_adapter("bert", "seq_bn")
    rows = rows_of("bert", 24, 1)
    runs = [Run(rows, rows, rate) for rate in (1e-6, 3e-2)]
    idle, found = tune(model, runs, settings(steps=60, batch_size=8, evaluate_every=20, score=accuracy))
    scores = {point.step: point.score for point in found.evaluations}
    assert set(scores) == {0, 20, 40, 60}
    assert found.score == max(scores.values())  # type: ignore[type-var]
    assert found.step == min(step for step, score in scores.items() if score == found.score)
    assert (idle.step, idle.score) == (0, idle.evaluations[0].score)
    model.load_state_dict(found.state, strict=False)
    with torch.no_grad():
        right = model.eval()(**batch_of(rows)).logits.argmax(dim=-1) == batch_of(rows)["labels"]
    assert right.float().mean().item() == pytest.approx(found.score)


def test_without_development_examples_the_last_step_is_kept() -> None:
    runs = [Run(run.train, (), run.rate) for run in runs_of("gpt2")]
    for found in tune(with_adapter("gpt2", "lora"), runs, settings()):
        assert (found.step, found.score, found.evaluations, len(found.losses)) == (STEPS, None, [], STEPS)


def test_a_run_that_breaks_does_not_touch_the_others() -> None:
    model, runs = with_adapter("llama", "lora"), runs_of("llama")
    alone = tune(model, runs[:1], settings())[0]
    kept, broken = tune(model, [runs[0], Run(runs[1].train, runs[1].dev, 1e30)], settings(clip=None))
    assert broken.failure is not None
    assert "not finite" in broken.failure
    assert kept.failure is None
    assert len(alone.losses) == len(kept.losses) == STEPS


def test_starts_of_their_own() -> None:
    model, runs = with_adapter("bart", "seq_bn"), runs_of("bart")
    first = tune(model, runs[:1], settings(keep="last"))[0]
    again: list[Tuned] = tune(model, [Run(runs[0].train, runs[0].dev, 1e-12, start=first.state)], settings(keep="last"))
    assert again[0].evaluations[0].loss == pytest.approx(first.evaluations[-1].loss, rel=1e-5)


def test_progress_is_told() -> None:
    told: list[int] = []
    tune(
        with_adapter("bart", "lora"), runs_of("bart"), settings(), lambda step, losses: told.append(step * len(losses))
    )
    assert told == [3 * step for step in range(1, STEPS + 1)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runs": [Run([])]}, r"runs\[0\] has no examples to train on"),
        ({"runs": [Run(rows_of("bart", 2, 0), rate=0.0)]}, r"runs\[0\].rate is 0.0; allowed: above 0"),
        ({"steps": 0}, "steps is 0; allowed: 1 or more"),
        ({"warmup": 1.5}, "warmup is 1.5; allowed: a fraction"),
        (
            {"runs": [Run(rows_of("bart", 2, 0), start={"model.encoder.layers.0.fc1.weigth": torch.ones(1)})]},
            "the model tunes no parameter 'model.encoder.layers.0.fc1.weigth'; did you mean",
        ),
        ({"runs": [Run([{"input_ids": [3], "x": [1]}, {"input_ids": [3], "x": [1, 2]}])]}, "x has values of different"),
        ({"runs": [Run([{"input_ids": [3]}, {"labels": [3]}])]}, "an example has labels; another has input_ids"),
    ],
)
def test_mistakes(change: dict[str, Any], message: str) -> None:
    model, runs = model_of("bart"), change.pop("runs", runs_of("bart"))
    with pytest.raises(ValueError, match=message):
        tune(model, runs, settings(**{"batch_size": 2, **change}))


def test_models_that_cannot_be_tuned() -> None:
    model = model_of("bart").requires_grad_(False)
    with pytest.raises(ValueError, match="no parameter of the model asks for gradients"):
        tune(model, runs_of("bart"), settings())
    model = model_of("bart")
    model.config.encoder_layerdrop = 0.2
    with pytest.raises(ValueError, match="config.encoder_layerdrop is 0.2"):
        tune(model, runs_of("bart"), settings(dropout=True))
    model.config._attn_implementation = "sdpa"
    with pytest.raises(ValueError, match="load it with attn_implementation='eager'"):
        tune(model, runs_of("bart"), settings())
