"""Labels are compared with the tokenizer of a PLM's folder before anything runs; a broken one is one message."""

import shutil
from pathlib import Path

import pytest
import yaml

from priming.errors import StudyError
from priming.tasks.names import open_study
from tests.tiny_study import TINY


@pytest.mark.parametrize("text", ["[]", "{", "", '{"model": 3}', "[" * 100_000])
def test_a_broken_tokenizer(plm_folders: dict[str, Path], tmp_path: Path, text: str) -> None:
    shutil.copytree(plm_folders["bart"], tmp_path / "plm")
    study = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    study["plms"] = {"small": {"path": "plm", "max_input": 32, "max_output": 20}}
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(study), encoding="utf-8")
    open_study(file)
    (tmp_path / "plm/tokenizer.json").write_text(text)
    with pytest.raises(StudyError, match=r"plms\.small\.path: .*tokenizer\.json is not a tokenizer; copy it from"):
        open_study(file)
