"""The reference of the command line: the help of each command, as it prints it."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

from priming.cli.app import app

MARK = "<!-- the commands stand here -->"
WIDTH = 100


def filled(page: str) -> str:
    """The page with a section for each command at its mark; raises ValueError without a mark."""
    before, mark, after = page.partition(MARK)
    if not mark:
        raise ValueError(f"the page of the command line has no line {MARK!r}")
    return before + "\n\n".join(map(section, commands())) + after


def commands() -> Iterator[tuple[str, ...]]:
    """The words that call each command; a group stands before its commands."""
    yield from _below((), typer.main.get_command(app))


def section(words: tuple[str, ...]) -> str:
    """Heading and help of a command."""
    return f"## {' '.join(['priming', *words])}\n\n```text\n{shown_help(words)}\n```"


def shown_help(words: tuple[str, ...]) -> str:
    """What the command prints with `--help`."""
    environment = {"COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    done = CliRunner().invoke(app, [*words, "--help"], prog_name="priming", env=environment)
    if done.exit_code:
        raise RuntimeError(f"priming {' '.join(words)} --help ends with {done.exit_code}: {done.output}")
    return done.output.strip()


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    yield words
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from _below((*words, name), below)
