"""Progress bars, on a terminal only."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def bar(
    things: Iterable[T], unit: str, total: int | None = None, label: str | None = None, delay: float = 0
) -> Iterator[T]:
    """Iterate over the things unchanged, with a progress bar on stderr that appears after `delay` seconds."""
    return iter(tqdm(things, label, total, unit=f" {unit}", delay=delay, leave=False, disable=None))
