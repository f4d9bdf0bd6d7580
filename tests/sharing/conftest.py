"""What tests of sharing have in common: a model of each family, and a process that does not know this package."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from priming.sharing.fresh import FreshProcess
from tests.backbones.families import FAMILIES, LAYERS
from tests.tiny_plms import CLASSES, save_generated_plm, save_random_plm

T5S = {"t5": "t5-gated"}
"""A T5 whose outputs do not look alike, and whose heads together are not as wide as the model."""


@pytest.fixture(scope="session")
def plms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with a tiny model of each family."""
    assert set(T5S.values()) <= set(CLASSES)
    return {
        name: save_random_plm(T5S[name], tmp_path_factory.mktemp(name))
        if name in T5S
        else save_generated_plm(name, tmp_path_factory.mktemp(name), layers=LAYERS, ffn=24)
        for name in FAMILIES
    }


@pytest.fixture(scope="session")
def fresh() -> Iterator[FreshProcess]:
    """One for all tests, since it imports torch and transformers first."""
    with FreshProcess() as process:
        yield process


@pytest.fixture
def peft(missing: Callable[[str, str], NoReturn]) -> None:
    """Ends a test where PEFT is not installed."""
    if importlib.util.find_spec("peft") is None:
        missing("peft", "PEFT is not installed (pip install 'priming[dev]')")
