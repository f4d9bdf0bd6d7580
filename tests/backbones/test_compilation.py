"""Compiled layers: losses, gradients and dropout masks are those of layers that are not, and few are compiled."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
import torch

from priming.backbones import compilation
from priming.backbones.device import lacking_to_compile
from tests.backbones.families import Built, assert_alike, losses_and_gradients

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

    monkeypatch.setattr(compilation.torch, "compile", noted)
    yield found
    torch._dynamo.reset()


CASES = [
    ("bart", ("adapter", "prompt"), {}, 4),
    ("t5", ("lora",), {"attention": "fused"}, 4),
    ("bert", ("ia3",), {"dropout": 0.3}, 2),
    ("gpt2", ("bitfit",), {"attention": "fused"}, 2),
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
