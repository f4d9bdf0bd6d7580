"""Attention as one operation: the losses, gradients and dropout masks of attention step by step."""

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from priming.backbones import fused_attention
from priming.backbones.encoding import TextTokenizer
from priming.backbones.fused_attention import attention
from priming.backbones.table import BACKBONES
from priming.backbones.text_model import TextModel
from priming.errors import StudyError
from priming.forms.decoding import Outputs, encode
from priming.forms.prediction import Predictor
from tests.backbones.families import (
    ENCODERS,
    FAMILIES,
    TOLERANCE,
    Built,
    assert_alike,
    build,
    losses_and_gradients,
    parameters_of,
)

each_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the queries of each fused operation."""
    found, plain = [], fused_attention.scaled_dot_product_attention

    def noted(query: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        found.append(tuple(query.shape))
        return plain(query, *args, **kwargs)

    monkeypatch.setattr(fused_attention, "scaled_dot_product_attention", noted)
    return found


@each_family
@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("elements", [("adapter", "prompt", "prefix"), ("lora",), ("ia3",), ("bitfit",)], ids="+".join)
def test_losses_and_gradients_are_those_step_by_step(
    built: Built, calls: list[tuple[int, ...]], family: str, runs: int, elements: tuple[str, ...]
) -> None:
    """Of the whole PLM, of each element and of a head; one operation an attention for all runs together."""
    if "bitfit" in elements and family in BACKBONES[family].without_biases:
        elements = ()
    plain = losses_and_gradients(built(family, *elements, dropout=0.0), runs)
    assert not calls
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # vmap warns where it takes runs one by one
        model = built(family, *elements, dropout=0.0, attention="fused")
        assert_alike(plain, losses_and_gradients(model, runs))
    attentions = len(model.backbone.layers(model.plm)) * (1.5 if model.backbone.stacks == 2 else 1)
    assert len(calls) == attentions
    assert {shape[0] for shape in calls} == {runs * 3}


@each_family
@pytest.mark.parametrize("runs", [1, 2])
def test_masks_of_dropout_are_the_same(built: Built, calls: list[tuple[int, ...]], family: str, runs: int) -> None:
    """Where attention weights are dropped it is not fused; where others are dropped alone, it is."""
    plain, fused = (built(family, "adapter", attention=attention) for attention in ("eager", "fused"))
    for rate in (0.2, 0.0):
        assert not calls
        for model in (plain, fused):
            drop_weights(model, rate)
        assert_alike(losses_and_gradients(plain, runs), losses_and_gradients(fused, runs))
    assert calls


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - ENCODERS))
def test_answers_are_the_same(built: Built, calls: list[tuple[int, ...]], family: str) -> None:
    """Labels scored on the tree of their prefixes, and generated texts, of two runs with a prompt and a prefix."""
    found, labels = [], [("good", "good dog", "good dog runs"), ("one two", "bird", "one")]
    for attention_ in ("eager", "fused"):
        model = built(family, "prompt", "prefix", dropout=0.0, attention=attention_).eval()
        encoder = TextTokenizer(model.tokenizer, 20, 6, model.backbone.ends_inputs)
        rows, stacked = encoder.inputs(("red cat runs", "one two three", "blue")), parameters_of(model, 2).views
        ranked = Predictor(model, encoder).answer(stacked, [rows, rows[:1]], labels, ["ranking"])
        found.append([torch.tensor(answered.scores) for answered in ranked])
        found[-1].append(next_logits(model, rows[0], stacked))
    assert calls
    for plain, fused in zip(*found, strict=True):
        torch.testing.assert_close(fused, plain, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_tag_for_each_token(built: Built, calls: list[tuple[int, ...]]) -> None:
    found = [
        losses_and_gradients(built("bert", "adapter", dropout=0.0, attention=attention_), 2, tags=True)
        for attention_ in ("eager", "fused")
    ]
    assert calls
    assert_alike(*found)


def test_a_query_to_which_everything_is_masked(calls: list[tuple[int, ...]]) -> None:
    """As those of an input without a token; scores are written out here, with the derivative that torch gives them."""
    random = torch.Generator().manual_seed(0)
    states = [torch.randn((2, 1, 3, 5, 4), generator=random) for _ in range(3)]
    mask = torch.zeros(2, 1, 1, 1, 5)
    mask[1], mask[0, ..., 3:] = torch.finfo(torch.float32).min, torch.finfo(torch.float32).min
    found = []
    for way in (lambda *given: attention(*given, 0.5), lambda q, k, v, m: (q @ k.mT * 0.5 + m).softmax(-1) @ v):
        own = [value.clone().requires_grad_() for value in states]
        (torch.func.vmap(way)(*own, mask) ** 2).sum().backward()
        found.append([value.grad for value in own])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def next_logits(model: TextModel, row: Sequence[int], stacked: Mapping[str, Tensor]) -> Tensor:
    """Logits [R x 1 x 1 x V] of the token after two tokens of an output, on one input with padding."""
    runs = len(next(iter(stacked.values())))
    ids = torch.tensor([[*row, model.pad_id]]).expand(runs, -1, -1)
    mask = (torch.arange(ids.shape[-1]) < len(row)).long().expand_as(ids)
    outputs = Outputs(model, stacked, *encode(model, stacked, ids, mask))
    outputs.start()
    for token in (7, 9):
        tokens = torch.full((runs, 1, 1), token)
        logits = outputs.grow(tokens, torch.zeros_like(tokens))
    return logits


def drop_weights(model: TextModel, rate: float) -> None:
    """Let each attention drop its weights at this rate, and leave other dropout as it is."""
    for module in model.modules():
        if "Attention" in type(module).__name__:
            for name in {"dropout", "attn_dropout", "attention_dropout"} & {*vars(module), *module._modules}:
                if isinstance(part := getattr(module, name), torch.nn.Dropout):
                    part.p = rate
                else:
                    setattr(module, name, rate)


def test_what_is_masked_for_all_keys_gets_equal_weights() -> None:
    """As step by step: with the least number of float32 everywhere, scores make no difference."""
    random = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn((2, 1, 3, 8), generator=random) for _ in range(3))
    mask = torch.full((2, 1, 3, 3), torch.finfo(torch.float32).min)
    for dtype in (torch.float32, torch.bfloat16):
        found = attention(query.to(dtype), key.to(dtype), value.to(dtype), mask, 1.0)
        torch.testing.assert_close(
            found.float(), value.mean(dim=2, keepdim=True).expand(-1, -1, 3, -1), rtol=0, atol=8e-3
        )


@each_family
def test_layers_can_be_computed_again(built: Built, family: str) -> None:
    plain = losses_and_gradients(built(family, "adapter", dropout=0.0), 2)
    both = built(family, "adapter", dropout=0.0, attention="fused", checkpointing=True)
    assert_alike(plain, losses_and_gradients(both, 2))


def test_derivatives_inside_of_vmap_are_refused(built: Built) -> None:
    parts = torch.randn(4, 2, 1, 1, 3, 8, requires_grad=True)

    def of(part: Tensor) -> Tensor:
        return attention(part[0:1, 0], part[0:1, 0], part[0:1, 0], torch.zeros(1, 1, 3, 3), 1.0).sum()

    with pytest.raises(RuntimeError, match="compute.attention: eager"):
        torch.func.vmap(torch.func.grad(of))(parts)


def test_gpt2_of_unusual_scores(built: Built, families: dict[str, Path], tmp_path: Path) -> None:
    """It stays step by step unless it is to be fused, which is refused."""
    folder = Path(shutil.copytree(families["gpt2"], tmp_path / "plm"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"scale_attn_by_inverse_layer_idx": True}))
    with pytest.raises(StudyError, match="compute.attention is 'fused', and this PLM's cannot be: its configuration"):
        build(folder, "gpt2", attention="fused")
    assert not build(folder, "gpt2").fused


def test_on_cpus_it_is_fused_on_request_alone(built: Built) -> None:
    found = {attention: built("bart", attention=attention).fused for attention in ("auto", "eager", "fused")}
    assert found == {"auto": False, "eager": False, "fused": True}
