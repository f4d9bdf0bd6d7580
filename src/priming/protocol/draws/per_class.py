"""k examples a class."""

from priming.protocol.draws.interface import Draw


class PerClass(Draw):
    """As many of each class, as CrossFit draws classification tasks (Ye et al., 2021)."""

    size_key, by_class, said = "shots", True, "{} a class"


DRAW = PerClass()
