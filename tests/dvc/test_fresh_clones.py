"""What a fresh clone has to do: nothing, or what was changed, by either tool."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import NOTHING, UNPRIVILEGED, Repository

pytestmark = pytest.mark.slow

Clone = Callable[..., Repository]


def intact(cache: Path) -> bool:
    """Whether every object of a cache or remote holds what its name says."""
    objects = [path for path in (cache / "files" / "md5").rglob("*") if path.is_file()]
    assert len(objects) > 40
    return all(
        hashlib.md5(path.read_bytes()).hexdigest() == path.parent.name + path.name.removesuffix(".dir")
        for path in objects
    )


@pytest.mark.parametrize("cache", ["copy", "hardlink", "symlink"])
def test_nothing_is_made_again(clone: Clone, cache: str) -> None:
    fresh = clone("all", cache=cache)
    fresh.unprivileged = True
    weights = fresh.folder / "results/tiny/primed/mini/mtl-plm/seed-1/plm.safetensors"
    assert (weights.is_symlink(), weights.stat().st_nlink > 1) == (cache == "symlink", cache == "hardlink")
    assert NOTHING in fresh.snakemake("-n")
    fresh.is_settled()
    assert "up to date" in fresh.dvc("repro")
    # A result that is made again replaces its files; the cache that they are links to stays as it is.
    (fresh.folder / "results/tiny/figures/strategy_matrix/recipe.json").unlink()
    fresh.snakemake()
    assert fresh.made() == ["figures/strategy_matrix"]
    assert intact(fresh.folder / ".dvc/cache")
    if UNPRIVILEGED and cache != "copy":
        assert "Permission denied" in fresh.run("sh", "-c", f"echo >> {weights}", status=None)
