"""The PLM's own biases, by their names there."""

from priming.sharing.formats import PartOfPlm


class SharedBiases(PartOfPlm):
    """Like any parameters of the PLM."""

    name = "bitfit"


SHARED = SharedBiases()
