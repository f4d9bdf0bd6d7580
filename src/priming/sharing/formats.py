"""The formats that elements have in common."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from priming.sharing.interface import Attached, Format, Shared
from priming.tensor_files import write_tensors

Tensors = Callable[[], Mapping[str, Tensor]]
"""Gives the tensors of a file with the values that the element has by then."""
_TASK_TYPES = {
    frozenset({"encode", "decode"}): "SEQ_2_SEQ_LM",
    frozenset({"decode"}): "CAUSAL_LM",
    frozenset({"encode"}): "FEATURE_EXTRACTION",
}


def by_adapters(element: Attached) -> Format:
    """As the `adapters` library saves it."""

    def write(folder: Path) -> None:
        """Under the element's name."""
        element.model.plm.save_adapter(str(folder), element.name, with_head=False, use_safetensors=True)
        config = folder / "adapter_config.json"
        said = json.loads(config.read_text(encoding="utf-8"))
        # The library notes where the PLM was loaded from, a folder of this machine.
        config.write_text(json.dumps(said | {"model_name": None}, indent=2) + "\n", encoding="utf-8")

    return Format("adapters", write, f'model.load_adapter(f"{{folder}}/{element.name}", use_safetensors=True)')


def by_peft(element: Attached, config: Mapping[str, Any], tensors: Tensors) -> Format:
    """As PEFT saves it, by a configuration and tensors that it has names for."""
    whole = {
        "base_model_name_or_path": None,
        "inference_mode": True,
        "task_type": _TASK_TYPES[frozenset(element.model.backbone.passes)],
        **config,
    }

    def write(folder: Path) -> None:
        """Configuration and tensors."""
        write_tensors(folder / "adapter_model.safetensors", tensors())
        text = json.dumps(whole, indent=2, sort_keys=True)
        (folder / "adapter_config.json").write_text(text + "\n", encoding="utf-8")

    return Format("peft", write, f'model = PeftModel.from_pretrained(model, f"{{folder}}/{element.name}")')


def plain(element: Attached, tensors: Tensors, code: str, answers: bool = False) -> Format:
    """Tensors that the lines of the card load; `FILE` in the code stands for where they are."""

    def write(folder: Path) -> None:
        """One file."""
        write_tensors(folder / f"{element.name}.safetensors", tensors())

    filled = code.strip("\n").replace("FILE", f'f"{{folder}}/{element.file}"')
    return Format("safetensors", write, filled, answers)


_INTO_PLM = """
loaded = model.load_state_dict(load_file(FILE), strict=False)
assert not loaded.unexpected_keys, loaded.unexpected_keys
"""


class PartOfPlm(Shared):
    """An element that consists of parameters of the PLM; any that says nothing else is taken for one."""

    name = "part_of_plm"

    def formats(self, element: Attached) -> Iterator[Format]:
        """By their names there."""
        yield plain(element, lambda: element.tensors, _INTO_PLM)


def by_module(element: Attached, suffix: str) -> dict[str, Tensor]:
    """Its tensors whose names end so, by the name of the module that has them in the PLM."""
    found = {name: value for name, value in element.tensors.items() if name.endswith(suffix)}
    return {name.removesuffix(suffix): value for name, value in found.items()}
