"""Banks on models that PEFT has wrapped: against a loop of torch and PEFT alone, run by run."""

import importlib.util
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import torch

from priming.banks import Run, Settings, accuracy, tune
from tests.banks.models import model_of, rows_of
from tests.banks.test_tuning import STEPS, batch_of, by_torch, close, runs_of, settings


@pytest.fixture(autouse=True)
def _installed(missing: Callable[[str, str], NoReturn]) -> None:
    if importlib.util.find_spec("peft") is None:
        missing("peft", "PEFT is not installed (pip install 'priming[dev]')")


KINDS = {"bart": "SEQ_2_SEQ_LM", "gpt2": "CAUSAL_LM", "llama": "CAUSAL_LM", "bert": "SEQ_CLS"}


def wrapped(kind: str, name: str) -> Any:
    import peft

    turned = kind == "gpt2"  # its matrices
    config = {
        "lora": lambda: peft.LoraConfig(task_type=KINDS[kind], r=4, fan_in_fan_out=turned),
        "ia3": lambda: peft.IA3Config(task_type=KINDS[kind], fan_in_fan_out=turned),
        "prompt": lambda: peft.PromptTuningConfig(task_type=KINDS[kind], num_virtual_tokens=3),
    }[name]
    return peft.get_peft_model(model_of(kind), config())


@pytest.mark.parametrize("name", ["lora", "ia3", "prompt"])
@pytest.mark.parametrize("kind", KINDS)
def test_as_torch_and_peft_train_a_run_alone(kind: str, name: str) -> None:
    model, runs = wrapped(kind, name), runs_of(kind)
    for run, found in zip(runs, tune(model, runs, settings(keep="last")), strict=True):
        losses, dev, last = by_torch(model, run, 4)
        assert found.losses == pytest.approx(losses, rel=1e-4)
        assert [point.loss for point in found.evaluations] == pytest.approx(dev, rel=1e-4)
        assert close(found.state, last, 1e-4)
        assert (found.step, found.failure) == (STEPS, None)


def test_what_was_tuned_is_loaded_by_peft_alone(tmp_path: Any) -> None:
    """With the class's own layer, which PEFT saves beside the LoRA."""
    model, rows = wrapped("bert", "lora"), rows_of("bert", 24, 1)
    found = tune(model, [Run(rows, rows, 0.1)], Settings(120, 8, evaluate_every=20, score=accuracy))[0]
    model.load_state_dict(found.state, strict=False)
    model.save_pretrained(tmp_path, save_embedding_layers=False)
    from peft import PeftModel

    again = PeftModel.from_pretrained(model_of("bert"), tmp_path).eval()
    with torch.no_grad():
        right = again(**batch_of(rows)).logits.argmax(dim=-1) == batch_of(rows)["labels"]
    assert right.float().mean().item() == pytest.approx(found.score)
    assert found.score is not None
    assert found.score > found.evaluations[0].score  # type: ignore[operator]
