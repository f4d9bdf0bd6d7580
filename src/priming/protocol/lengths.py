"""How long a tuning lasts. The key of each entry is one of `tuning` in the study file; a study gives one of them."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Length:
    """A number of something."""

    number: int

    def steps(self, examples: int, batch: int) -> int:
        """Optimizer steps of a run on so many training examples, in batches of `batch`."""
        raise NotImplementedError

    def __str__(self) -> str:
        noun = type(self).__name__.lower()
        return f"{self.number} {noun if self.number > 1 else noun[:-1]}"


class Steps(Length):
    """Steps of the optimizer."""

    def steps(self, examples: int, batch: int) -> int:
        """That number, whatever the examples."""
        return self.number


class Epochs(Length):
    """Passes through the training examples."""

    def steps(self, examples: int, batch: int) -> int:
        """Full batches that show each example at least `number` times; batches run on from one epoch to the next."""
        return ceil(self.number * examples / batch)


LENGTHS: dict[str, type[Length]] = {"steps": Steps, "epochs": Epochs}
