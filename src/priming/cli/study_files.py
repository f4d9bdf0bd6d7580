"""The study file on the command line: every command takes `--study FILE`, and one that needs nothing else `FILE`."""

from pathlib import Path
from typing import Annotated

import typer

from priming.errors import StudyError

DEFAULT = Path("config.yaml")
StudyArgument = Annotated[Path | None, typer.Argument(metavar="[STUDY]", help="The study file; default: config.yaml.")]
StudyOption = Annotated[Path | None, typer.Option("--study", help="The study file; default: config.yaml.")]


def chosen(argument: Path | None, option: Path | None) -> Path:
    """The study file, however it was given; raises StudyError for two different ones."""
    if argument and option and argument != option:
        raise StudyError(f"two study files are given, {argument} and --study {option}; give one")
    return argument or option or DEFAULT


def study_and_options(argument: Path | None, option: Path | None, options: list[str]) -> tuple[Path, list[str]]:
    """The study file, and options for Snakemake; after `--`, the first of them stands where a study file may."""
    is_study = argument is not None and not option and (argument.suffix in (".yaml", ".yml") or argument.is_file())
    if argument is None or is_study:
        return chosen(argument, option), options
    return option or DEFAULT, [str(argument), *options]
