"""Which draws there are, in the order in which everything lists them. A module has its draw as `DRAW`."""

from priming.entries import Table
from priming.protocol.draws.interface import Draw

DRAWS: Table[Draw] = Table("DRAW", "priming.protocol.draws", ("per_class", "in_all", "balanced", "all", "published"))
