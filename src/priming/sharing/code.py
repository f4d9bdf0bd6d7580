"""The Python of a model card that opens its folder."""

from collections.abc import Sequence

from priming.backbones.text_model import TextModel
from priming.sharing.interface import Format

_ORDER = ("adapters", "safetensors", "peft")
"""PEFT puts the model into another, so it comes last; only a head, which answers, stands on what that gives."""
_BY_CARD = "from safetensors.torch import load_file"
_LOGITS = """def logits_of(**inputs):
    with torch.no_grad():
        return model(**inputs).{what}"""


def code(model: TextModel, folder: str, formats: Sequence[tuple[str, Format]]) -> str:
    """Python that opens a folder with elements in these formats, by name.

    `folder` is an expression. The code defines `tokenizer`, `model`, and `logits_of`, which gives logits for inputs
    that are named as in transformers; of an encoder without a head it gives the last states.
    """
    ordered = sorted(formats, key=lambda pair: (pair[1].answers, _ORDER.index(pair[1].library)))
    kind, used = model.backbone.load_class().__name__, {form.library for _, form in ordered}
    found = ["import torch", f"from transformers import {kind}, AutoTokenizer"]
    found += [_BY_CARD] * ("safetensors" in used) + ["from peft import PeftModel"] * ("peft" in used)
    found += ["import adapters"] * ("adapters" in used)
    found += [
        "",
        f"folder = {folder}",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        f"model = {kind}.from_pretrained(folder)",
    ]
    found += _of_adapters([(name, form) for name, form in ordered if form.library == "adapters"])
    found += [form.code for _, form in ordered if form.library != "adapters"]
    if not any(form.answers for _, form in ordered):
        found += [_LOGITS.format(what="logits" if "decode" in model.backbone.passes else "last_hidden_state")]
    return "\n".join(found) + "\n"


def _of_adapters(formats: Sequence[tuple[str, Format]]) -> list[str]:
    """Load what the `adapters` library loads, and let all of it take part."""
    if not formats:
        return []
    active = f"adapters.Stack({', '.join(repr(name) for name, _ in formats)})"
    loaded = (form.code for _, form in formats)
    return ["adapters.init(model)", *loaded, f"model.set_active_adapters({active})"]
