"""The PLM's own biases, by their names there."""

from priming.sharing.interface import Shared


class SharedBiases(Shared):
    """Like any parameters of the PLM."""

    name = "bitfit"


SHARED = SharedBiases()
