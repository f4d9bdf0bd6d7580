"""The study file among the arguments of a command."""

from pathlib import Path

import pytest

from priming.cli.study_files import chosen, study_and_options
from priming.errors import StudyError

DEFAULT, MINE = Path("config.yaml"), Path("mine.yaml")


@pytest.mark.parametrize(
    ("argument", "option", "options", "expected"),
    [
        (None, None, [], (DEFAULT, [])),
        (MINE, None, ["-n"], (MINE, ["-n"])),
        (None, MINE, [], (MINE, [])),
        (Path("--cores"), None, ["2"], (DEFAULT, ["--cores", "2"])),
        (Path("tasks"), None, [], (DEFAULT, ["tasks"])),
        (Path("--cores"), MINE, ["2", "tasks"], (MINE, ["--cores", "2", "tasks"])),
    ],
)
def test_options_of_snakemake_are_no_study(
    argument: Path | None, option: Path | None, options: list[str], expected: tuple[Path, list[str]]
) -> None:
    assert study_and_options(argument, option, options) == expected


def test_the_same_file_may_be_given_twice() -> None:
    assert chosen(MINE, MINE) == MINE
    with pytest.raises(StudyError, match=r"two study files are given, mine.yaml and --study config.yaml; give one"):
        chosen(MINE, DEFAULT)
