"""Sizes of PLMs and elements, without loading any; resource requests are computed from them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from priming.backbones.sections import Architecture
from priming.backbones.table import BACKBONES
from priming.elements.interface import Shape
from priming.elements.sections import Elements
from priming.elements.table import ELEMENTS
from priming.study.plm import Plm


@dataclass(frozen=True)
class Size:
    """Parameters in all, model width, layers of encoder and decoder together, tokens of the vocabulary.

    `stacks` is 2 with an encoder and a decoder, else 1; `guessed` is true where only the PLM's name is known.
    """

    parameters: int
    width: int
    layers: int
    vocabulary: int
    stacks: int = 2
    guessed: bool = False

    @property
    def body(self) -> int:
        """Parameters that multiply every token: all but the (tied) embeddings."""
        return max(self.parameters - self.vocabulary * self.width, self.parameters // 10)


KNOWN = {
    "bart-base": Size(139_420_416, 768, 12, 50_265),
    "bart-large": Size(406_291_456, 1024, 24, 50_265),
    "t5-small": Size(60_506_624, 512, 12, 32_128),
    "t5-base": Size(222_903_552, 768, 24, 32_128),
    "t5-large": Size(737_668_096, 1024, 48, 32_128),
    "t5-v1_1-small": Size(76_961_152, 512, 16, 32_128),
    "t5-v1_1-base": Size(247_577_856, 768, 24, 32_128),
    "t5-v1_1-large": Size(783_150_080, 1024, 48, 32_128),
    "t5-v1_1-xl": Size(2_849_757_184, 2048, 48, 32_128),
    "mt5-small": Size(300_176_768, 512, 16, 250_112),
    "mt5-base": Size(582_401_280, 768, 24, 250_112),
    "mt5-large": Size(1_229_581_312, 1024, 48, 250_112),
    "mt5-xl": Size(3_742_619_648, 2048, 48, 250_112),
    "bert-base-multilingual-cased": Size(177_853_440, 768, 12, 119_547, stacks=1),
}
"""By the last part of the hub id. `t5-xl-lm-adapt` and the like are as large as `t5-v1_1-xl`."""

GUESSED = {
    "small": Size(100_000_000, 512, 16, 60_000, guessed=True),
    "base": Size(300_000_000, 768, 24, 100_000, guessed=True),
    "large": Size(800_000_000, 1024, 48, 60_000, guessed=True),
    "xl": Size(3_000_000_000, 2048, 48, 60_000, guessed=True),
    "xxl": Size(11_500_000_000, 4096, 48, 60_000, guessed=True),
}
"""By a word in the hub id; `large` if it contains none of them."""


def plm_size(plm: Plm, base: Path) -> Size:
    """The size of a study's PLM: from its architecture, the files of its folder, or its hub id (possibly a guess)."""
    if plm.generate:
        return _generated(plm.generate.architecture)
    folder = plm.folder(base)
    return _stored(folder) if folder else _named(plm.hub or "")


def _generated(shape: Architecture) -> Size:
    backbone = BACKBONES[shape.family]
    layers, stacks = backbone.stacks * shape.layers, backbone.stacks
    return Size(backbone.parameters(shape), shape.d_model, layers, shape.vocabulary, stacks)


def _stored(folder: Path) -> Size:
    """Four bytes per parameter, unless the folder's config.json gives half precision."""
    config = _config(folder)
    halves = str(config.get("dtype") or config.get("torch_dtype")) in ("float16", "bfloat16")
    stored = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    layers = config.get("encoder_layers", config.get("num_layers", config.get("num_hidden_layers", 12)))
    decoder = config.get("decoder_layers", config.get("num_decoder_layers", 0)) or 0
    width = config.get("d_model", config.get("hidden_size", 1024))
    stacks = 2 if decoder else 1
    return Size(stored // (2 if halves else 4), width, layers + decoder, config.get("vocab_size", 50_000), stacks)


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _named(hub: str) -> Size:
    name = hub.rsplit("/", maxsplit=1)[-1].lower()
    adapted = re.sub(r"^t5-(\w+)-lm-adapt$", r"t5-v1_1-\1", name)
    if known := KNOWN.get(adapted):
        return known
    return next((GUESSED[word] for word in re.split(r"[^a-z0-9]+", name) if word in GUESSED), GUESSED["large"])


def element_parameters(element: str, elements: Elements, size: Size) -> int:
    """The parameters of an element in a PLM of this size; adapters and prefixes without their few biases."""
    return ELEMENTS[element].size(elements.of(element), Shape(size.parameters, size.width, size.layers))
