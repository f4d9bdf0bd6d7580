"""Every element on every family, opened by transformers, `adapters` and PEFT alone, gives the logits of the model."""

from pathlib import Path
from typing import Any

import pytest

from priming.errors import DataError
from priming.sharing.elements.table import SHARED
from priming.sharing.fresh import FreshProcess
from tests.backbones.families import ENCODERS, FAMILIES, WITHOUT_PREFIX
from tests.sharing.models import exported

EQUAL = 1e-5
"""In float32, as a part of the largest logit."""
WITHOUT_BIASES = {"t5", "mt5", "llama"}
BY_PEFT, BY_ADAPTERS, BY_CARD = "peft", "adapters", "safetensors"
ELEMENTS = {
    "adapter": (BY_ADAPTERS, FAMILIES),
    "lora": (BY_PEFT, FAMILIES),
    "ia3": (BY_PEFT, FAMILIES),
    "prompt": (BY_PEFT, FAMILIES),
    "bitfit": (BY_CARD, [name for name in FAMILIES if name not in WITHOUT_BIASES]),
    "prefix": (None, [name for name in FAMILIES if name not in WITHOUT_PREFIX]),
    "head": (BY_CARD, sorted(ENCODERS)),
}
CASES = [(element, family) for element, (_, families) in ELEMENTS.items() for family in families]


@pytest.mark.usefixtures("peft")
@pytest.mark.parametrize(("element", "family"), CASES)
def test_an_element(element: str, family: str, plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path) -> None:
    chosen = exported(plms[family], tmp_path / "made", fresh, element)
    wanted, _ = ELEMENTS[element]
    assert chosen.difference <= EQUAL
    assert {name: form.library for name, form in chosen.formats} == {element: wanted or _of_prefix(family)}


def _of_prefix(family: str) -> str:
    """`adapters` masks that of a BART's decoder where attention is fused; T5's is this project's own."""
    return BY_ADAPTERS if family in ENCODERS else BY_CARD


@pytest.mark.parametrize("element", ["lora", "ia3", "prompt"])
@pytest.mark.parametrize("family", ["bart", "t5", "gpt2", "bert"])
def test_without_peft(element: str, family: str, plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path) -> None:
    """Whoever has no PEFT gets another format."""
    chosen = exported(plms[family], tmp_path / "made", fresh, element, libraries=(BY_ADAPTERS, BY_CARD))
    assert [form.library for _, form in chosen.formats] == [BY_CARD if element == "prompt" else BY_ADAPTERS]


@pytest.mark.parametrize("elements", [("adapter", "prefix"), ("lora", "prefix"), ("adapter", "lora")])
@pytest.mark.parametrize("family", ["bart", "t5", "bert"])
def test_two_elements(
    elements: tuple[str, str], family: str, plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path
) -> None:
    assert exported(plms[family], tmp_path / "made", fresh, *elements).difference <= EQUAL


@pytest.mark.parametrize("family", ["bart", "gpt2", "roberta"])
def test_a_prompt_before_adapters(family: str, plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path) -> None:
    names = ("adapter", "prompt", *(["head"] if family in ENCODERS else []))
    assert exported(plms[family], tmp_path / "made", fresh, *names).difference <= EQUAL


@pytest.mark.parametrize("by_word", [False, True])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("options", [{}, {"residual": False}, {"nonlinearity": "swish", "layer_norm": True}])
def test_a_head_on_an_adapter_after_the_last_layer(
    by_word: bool, hidden: bool, options: dict[str, Any], plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path
) -> None:
    sizes = {"adapter": {"place": "after_last", "bottleneck": 4, **options}, "head": {"hidden": hidden}}
    chosen = exported(plms["bert"], tmp_path / "made", fresh, "adapter", "head", by_word=by_word, **sizes)
    assert [form.library for _, form in chosen.formats] == [BY_CARD, BY_CARD]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_plm_alone(family: str, plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path) -> None:
    assert exported(plms[family], tmp_path / "made", fresh).difference <= EQUAL


def test_what_loads_with_other_logits_is_refused(plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path) -> None:
    """BART's prefix by `adapters`, whose file would open without a word."""
    with pytest.raises(DataError, match="no format loads with equal logits.*its logits differ by") as refused:
        exported(plms["bart"], tmp_path / "made", fresh, "prefix", libraries=(BY_ADAPTERS,))
    assert "prefix by adapters" in str(refused.value)


def test_formats_that_an_element_does_not_have(plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="adapter: no format for peft"):
        exported(plms["bart"], tmp_path / "made", fresh, "adapter", libraries=(BY_PEFT,))


def test_an_element_that_names_no_formats(
    plms: dict[str, Path], fresh: FreshProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parameters of the PLM load by their names there; what is added to it is refused."""
    for name in ("bitfit", "adapter"):
        monkeypatch.delitem(SHARED, name)
    assert exported(plms["bert"], tmp_path / "biases", fresh, "bitfit").difference <= EQUAL
    with pytest.raises(DataError, match="adapter by safetensors: AssertionError: .*adapter_down"):
        exported(plms["bert"], tmp_path / "made", fresh, "adapter")
