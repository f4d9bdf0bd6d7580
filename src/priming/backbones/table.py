"""The families of models, in the order in which they are always listed. Each module defines its own as `BACKBONE`."""

from priming.backbones.interface import Backbone
from priming.entries import Table

BACKBONES: Table[Backbone] = Table(
    "BACKBONE", "priming.backbones", ("bart", "t5", "causal", "bert"), lambda family: family.model_types
)
"""The family of each type of model."""
