"""Which rules there are for the step that a tuning keeps, in the order in which everything lists them."""

from priming.entries import Table
from priming.protocol.keeping.interface import Keeping

KEEPINGS: Table[Keeping] = Table("KEEPING", "priming.protocol.keeping", ("best", "last"))
"""A module has its rule as `KEEPING`."""
