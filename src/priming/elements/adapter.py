"""Bottleneck adapters of the `adapters` library (Houlsby et al., 2019; Pfeiffer et al., 2021; He et al., 2022)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priming.elements.interface import Element, Misfit, Shape
from priming.errors import StudyError
from priming.section import Positive, Section

if TYPE_CHECKING:
    from priming.backbones.text_model import TextModel

PLACES = {"seq_bn": 1, "double_seq_bn": 2, "par_bn": 1}
"""Adapters a layer."""


class Adapter(Section):
    """Bottleneck adapters of the `adapters` library."""

    config: Literal["seq_bn", "double_seq_bn", "par_bn"] = Field(
        "double_seq_bn", description="After the feed-forward layer; after attention and feed-forward; or beside it."
    )
    bottleneck: Positive = Field(16, description="Width of the bottleneck; it must divide the model width.")
    nonlinearity: Literal["relu", "gelu", "swish"] = Field("relu", description="Between the two projections.")


class Adapters(Element):
    """They begin near the identity (the library's `bert` initialisation)."""

    name, noun, options, rates, colour = "adapter", "adapters", Adapter, (1e-2,), "#0072B2"

    def attach(self, model: "TextModel", options: Adapter, seed: int) -> None:
        """Add them; raises StudyError where the bottleneck does not divide the width."""
        import torch
        from adapters import DoubleSeqBnConfig, ParBnConfig, SeqBnConfig

        for misfit in self.misfits(options, model.width):
            raise StudyError(f"elements.adapter.{misfit.option}: {misfit.text}")
        kinds = {"seq_bn": SeqBnConfig, "double_seq_bn": DoubleSeqBnConfig, "par_bn": ParBnConfig}
        factor = model.width / options.bottleneck
        config = kinds[options.config](reduction_factor=factor, non_linearity=options.nonlinearity)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model.plm.add_adapter(self.name, config=config)

    def size(self, options: Adapter, shape: Shape) -> int:
        """Two projections a place; their biases are left out."""
        return shape.layers * PLACES[options.config] * 2 * shape.width * options.bottleneck

    def misfits(self, options: Adapter, width: int) -> Iterator[Misfit]:
        """A bottleneck that is as wide as the model, or does not divide it."""
        if options.bottleneck >= width or width % options.bottleneck:
            allowed = ", ".join(str(d) for d in range(1, width) if width % d == 0)
            text = f"{options.bottleneck} is no bottleneck of a PLM with width {width}; allowed: {allowed}"
            yield Misfit("bottleneck", text)


ELEMENT = Adapters()
