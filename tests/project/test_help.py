"""What the help of the command line says is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from priming.cli.app import app
from priming.study import Study
from priming.study.fields import section_at

DOTTED = re.compile(r"(?<![\w/.-])[a-z_]+(?:\.[a-z_]+)+(?![\w/-])")
FILES = {".yaml", ".lock", ".json", ".jsonl", ".tsv", ".csv", ".toml", ".md"}


def commands(command: object) -> Iterator[object]:
    """A command of the command line and those below it."""
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from commands(below)


def helps() -> dict[str, str]:
    """The help of each command with that of its arguments and options."""
    found = {}
    for command in commands(typer.main.get_command(app)):
        texts = [getattr(each, "help", None) or "" for each in (command, *getattr(command, "params", ()))]
        found[str(getattr(command, "name", ""))] = "\n".join(texts)
    return found


def missing_keys(text: str) -> list[str]:
    """The dotted keys that a text names and that the study file does not have."""
    named = [word for word in DOTTED.findall(text) if Path(word).suffix not in FILES]
    return [word for word in named if not is_key(word)]


def is_key(word: str) -> bool:
    *above, last = word.split(".")
    section = section_at(Study, tuple(above))
    return section is not None and last in section.model_fields


@pytest.mark.parametrize("name", helps())
def test_every_key_that_a_help_names_is_in_the_study_file(name: str) -> None:
    assert missing_keys(helps()[name]) == []


def test_a_key_that_does_not_exist_is_found() -> None:
    text = "`data.hub`, or tasks.hub_folder (see dvc.yaml), tasks.define.mine.hub; tasks.define.mine.hubs."
    assert missing_keys(text) == ["data.hub", "tasks.define.mine.hubs"]
    assert "tasks.hub_folder" in helps()["mirror"]
