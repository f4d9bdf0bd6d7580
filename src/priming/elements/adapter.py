"""Bottleneck adapters of the `adapters` library (Houlsby et al., 2019; Pfeiffer et al., 2021; He et al., 2022)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from priming.elements.interface import Element, Misfit, Reach, Shape
from priming.errors import StudyError
from priming.section import Fraction, Positive, Section

if TYPE_CHECKING:
    from priming.backbones.interface import Backbone
    from priming.backbones.text_model import TextModel

PLACES = {"seq_bn": 1, "double_seq_bn": 2, "par_bn": 1}
"""Adapters a layer."""


AFTER_LAST = ("residual", "layer_norm", "initial_deviation", "dropout")
"""Options of an adapter after the last layer alone."""


class Adapter(Section):
    """Bottleneck adapters of the `adapters` library in every layer, or one after the last layer of an encoder."""

    later = frozenset({"place", *AFTER_LAST})

    place: Literal["layers", "after_last"] = Field(
        "layers",
        description="`layers`: in every layer, as `config` says; `after_last`: one on the states of an encoder's last "
        "layer (Gheini et al., 2023), to which the keys from `residual` on belong.",
    )
    config: Literal["seq_bn", "double_seq_bn", "par_bn"] = Field(
        "double_seq_bn", description="After the feed-forward layer; after attention and feed-forward; or beside it."
    )
    bottleneck: Positive = Field(
        16, description="Width of the bottleneck; in every layer, it must divide the model width."
    )
    nonlinearity: Literal["relu", "gelu", "swish"] = Field("relu", description="Between the two projections.")
    residual: bool = Field(True, description="Whether the states are added to what the bottleneck makes of them.")
    layer_norm: bool = Field(False, description="Whether a layer norm follows.")
    initial_deviation: float = Field(
        0.001, ge=0, description="Standard deviation of the first weights of the projection up (near the identity)."
    )
    dropout: Fraction = Field(0.0, description="Dropout on what the bottleneck adds.")

    @model_validator(mode="after")
    def _of_its_place(self) -> Self:
        idle = ["config"] if self.place == "after_last" else list(AFTER_LAST)
        if given := [key for key in idle if getattr(self, key) != type(self).model_fields[key].default]:
            raise ValueError(f"{given[0]!r} does nothing with place: {self.place}; leave it out")
        return self


class Adapters(Element):
    """They begin near the identity (in every layer, by the library's `bert` initialisation)."""

    name, noun, options, rates, colour = "adapter", "adapters", Adapter, (1e-2,), "#0072B2"

    def attach(self, model: "TextModel", options: Adapter, seed: int) -> None:
        """Add them; raises StudyError where the bottleneck does not divide the width."""
        if options.place == "after_last":
            self._attach_after(model, options, seed)
            return
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

    def _attach_after(self, model: "TextModel", options: Adapter, seed: int) -> None:
        from priming.elements.after_last import AfterLast

        if text := self.misplaced(model.backbone, model.plm.config.model_type, options):
            raise StudyError(f"elements.adapter.place: {text}")
        model.after_last = AfterLast(
            model.width,
            options.bottleneck,
            options.nonlinearity,
            options.residual,
            options.layer_norm,
            options.dropout,
        )
        model.after_last.begin(model.plm.config.initializer_range, options.initial_deviation, seed)

    def reach_of(self, options: Adapter) -> Reach:
        """To the first layer, or no further than the states of the last."""
        return "top" if options.place == "after_last" else "bottom"

    def misplaced(self, backbone: "Backbone", model_type: str, options: Adapter) -> str | None:
        """After the last layer, a model that writes."""
        if options.place == "after_last" and "decode" in backbone.passes:
            return "place: after_last is for encoders; write place: layers"
        return None

    def size(self, options: Adapter, shape: Shape) -> int:
        """Two projections a place; in every layer, their biases are left out."""
        if options.place == "after_last":
            norm = 2 * shape.width if options.layer_norm else 0
            return (2 * shape.width + 1) * options.bottleneck + shape.width + norm
        return shape.layers * PLACES[options.config] * 2 * shape.width * options.bottleneck

    def misfits(self, options: Adapter, width: int) -> Iterator[Misfit]:
        """A bottleneck that is as wide as the model, or in every layer one that does not divide it."""
        if options.place == "after_last" and options.bottleneck < width:
            return
        if options.bottleneck >= width or width % options.bottleneck:
            allowed = ", ".join(str(d) for d in range(1, width) if width % d == 0)
            text = f"{options.bottleneck} is no bottleneck of a PLM with width {width}; allowed: {allowed}"
            yield Misfit("bottleneck", text)


ELEMENT = Adapters()
