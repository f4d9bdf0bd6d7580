"""A small study file, and changes to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from priming.errors import StudyError
from priming.study import load_study

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
MTL = "  mtl:\n"
LAST = "  - mtl[plm+adapter] -> adapter\n"
RATES = "learning_rates: {plm: 1, adapter: 1, prompt: 1}"


def with_strategy(strategy: str, settings: str = "") -> tuple[tuple[str, str], ...]:
    """Changes that replace the primed strategy, and put `settings` before those of MTL."""
    return (LAST, f'  - "{strategy}"\n'), (MTL, f"{settings}{MTL}")


def problem(path: Path) -> str:
    """The only problem of a study file."""
    with pytest.raises(StudyError) as caught:
        load_study(path)
    _, *listed, _ = str(caught.value).splitlines()
    assert len(listed) == 1, "\n".join(listed)
    return listed[0].strip()


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
