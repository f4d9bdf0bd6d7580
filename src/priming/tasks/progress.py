"""Progress bars, on a terminal only."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def bar(things: Iterable[T], unit: str, total: int | None = None, label: str | None = None, delay: float = 0) -> Iterator[T]:
    """The things as they are, with a bar on stderr that appears after `delay` seconds and goes when they end."""
    return iter(tqdm(things, label, total, unit=f" {unit}", delay=delay, leave=False, disable=None))
