"""Whatever is in the folder of a PLM, it is loaded or refused in a named error, and never anything else."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priming.backbones.loading import load_plm
from priming.errors import DataError
from tests.anything import FEW, SMALL, changed_bytes, changed_json
from tests.tiny_plms import CLASSES

FILES = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json")
LOADED = settings(FEW, max_examples=15)


def is_loaded_or_refused(folder: Path, file: str, content: bytes) -> None:
    with TemporaryDirectory() as root:
        place = Path(root, "plm")
        shutil.copytree(folder, place)
        (place / file).write_bytes(content)
        with suppress(DataError):
            assert load_plm(place).model is not None


def changed(folder: Path, change: Callable[[Path], "st.SearchStrategy[bytes]"], files: tuple[str, ...]) -> None:
    there = [file for file in files if (folder / file).is_file()]

    @LOADED
    @given(
        st.sampled_from(there).flatmap(lambda file: st.tuples(st.just(file), change(folder / file))),
    )
    def one(found: tuple[str, bytes]) -> None:
        is_loaded_or_refused(folder, *found)

    one()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", CLASSES)
def test_a_file_with_other_values(plm_folders: dict[str, Path], kind: str) -> None:
    changed(plm_folders[kind], lambda file: changed_json(json.loads(file.read_bytes()), SMALL), FILES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", CLASSES)
def test_a_file_with_other_bytes(plm_folders: dict[str, Path], kind: str) -> None:
    changed(
        plm_folders[kind],
        lambda file: changed_bytes(file.read_bytes()),
        (*FILES, "tokenizer.json", "model.safetensors"),
    )
