"""Where the development set of a sample comes from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DevSet:
    """`drawn`: as many rows as there are training examples; `split`: the data's own development split; else none."""

    drawn: bool = False
    split: bool = False

    @property
    def there(self) -> bool:
        """Whether there is one."""
        return self.drawn or self.split


DEV_SETS = {"drawn": DevSet(drawn=True), "split": DevSet(split=True), "none": DevSet()}
