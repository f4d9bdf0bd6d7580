"""The rows that the authors of a task's source drew."""

from priming.protocol.draws.interface import Draw


class Published(Draw):
    """So many in all, by the authors' own random numbers; the number of a sample is their seed."""

    size_key, said, published = "shots_in_all", "{} in all, as published", True


DRAW = Published()
