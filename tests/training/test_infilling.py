"""Pretraining through the one training loop: against plain torch, stopped and gone on with, and failed."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from priming.backbones.compute import Compute
from priming.backbones.pretraining import fresh_plm, mask_spans
from priming.backbones.sections import Generated
from priming.errors import StoppedError
from priming.runs.checkpoints import CheckpointDir
from priming.runs.keys import generator
from priming.runs.loss_curve import LossCurve
from priming.study.plm import Plm
from priming.tasks.generated import pretraining_texts
from priming.training.downstream import tune
from priming.training.infilling import pretrain
from priming.training.pretrain import make_plm
from priming.training.priming_run import PrimingJob
from priming.training.record import Stopwatch
from priming.training.upstream import prime

from .conftest import TARGET, group, result, tuner

CPU = Compute(device="cpu")


def tiny(family: str = "bart", **pretraining: Any) -> Generated:
    shape = {"family": family, "d_model": 16, "layers": 1, "ffn": 24, "heads": 2, "positions": 32, "vocabulary": 350}
    return Generated.model_validate(
        {"architecture": shape, "pretraining": {"number": 200, "steps": 10, "batch": 8, "seed": 3} | pretraining}
    )


@pytest.mark.parametrize("family", ["bart", "t5", "mt5"])
def test_ten_steps_are_those_of_a_plain_loop(family: str) -> None:
    """Torch's AdamW and clipping, the library's loss and padding, masks by a generator a step; in float64, to 1e-9."""
    made, texts = tiny(family, warmup=0.2, weight_decay=0.1, clip=0.5, learning_rate=1e-2), pretraining_texts(200, 3)
    ours, plain = fresh_plm(made, texts), fresh_plm(made, texts)
    for loaded in (ours, plain):
        torch.nn.Module.double(loaded.model)
    pretrain("mine", ours, texts, made.pretraining, 20, Stopwatch())

    model, tokenizer = plain.model.train(), plain.tokenizer
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}], lr=1e-2
    )
    for step in range(10):
        random = generator("pretrain", 3, step)
        chosen = [texts[i] for i in random.integers(len(texts), size=8)]
        hidden = [" ".join(mask_spans(text.split(), 0.3, 3, "<mask>", random)) for text in chosen]
        inputs, whole = (
            tokenizer(side, truncation=True, max_length=20, padding=True, return_tensors="pt")
            for side in (hidden, chosen)
        )
        labels = whole["input_ids"].masked_fill(whole["attention_mask"] == 0, -100)
        loss = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        for part in optimizer.param_groups:
            part["lr"] = 1e-2 * (step / 2 if step < 2 else (10 - step) / 8)
        optimizer.step()

    for (name, one), (_, other) in zip(ours.model.named_parameters(), model.named_parameters(), strict=True):
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), rtol=0, atol=1e-9, err_msg=name)


def test_each_text_can_be_seen_and_each_step_sees_others() -> None:
    draws = [generator("pretrain", 0, step).integers(50, size=8).tolist() for step in range(100)]
    assert {i for draw in draws for i in draw} == set(range(50))
    assert len({tuple(draw) for draw in draws}) == 100


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_a_stopped_pretraining_goes_on_to_the_same_bytes(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plm, noted = Plm(generate=tiny(family), max_input=20), LossCurve.after_step

    def stopping(self: LossCurve, done: int, losses: Tensor) -> None:
        if done == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        noted(self, done, losses)

    make_plm("mine", plm, [], tmp_path, tmp_path / "whole", CPU)
    place = CheckpointDir(tmp_path / "state", "k")
    with monkeypatch.context() as patched:
        patched.setattr(LossCurve, "after_step", stopping)
        with pytest.raises(StoppedError, match="stopped by a signal after step 5; the same command resumes from there"):
            make_plm("mine", plm, [], tmp_path, tmp_path / "stopped", CPU, place)
    assert not (tmp_path / "stopped/result.json").exists()
    make_plm("mine", plm, [], tmp_path, tmp_path / "resumed", CPU, place)
    assert (tmp_path / "resumed/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    whole, resumed = result(tmp_path / "whole"), result(tmp_path / "resumed")
    assert [point["step"] for point in resumed["curve"]] == list(range(1, 11))
    assert resumed["curve"] == whole["curve"]
    assert len(resumed["resumed"]) == 1


def test_the_state_is_of_the_steps_before_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on does not begin anew: the steps that were done are not done again."""
    plm, noted, seen = Plm(generate=tiny(), max_input=20), LossCurve.after_step, []

    def watching(self: LossCurve, done: int, losses: Tensor) -> None:
        seen.append(done)
        if done == 4 and len(seen) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        noted(self, done, losses)

    monkeypatch.setattr(LossCurve, "after_step", watching)
    place = CheckpointDir(tmp_path / "state", "k")
    with pytest.raises(StoppedError):
        make_plm("mine", plm, [], tmp_path, tmp_path / "stopped", CPU, place)
    make_plm("mine", plm, [], tmp_path, tmp_path / "resumed", CPU, place)
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_a_model_owns_its_weights_after_pretraining(tmp_path: Path) -> None:
    made = tiny(steps=1)
    loaded = fresh_plm(made, pretraining_texts(200, 3))
    pretrain("mine", loaded, pretraining_texts(200, 3), made.pretraining, 20, Stopwatch())
    storages = {p.data_ptr(): p.untyped_storage().nbytes() for p in loaded.model.parameters()}
    assert sum(storages.values()) == sum(4 * p.numel() for p in loaded.model.parameters())


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pretraining whose rate breaks it."""
    folder = tmp_path_factory.mktemp("broken")
    make_plm(
        "mine",
        Plm(generate=tiny(learning_rate=1e38, clip=None, warmup=0.0), max_input=20),
        [],
        folder,
        folder / "plm",
        CPU,
    )
    return folder / "plm"


def test_a_pretraining_that_diverges_is_a_result(broken: Path) -> None:
    found = result(broken)
    assert found["status"] == "failed"
    assert "not finite at step" in found["reason"]
    assert not list(broken.glob("*.safetensors"))


def test_what_stands_on_a_failed_plm_is_marked_with_its_reason(
    broken: Path, job: PrimingJob, tasks: Path, tmp_path: Path
) -> None:
    prime(replace(job, plm_folder=broken), tmp_path / "primed")
    primed = result(tmp_path / "primed")
    assert (primed["status"], primed["flops"]) == ("failed", 0.0)
    assert primed["reason"] == f"pretraining of mine failed: {result(broken)['reason']}"
    for text, folder, status in (
        ("none -> adapter", None, "failed"),
        ("mtl[plm+adapter] -> adapter", tmp_path / "primed", "not primed"),
    ):
        tune(tuner(broken, text), group(tasks, folder, tmp_path / text))
        for number in (1, 2):
            marked = result(tmp_path / text / TARGET[0] / f"sample-{number}")
            assert marked["status"] == status
            assert result(broken)["reason"] in marked["reason"]
            assert (marked["runs"], marked["winner"], marked["parameters"]) == ([], None, None)
