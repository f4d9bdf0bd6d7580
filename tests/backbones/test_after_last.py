"""The adapter after an encoder's last layer: by hand, its options, its size, where it has no place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import gelu, layer_norm

from priming.backbones.attachment import attach
from priming.backbones.flops import Counter
from priming.backbones.loading import load_plm
from priming.backbones.text_model import TextModel
from priming.elements.adapter import Adapter
from priming.elements.interface import Shape
from priming.elements.table import ELEMENTS
from priming.errors import StudyError
from tests.tiny_bart import SIZES
from tests.tiny_plms import save_generated_plm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_generated_plm("bert", tmp_path_factory.mktemp("encoder"), layers=2)


def with_adapter(folder: Path, **options: Any) -> TextModel:
    settings = Adapter(place="after_last", bottleneck=6, nonlinearity="gelu", initial_deviation=0.5)
    sizes = SIZES.model_copy(update={"adapter": settings.model_copy(update=options)})
    return attach(load_plm(folder, dropout=0.0), ("adapter", "head"), sizes, 0).double().eval()


IDS = torch.tensor([[0, 10, 20, 30, 2]])


def states(model: TextModel) -> torch.Tensor:
    with torch.no_grad():
        return model.encode(IDS, torch.ones_like(IDS))[0]


def test_states_by_hand(folder: Path) -> None:
    model = with_adapter(folder)
    assert model.after_last
    down, up = model.after_last.down, model.after_last.up
    with torch.no_grad():
        before = model.plm(input_ids=IDS, attention_mask=torch.ones_like(IDS)).last_hidden_state
        expected = before + gelu(before @ down.weight.T + down.bias) @ up.weight.T + up.bias
        torch.testing.assert_close(states(model), expected)
        alone = with_adapter(folder, residual=False, layer_norm=True)
        torch.testing.assert_close(states(alone), layer_norm(expected - before, (16,)))


@pytest.mark.parametrize(
    "options", [{"nonlinearity": "relu"}, {"residual": False}, {"layer_norm": True}, {"initial_deviation": 0.1}]
)
def test_each_option_acts(folder: Path, options: Mapping[str, Any]) -> None:
    assert (states(with_adapter(folder)) - states(with_adapter(folder, **options))).abs().max() > 0.01


def test_dropout_acts_in_training(folder: Path) -> None:
    model = with_adapter(folder, dropout=0.5)
    assert torch.equal(states(model), states(with_adapter(folder)))
    assert not torch.equal(states(model.train()), states(with_adapter(folder)))


def test_it_begins_near_the_identity(folder: Path) -> None:
    near = with_adapter(folder, initial_deviation=Adapter().initial_deviation)
    with torch.no_grad():
        before = near.plm(input_ids=IDS, attention_mask=torch.ones_like(IDS)).last_hidden_state
    assert 0 < (states(near) - before).abs().max() < 0.02


def test_its_size_is_that_of_its_parameters(folder: Path) -> None:
    for options in ({}, {"layer_norm": True}):
        model = with_adapter(folder, **options)
        settings = Adapter(place="after_last", bottleneck=6, **options)  # type: ignore[arg-type]
        own = sum(p.numel() for _, p in model.owned_by(("adapter",)))
        assert own == ELEMENTS["adapter"].size(settings, Shape(0, 16, 2))
    paper = Adapter(place="after_last", bottleneck=64)
    assert ELEMENTS["adapter"].size(paper, Shape(177_262_848, 768, 12)) == 99_136


def test_no_gradient_goes_below_what_stands_on_top(folder: Path) -> None:
    """Neither torch's nor the count of operations."""
    model = with_adapter(folder)
    assert model.on_top == {"adapter", "head"}
    on_top, whole = (Counter(model).example(10, 1, tuned) for tuned in (("adapter", "head"), ("plm", "head")))
    assert on_top.forward == whole.forward
    assert on_top.activations < 0.2 * whole.activations


def test_what_has_no_place(plm_folder: Path) -> None:
    sizes = SIZES.model_copy(update={"adapter": Adapter(place="after_last", bottleneck=6)})
    with pytest.raises(StudyError, match="after_last is for encoders; write place: layers"):
        attach(load_plm(plm_folder), ("adapter",), sizes, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"place": "after_last", "config": "par_bn"}, "'config' does nothing with place: after_last"),
        ({"residual": False}, "'residual' does nothing with place: layers"),
    ],
)
def test_options_of_another_place(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Adapter.model_validate(options)
