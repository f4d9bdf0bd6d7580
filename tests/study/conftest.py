"""A small study file, and changes to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

STUDY = """\
name: toy
plms:
  tiny:
    generate: {}
tasks:
  source: [a, b]
  development: [c]
  target: [d, e]
priming:
  mtl:
    learning_rates: {plm: 1e-3, adapter: 0.01}
strategies:
  - none -> plm
  - none -> adapter
  - mtl[plm+adapter] -> adapter
"""

Changed = Callable[..., Path]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """`changed((old, new), ...)` is the small study in a file, each old text replaced by the new."""

    def write(*changes: tuple[str, str]) -> Path:
        text = STUDY
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} is not once in the study"
            text = text.replace(old, new)
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def study_file(changed: Changed) -> Path:
    """The small study, unchanged."""
    return changed()
