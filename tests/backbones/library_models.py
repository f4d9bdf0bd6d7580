"""Reference models whose elements transformers and adapters build alone, without any code of this project."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import adapters
import torch
from adapters import DoubleSeqBnConfig, IA3Config, LoRAConfig, ParBnConfig, PrefixTuningConfig, SeqBnConfig
from torch import Tensor, nn
from transformers import AutoModelForSeq2SeqLM

from priming.elements.adapter import Adapter
from priming.elements.sections import Elements
from tests.backbones.plain_t5 import prefixed

Values = Mapping[str, Tensor]
Part = tuple[nn.Parameter, Callable[[Tensor], Tensor], tuple[int | slice, ...]]
CONFIGS: dict[str, Any] = {"seq_bn": SeqBnConfig, "double_seq_bn": DoubleSeqBnConfig, "par_bn": ParBnConfig}
LAYERS = {"encoder": 2, "decoder": 3}
PLACES = {
    "bart": {
        ("encoder", "output"): "model.encoder.layers.{}.output_adapters",
        ("encoder", "attention"): "model.encoder.layers.{}.attention_adapters",
        ("decoder", "output"): "model.decoder.layers.{}.output_adapters",
        ("decoder", "attention"): "model.decoder.layers.{}.attention_adapters",
    },
    "t5": {
        ("encoder", "output"): "encoder.block.{}.layer.1",
        ("encoder", "attention"): "encoder.block.{}.layer.0",
        ("decoder", "output"): "decoder.block.{}.layer.2",
        ("decoder", "attention"): "decoder.block.{}.layer.0",
    },
}
"""Where adapters are: after the feed-forward layer or beside it; double_seq_bn also after the self-attention."""
BOTTLENECK = ("adapter_down.0.weight", "adapter_down.0.bias", "adapter_up.weight", "adapter_up.bias")


class Library:
    """A model of the libraries; `parts` says by the project's names where the values of each tuned parameter are.

    A part is a parameter here, and the place of its values in the project's tensor after that is given another view.
    """

    def __init__(self, model: Any) -> None:
        self.model = model.eval().requires_grad_(False)
        self.parts: dict[str, list[Part]] = {}
        self.prompt: nn.Parameter | None = None

    def tune(
        self,
        ours: str,
        theirs: nn.Parameter,
        view: Callable[[Tensor], Tensor] = lambda t: t,
        place: tuple[int | slice, ...] = (),
    ) -> None:
        """The project's parameter of the name `ours`, seen by `view`, has at `place` what `theirs` is."""
        self.parts.setdefault(ours, []).append((theirs.requires_grad_(), view, place))

    @property
    def tuned(self) -> list[nn.Parameter]:
        return [theirs for parts in self.parts.values() for theirs, _, _ in parts]

    def load(self, values: Values) -> None:
        """Take over the project's values; gradients are forgotten."""
        assert values.keys() == self.parts.keys()
        for name, parts in self.parts.items():
            for theirs, view, place in parts:
                theirs.data.copy_(view(values[name].detach())[place])
                theirs.grad = None

    def found(self, like: Values, take: Callable[[nn.Parameter], Tensor | None]) -> dict[str, Tensor]:
        """`take` (value or gradient) of each parameter, in the project's names and shapes; NaN where there is none."""
        filled = {}
        for name, parts in self.parts.items():
            filled[name] = torch.full_like(like[name], torch.nan, requires_grad=False)
            for theirs, view, place in parts:
                taken = take(theirs)
                view(filled[name])[place] = torch.zeros_like(theirs) if taken is None else taken.detach()
        return filled

    def inputs(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """What the model is given: ids, or the prompt and the embeddings of ids."""
        if self.prompt is None:
            return {"input_ids": ids, "attention_mask": mask}
        embedded = torch.cat([self.prompt.expand(len(ids), -1, -1), self.model.get_input_embeddings()(ids)], dim=1)
        return {
            "inputs_embeds": embedded,
            "attention_mask": torch.cat([torch.ones_like(mask[:, :1]).expand(-1, len(self.prompt)), mask], dim=1),
        }

    def __call__(self, ids: Tensor, mask: Tensor, labels: Tensor) -> Any:
        """Loss and logits; the library shifts the labels."""
        return self.model(**self.inputs(ids, mask), labels=labels)


def library_model(folder: Path, element: str, sizes: Elements) -> Library:
    """The PLM of `folder` with an element, by the libraries alone, in float64."""
    library = Library(AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").double())
    bart = library.model.config.model_type == "bart"
    if element == "plm":
        for name, parameter in library.model.named_parameters():
            library.tune(f"plm.{name}", parameter)
    elif element == "prompt":
        library.prompt = nn.Parameter(
            torch.zeros(sizes.prompt.length, library.model.config.d_model, dtype=torch.float64)
        )
        library.tune("prompt", library.prompt)
    elif element == "adapter":
        _add_adapter(library, "bart" if bart else "t5", sizes.adapter)
    elif element == "lora":
        lora = sizes.of("lora")
        both = {"intermediate_lora": lora.feed_forward, "output_lora": lora.feed_forward}
        _add_beside(library, LoRAConfig(r=lora.rank, alpha=lora.alpha, attn_matrices=lora.attention, **both), element)
    elif element == "ia3":
        _add_beside(library, IA3Config(), element)
    elif element == "bitfit":
        for name, parameter in library.model.named_parameters():
            if name.endswith("bias"):
                library.tune(f"plm.{name}", parameter)
    else:
        (_add_prefix if bart else _add_plain_prefix)(library, sizes.prefix.length)
    return library


def _add_adapter(library: Library, family: str, adapter: Adapter) -> None:
    model = library.model
    adapters.init(model)
    reduction = model.config.d_model / adapter.bottleneck
    model.add_adapter(
        "reference", CONFIGS[adapter.config](reduction_factor=reduction, non_linearity=adapter.nonlinearity)
    )
    model.set_active_adapters("reference")
    model.double()
    for (stack, place), pattern in PLACES[family].items():
        if place == "attention" and adapter.config != "double_seq_bn":
            continue
        for number in range(LAYERS[stack]):
            module = pattern.format(number)
            for tensor in BOTTLENECK:
                library.tune(
                    f"plm.{module}.adapters.adapter.{tensor}",
                    model.get_parameter(f"{module}.adapters.reference.{tensor}"),
                )


def _add_beside(library: Library, config: LoRAConfig, element: str) -> None:
    """What is beside, or scales, weight matrices."""
    adapters.init(library.model)
    library.model.add_adapter("reference", config)
    library.model.set_active_adapters("reference")
    library.model.double()
    for name, parameter in library.model.named_parameters():
        if ".loras.reference." in name:
            library.tune(f"plm.{name.replace('.reference.', f'.{element}.')}", parameter)


def _add_prefix(library: Library, length: int) -> None:
    """That of `adapters`, in BART."""
    adapters.init(library.model)
    library.model.add_adapter("reference", PrefixTuningConfig(flat=True, prefix_length=length))
    library.model.set_active_adapters("reference")
    library.model.double()
    for kind in ("encoder", "self", "cross"):
        theirs = library.model.get_parameter(
            f"model.prefix_tuning.prefix_tunings.reference.{kind}_prefix.control_trans"
        )
        library.tune(f"plm.model.prefix_tuning.prefix_tunings.prefix.{kind}_prefix.control_trans", theirs)


def _add_plain_prefix(library: Library, length: int) -> None:
    """The plain one of T5: the project has P x L x 2 x heads x width of a head in one vector."""
    for kind, attentions in prefixed(library.model, length).items():
        for layer, attention in enumerate(attentions):

            def view(flat: Tensor, layers: int = len(attentions), heads: int = attention.heads) -> Tensor:
                return flat.view(length, layers, 2, heads, -1).permute(1, 2, 3, 0, 4)

            library.tune(f"plm.prefix_tunings.{kind}_prefix", attention.prefix_keys, view, (layer, 0))
            library.tune(f"plm.prefix_tunings.{kind}_prefix", attention.prefix_values, view, (layer, 1))
    library.model.double()
