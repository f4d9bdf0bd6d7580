"""Compiled layers: losses, gradients and dropout masks are those of layers that are not, and few are compiled."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
import torch
from transformers import BertConfig, GPT2Config, T5Config

from priming.backbones import compilation
from priming.backbones.bert import BACKBONE as BERT
from priming.backbones.causal import BACKBONE as CAUSAL
from priming.backbones.device import lacking_to_compile
from priming.backbones.t5 import BACKBONE as T5
from priming.errors import StudyError
from tests.backbones.families import Built, assert_alike, losses_and_gradients, losses_of, parameters_of

# torch's compiler uses what torch has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, missing: Callable[[str, str], NoReturn]) -> Iterator[list[str]]:
    """The text of each function that is compiled; ends the test where there is no compiler."""
    if lacking := lacking_to_compile("cpu"):
        missing("compiler", f"this machine has no {lacking}")
    found, plain = [], torch.compile

    def noted(graph: Any, **options: Any) -> Any:
        found.append(graph.code)
        return plain(graph, **options)

    monkeypatch.setattr(torch, "compile", noted)
    monkeypatch.setattr(compilation, "FUNCTIONS", {})
    yield found
    torch._dynamo.reset()


CASES = [
    ("bart", ("adapter", "prompt"), {}, 4),
    ("t5", ("lora",), {"attention": "fused"}, 4),
    ("bert", ("ia3",), {"dropout": 0.3}, 2),
    ("gpt2", ("bitfit",), {"attention": "fused"}, 2),
    ("mt5", ("prefix",), {}, 4),
    ("llama", ("adapter",), {}, 2),
]
"""A PLM of each backbone with elements and settings, and the most functions of its 2 layers a stack.

A first layer may be one of its own, since it has no gradient to hand on, or positions of its own."""


@pytest.mark.parametrize(("family", "elements", "settings", "most"), CASES, ids=[case[0] for case in CASES])
def test_losses_and_gradients(
    built: Built, compiled: list[str], family: str, elements: tuple[str, ...], settings: dict[str, Any], most: int
) -> None:
    """Of the whole PLM, its elements and a head; a second pass compiles nothing, nor does one somewhat shorter."""
    plain, dropout = built(family, *elements, **{"dropout": 0.0} | settings), settings.get("dropout", 0.0)
    model = built(family, *elements, **{"dropout": dropout, "compile": "on"} | settings)
    assert model.passes_as == {"attention": settings.get("attention", "eager"), "compiled": True}
    assert_alike(losses_and_gradients(plain, 2), losses_and_gradients(model, 2))
    assert 0 < len(compiled) <= most
    number = len(compiled)
    assert_alike(losses_and_gradients(plain, 2, 6), losses_and_gradients(model, 2, 6))
    assert len(compiled) == number


def test_a_tag_for_each_token(built: Built, compiled: list[str]) -> None:
    plain, model = built("bert", "adapter", dropout=0.0), built("bert", "adapter", dropout=0.0, compile="on")
    assert_alike(losses_and_gradients(plain, 2, tags=True), losses_and_gradients(model, 2, tags=True))
    assert compiled


def test_models_of_a_process_share_functions_and_evaluation_compiles_none(built: Built, compiled: list[str]) -> None:
    """A single run is compiled without vmap."""
    plain = losses_and_gradients(built("bert", "adapter", dropout=0.0), 1)
    for _ in range(2):
        model = built("bert", "adapter", dropout=0.0, compile="on")
        with torch.no_grad():
            losses_of(model, parameters_of(model, 1))
        assert_alike(plain, losses_and_gradients(model, 1))
        assert len(compiled) == 1  # of both layers


def test_a_second_derivative_is_refused(built: Built, compiled: list[str]) -> None:
    model = built("bert", "adapter", dropout=0.0, compile="on")
    parameters = parameters_of(model, 1)
    views, losses = [*parameters.views.values()], losses_of(model, parameters)

    def twice() -> None:
        found = torch.autograd.grad(losses.sum(), views, create_graph=True, allow_unused=True)
        torch.autograd.grad(torch.stack([part.sum() for part in found if part is not None]).sum(), views)

    with pytest.raises(RuntimeError, match="double backward|create_graph=False"):
        twice()


def test_a_machine_without_a_compiler(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default it needs none; a study that asks for it is told what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    assert not built("bert").compiled
    expected = (
        r"compute.compile is 'on', and this machine has no C\+\+ compiler \(g\+\+, clang\+\+, or what CXX names\)"
    )
    with pytest.raises(StudyError, match=expected):
        built("bert", compile="on")


@pytest.mark.parametrize(("tokens", "expected"), [(1, 4), (4, 4), (5, 8), (16, 16), (17, 24), (33, 48), (100, 128)])
def test_lengths_are_few(tokens: int, expected: int) -> None:
    """Up to a third more; never beyond the positions of a model."""
    config = T5Config(max_position_embeddings=None)
    assert T5.rounded(config, tokens, tokens) == (expected, expected)
    assert BERT.rounded(BertConfig(max_position_embeddings=tokens), tokens, 1)[0] == tokens
    assert sum(CAUSAL.rounded(GPT2Config(), tokens, 6)) - 1 == T5.rounded(config, tokens + 5, 1)[0]
