"""All rows."""

from priming.protocol.draws.interface import Draw


class All(Draw):
    """Every row trains; samples differ by the order of rows and by what is random in training."""

    size_key, said = None, "all rows"


DRAW = All()
