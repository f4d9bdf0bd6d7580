"""Broken and hostile study files end in one message, within a second."""

from pathlib import Path
from time import process_time

import pytest

from priming.errors import StudyError
from priming.study import load_study
from priming.tasks.names import open_study
from tests.study.bad_studies import BAD_STUDIES

ALLOWED = 3.0
"""Seconds of processor time: one, and more for a machine that others use."""


@pytest.mark.parametrize("name", BAD_STUDIES)
def test_is_one_message(tmp_path: Path, name: str) -> None:
    text, expected = BAD_STUDIES[name]
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    begun = process_time()
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert process_time() - begun < ALLOWED
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(("content", "reason"), [(b"\xff\xfe\x00", "it is not UTF-8"), (b"\x00" * 600_000, "500,000")])
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=rf"study\.yaml: the study file cannot be read \(.*{reason}.*; give another"):
        load_study(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/dev/zero", "it has more than 500,000 bytes"), ("a" * 300, "File name too long"), ("/dev", "Is a directory")],
)
def test_what_is_no_study_file(path: str, reason: str) -> None:
    with pytest.raises(
        StudyError, match=rf"the study file cannot be read \({reason}\); give another with --configfile"
    ):
        load_study(Path(path))


def test_aliases_and_merges_in_measure_are_read(tmp_path: Path, study_file: Path) -> None:
    text = study_file.read_text(encoding="utf-8")
    again = text.replace("  source: [a, b]\n", "  source: &names [a, b]\n  without: *names\n")
    path = tmp_path / "aliases.yaml"
    path.write_text(f"{again}tuning: &t {{steps: 7}}\n", encoding="utf-8")
    study = load_study(path)
    assert (study.tasks.without, study.tuning.steps) == (["a", "b"], 7)


def test_samples_of_crossfit_have_32_bits(tmp_path: Path, study_file: Path) -> None:
    text = study_file.read_text(encoding="utf-8").replace("[d, e]", f"[glue-mrpc]\n  samples: [13, {2**32}]")
    path = tmp_path / "crossfit.yaml"
    path.write_text(text.replace("[a, b]", "[film_verdict]").replace("  development: [c]\n", ""), encoding="utf-8")
    with pytest.raises(
        StudyError, match=rf"tasks\.samples\[1\]: {2**32} is not for CrossFit's tasks.*less than {2**32}"
    ):
        open_study(path)
