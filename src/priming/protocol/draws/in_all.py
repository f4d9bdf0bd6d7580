"""k examples in all."""

from priming.protocol.draws.interface import Draw


class InAll(Draw):
    """So many of a task, whatever its classes, as CrossFit draws all other tasks (Ye et al., 2021)."""

    size_key, said = "shots_in_all", "{} in all"


DRAW = InAll()
